//! One user's share of the connections: what a single tenant keeps busy, others needn't wait for.
//!
//! Requests of one user may wait for each other in Postgres (imports lock the user's row), each holding a connection
//! meanwhile. So a request takes its place here before it asks the pool: beyond the share it waits without a
//! connection, behind its own user's requests only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// The places of each user who has something under way.
pub(crate) struct UserPermits {
    each: usize,
    wait: Duration,
    users: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

/// A place among the connections, given back when dropped.
pub(crate) type UserPermit = OwnedSemaphorePermit;

impl UserPermits {
    /// Half of `connections` for each user, but at least one; a request waits for its place no longer than `wait`.
    pub(crate) fn of(connections: usize, wait: Duration) -> Self {
        Self {
            each: (connections / 2).max(1),
            wait,
            users: Mutex::default(),
        }
    }

    /// A place for a request of this user's.
    pub(crate) async fn take(&self, user: &str) -> Result<UserPermit, Error> {
        let places = self.places(user);
        if let Ok(user_permits) = Arc::clone(&places).try_acquire_owned() {
            return Ok(user_permits);
        }
        match tokio::time::timeout(self.wait, places.acquire_owned()).await {
            Ok(Ok(user_permits)) => Ok(user_permits),
            Ok(Err(_)) | Err(_) => Err(Error::ShareExhausted),
        }
    }

    /// The user's places; whoever waits for one or holds one keeps them alive.
    fn places(&self, user: &str) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = users.get(user).and_then(Weak::upgrade) {
            return places;
        }
        // Before the map would grow, users with nothing under way leave: it is as large as they once were at a time.
        if users.len() == users.capacity() {
            users.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(self.each));
        users.insert(user.into(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    #[tokio::test]
    async fn a_user_has_half_of_the_connections_and_at_least_one() {
        for (connections, user_permits) in [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)] {
            let shares = UserPermits::of(connections, AT_ONCE);
            let mut held = Vec::new();
            for _ in 0..user_permits {
                held.push(shares.take("alice").await.unwrap());
            }
            let refused = shares.take("alice").await;
            assert!(matches!(refused, Err(Error::ShareExhausted)), "{connections}");
            assert!(shares.take("bob").await.is_ok(), "{connections}: another's share");
            held.pop();
            assert!(
                shares.take("alice").await.is_ok(),
                "{connections}: one was given back"
            );
        }
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_comes_free() {
        let shares = UserPermits::of(2, Duration::from_mins(1));
        let held = shares.take("alice").await.unwrap();
        let (waited, ()) = tokio::join!(shares.take("alice"), async { drop(held) });
        assert!(waited.is_ok());
    }

    #[tokio::test]
    async fn users_with_nothing_under_way_are_forgotten_and_the_others_are_not() {
        let shares = UserPermits::of(2, AT_ONCE);
        let held = shares.take("alice").await.unwrap();
        for n in 0..10_000 {
            drop(shares.take(&format!("user {n}")).await.unwrap());
        }
        assert!(shares.users.lock().unwrap().len() < 100);
        assert!(shares.take("alice").await.is_err(), "her place is still taken");
        drop(held);
        assert!(shares.take("alice").await.is_ok());
    }
}
