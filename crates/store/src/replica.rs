//! Reads on a streaming replica, and says when they go to the primary instead.
//!
//! Each read brings the position that the server must have replayed (`sql/replica.sql`): that of what its caller has
//! written, and no less than what the primary had a while ago. A server that hasn't refuses in the transaction that would have
//! read. Whether it is worth asking at all is what [`crate::ReplicaMonitor`] finds out, so that a dead replica costs
//! requests nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use crate::connect::Target;
use crate::error::Error;
use crate::pool::Connections;
use crate::read_your_writes::Lsn;
use crate::round_trip::{Identity, Statement, pipelined_tx};

/// Which replica there is.
#[derive(Clone)]
pub struct ReplicaSettings {
    /// Where it is.
    pub target: Target,
    /// How old its answers may be.
    pub max_lag: Duration,
}

/// Why a read that a replica might have answered went to the primary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fallback {
    /// Nobody has looked at the replica since the start, or since it refused a request.
    Unchecked,
    /// It can't be reached, or doesn't answer.
    Unreachable,
    /// Its login may not serve tenants.
    UnsafeLogin,
    /// It isn't in recovery: it was promoted, or never was a standby.
    NotAStandby,
    /// It is a standby of another cluster, or its database another one.
    OtherDatabase,
    /// It is older than it may be.
    Behind,
    /// It hasn't replayed yet what the caller has written.
    NotReplayed,
    /// It refused the statement: replaying the log was in the way, or it doesn't have a migration yet.
    Refused,
}

impl Fallback {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Unchecked,
        Self::Unreachable,
        Self::UnsafeLogin,
        Self::NotAStandby,
        Self::OtherDatabase,
        Self::Behind,
        Self::NotReplayed,
        Self::Refused,
    ];

    /// What metrics and logs call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Unreachable => "unreachable",
            Self::UnsafeLogin => "unsafe_login",
            Self::NotAStandby => "not_a_standby",
            Self::OtherDatabase => "other_database",
            Self::Behind => "behind",
            Self::NotReplayed => "not_replayed",
            Self::Refused => "refused",
        }
    }

    /// Whether the next request would fare no better.
    fn is_lasting(self) -> bool {
        !matches!(self, Self::NotReplayed | Self::Refused)
    }
}

/// How the replica does.
#[derive(Clone, Debug)]
pub struct ReplicaStatus {
    /// Why it isn't asked; None if it is.
    pub unfit: Option<Fallback>,
    /// How old its answers were when it was last looked at.
    pub lag: Duration,
    /// Reads that it has answered.
    pub reads: u64,
    /// Reads that the primary has answered in its stead, and why.
    pub fallbacks: [(Fallback, u64); 8],
    /// Connections to it that are open, and how many of them are in use.
    pub connections: (usize, usize),
}

/// The replica as tenants see it. It can be asked for a [`crate::ReplicaQuery`] by [`crate::Store::read`], and nothing else.
pub(crate) struct Replica {
    pub(crate) connections: Connections,
    pub(crate) max_lag: Duration,
    /// Why it isn't asked; None: it is.
    unfit: watch::Sender<Option<Fallback>>,
    /// What whoever answers must have replayed: where the primary was `max_lag` ago.
    floor: AtomicU64,
    lag_millis: AtomicU64,
    reads: AtomicU64,
    fallbacks: [AtomicU64; Fallback::ALL.len()],
}

impl Replica {
    pub(crate) fn new(connections: Connections, max_lag: Duration) -> Self {
        Self {
            connections,
            max_lag,
            unfit: watch::Sender::new(Some(Fallback::Unchecked)),
            floor: AtomicU64::default(),
            lag_millis: AtomicU64::default(),
            reads: AtomicU64::default(),
            fallbacks: Default::default(),
        }
    }

    /// What the replica answers; None: the primary is to be asked.
    pub(crate) async fn read(
        &self,
        after: Lsn,
        user: &str,
        settings: [&str; 4],
        statement: &Statement<'_>,
    ) -> Option<Result<Vec<Row>, Error>> {
        if let Some(reason) = *self.unfit.borrow() {
            self.count(reason);
            return None;
        }
        let floor = self.floor();
        let position = after.max(floor).to_string();
        let identity = Identity::on_replica(settings, &position);
        let answer = tokio::select! {
            biased;
            answer = pipelined_tx(&self.connections, Some(user), &identity, statement) => answer,
            () = self.is_lost() => Err(Error::Unavailable("it doesn't answer")),
        };
        let Err(error) = &answer else {
            self.reads.fetch_add(1, Ordering::Relaxed);
            return Some(answer);
        };
        let Some(reason) = fallback(error, after > floor) else {
            return Some(answer);
        };
        self.count(reason);
        if reason.is_lasting() {
            // Until the monitor has looked again, nobody else needs to find out.
            self.unfit.send_if_modified(|unfit| {
                let was_fit = unfit.is_none();
                unfit.get_or_insert(Fallback::Unchecked);
                was_fit
            });
        }
        None
    }

