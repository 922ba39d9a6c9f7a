//! How many requests of one user may be under way: what a single tenant does, in a loop or waiting for a provider that
//! hangs, leaves clients of the others their connections.
//!
//! Who is over the limit is answered at once, so that the connection is free again. The database's connections have shares of
//! their own (`store`), for which a request may wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::problem::Problem;

type Users = Mutex<HashMap<Arc<str>, usize>>;

/// Counts what is under way for each user.
pub(crate) struct ConcurrencyLimiter {
    each: usize,
    users: Arc<Users>,
}

/// A request that is under way, until this is dropped.
pub(crate) struct Permit {
    user: Arc<str>,
    users: Arc<Users>,
}

impl ConcurrencyLimiter {
    /// Half of the clients' `connections` for each user, but at least one.
    pub(crate) fn of(connections: usize) -> Self {
        Self {
            each: (connections / 2).max(1),
            users: Arc::default(),
        }
    }

    /// Lets one more of this user's requests begin.
    pub(crate) fn begin(&self, user: &str) -> Result<Permit, Problem> {
        let user: Arc<str> = user.into();
        let mut users = lock(&self.users);
        let under_way = users.entry(Arc::clone(&user)).or_default();
        if *under_way >= self.each {
            return Err(Problem::too_many_at_once());
        }
        *under_way += 1;
        Ok(Permit {
            user,
            users: Arc::clone(&self.users),
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut users = lock(&self.users);
        if let Some(under_way) = users.get_mut(&self.user) {
            *under_way -= 1;
            if *under_way == 0 {
                users.remove(&self.user);
            }
        }
    }
}

fn lock(users: &Users) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
    users.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_half_of_the_connections_and_at_least_one() {
        for (connections, each) in [(1, 1), (3, 1), (8, 4)] {
            let limiter = ConcurrencyLimiter::of(connections);
            let mut begun: Vec<_> = (0..each).map(|_| limiter.begin("alice").unwrap()).collect();
            assert!(limiter.begin("alice").is_err(), "{connections}");
            assert!(limiter.begin("bob").is_ok(), "{connections}: another's half");
            begun.pop();
            assert!(limiter.begin("alice").is_ok(), "{connections}: one has ended");
        }
    }

    #[test]
    fn users_with_nothing_under_way_are_forgotten() {
        let limiter = ConcurrencyLimiter::of(2);
        let alice = limiter.begin("alice").unwrap();
        drop(limiter.begin("bob").unwrap());
        assert!(limiter.begin("alice").is_err());
        assert_eq!(lock(&limiter.users).len(), 1);
        drop(alice);
        assert!(lock(&limiter.users).is_empty());
    }
}