    /// Waits until the monitor gives it up: whoever waits for its answer then needn't any longer.
    async fn is_lost(&self) {
        let mut unfit = self.unfit.subscribe();
        // The sender lives as long as this does.
        drop(
            unfit
                .wait_for(|unfit| *unfit == Some(Fallback::Unreachable))
                .await,
        );
    }

    fn count(&self, reason: Fallback) {
        self.fallbacks[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn floor(&self) -> Lsn {
        Lsn::from(self.floor.load(Ordering::Relaxed))
    }

    pub(crate) fn set_floor(&self, floor: Lsn) {
        self.floor.store(floor.into(), Ordering::Relaxed);
    }

    pub(crate) fn set_lag(&self, lag: Duration) {
        let millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        self.lag_millis.store(millis, Ordering::Relaxed);
    }

    /// What the monitor has found.
    pub(crate) fn judge(&self, unfit: Option<Fallback>) {
        let before = self.unfit.send_replace(unfit);
        match unfit {
            Some(reason) if before != unfit => {
                tracing::warn!(reason = reason.name(), "the replica is not read from");
            }
            None if before.is_some() => tracing::info!("the replica is read from"),
            _ => (),
        }
    }

    pub(crate) fn status(&self) -> ReplicaStatus {
        let count = |reason| {
            let count = &self.fallbacks[reason as usize];
            (reason, count.load(Ordering::Relaxed))
        };
        ReplicaStatus {
            unfit: *self.unfit.borrow(),
            lag: Duration::from_millis(self.lag_millis.load(Ordering::Relaxed)),
            reads: self.reads.load(Ordering::Relaxed),
            fallbacks: Fallback::ALL.map(count),
            connections: self.connections.status(),
        }
    }
}

/// Why the primary is asked after this error; None: it would fare no better. `is_own` says that the caller has written
/// later than what every answer must have.
fn fallback(error: &Error, is_own: bool) -> Option<Fallback> {
    match error {
        Error::Sql(refusal) if refusal.code == SqlState::DIVISION_BY_ZERO.code() => Some(if is_own {
            Fallback::NotReplayed
        } else {
            Fallback::Behind
        }),
        Error::Sql(_) | Error::StatementForgotten => Some(Fallback::Refused),
        Error::Unavailable(_) => Some(Fallback::Unreachable),
        Error::UnsafeLogin(_) => Some(Fallback::UnsafeLogin),
        // Its own load, or the user's, isn't for the primary to bear as well; a mistake is the same there.
        Error::PoolExhausted
        | Error::ShareExhausted
        | Error::StatementTimeout
        | Error::Mismatch(_)
        | Error::Abandoned => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlError;

    fn refusal(code: &SqlState) -> Error {
        Error::Sql(SqlError {
            code: code.code().to_owned(),
            constraint: None,
            table: None,
            column: None,
        })
    }

    #[test]
    fn load_is_not_moved_to_the_primary_and_everything_else_is() {
        for (error, reason) in [
            (Error::PoolExhausted, None),
            (Error::ShareExhausted, None),
            (Error::StatementTimeout, None),
            (Error::Unavailable("x"), Some(Fallback::Unreachable)),
            (Error::UnsafeLogin(String::new()), Some(Fallback::UnsafeLogin)),
            (refusal(&SqlState::DIVISION_BY_ZERO), Some(Fallback::Behind)),
            (
                refusal(&SqlState::T_R_SERIALIZATION_FAILURE),
                Some(Fallback::Refused),
            ),
            (refusal(&SqlState::UNDEFINED_TABLE), Some(Fallback::Refused)),
        ] {
            assert_eq!(fallback(&error, false), reason, "{error}");
        }
    }

    #[test]
    fn a_replica_that_lacks_what_the_caller_wrote_is_asked_by_others() {
        let reason = fallback(&refusal(&SqlState::DIVISION_BY_ZERO), true);
        assert_eq!(reason, Some(Fallback::NotReplayed));
        assert!(!Fallback::NotReplayed.is_lasting() && Fallback::Behind.is_lasting());
    }

    #[test]
    fn reasons_are_counted_in_their_order() {
        for (place, reason) in Fallback::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
