//! What a request may be told by a replica: nothing older than what its caller has written.
//!
//! The server opens a scope around each request. Statements find in it which reads the request allows, and leave in it
//! where in the log their commits are. Whatever runs outside of one (webhooks, background work) reads from the primary.

use std::cell::Cell;

use tokio_postgres::types::PgLsn;

/// A position in the write-ahead log of Postgres.
pub type Lsn = PgLsn;

/// Where a request may read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reads {
    /// From the primary: it writes, or reads in order to.
    Primary,
    /// Also from a replica that has replayed the log up to here.
    ReplicaAfter(Lsn),
}

struct Scope {
    reads: Cell<Reads>,
    written: Cell<Option<Lsn>>,
}

tokio::task_local! {
    static SCOPE: Scope;
}

/// Answers a request; with the answer, the position behind all that it has committed.
pub async fn scope<F: Future>(reads: Reads, request: F) -> (F::Output, Option<Lsn>) {
    let scope = Scope {
        reads: Cell::new(reads),
        written: Cell::new(None),
    };
    let answer = async {
        let output = request.await;
        (output, SCOPE.with(|scope| scope.written.get()))
    };
    SCOPE.scope(scope, answer).await
}

/// What a replica must have replayed for this request; None: it reads from the primary.
pub(crate) fn replica_after() -> Option<Lsn> {
    match SCOPE.try_with(|scope| scope.reads.get()) {
        Ok(Reads::ReplicaAfter(lsn)) => Some(lsn),
        Ok(Reads::Primary) | Err(_) => None,
    }
}

/// Whether somebody wants to know where commits are.
pub(crate) fn is_scoped() -> bool {
    SCOPE.try_with(|_| ()).is_ok()
}

/// The position of a commit whose answer was lost on the way: nothing that a replica has is new enough.
pub(crate) fn unknown() -> Lsn {
    Lsn::from(u64::MAX)
}

/// Notes a commit.
pub(crate) fn committed(position: Lsn) {
    // Outside of a scope nobody wants to know.
    _ = SCOPE.try_with(|scope| {
        scope.reads.set(Reads::Primary);
        scope.written.set(scope.written.get().max(Some(position)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_has_written_reads_from_the_primary_and_knows_its_newest_commit() {
        let (reads, written) = scope(Reads::ReplicaAfter(Lsn::from(7)), async {
            let before = replica_after();
            committed(Lsn::from(9));
            committed(Lsn::from(8));
            (before, replica_after())
        })
        .await;
        assert_eq!(reads, (Some(Lsn::from(7)), None));
        assert_eq!(written, Some(Lsn::from(9)));
    }

    #[tokio::test]
    async fn outside_of_a_request_everything_is_read_from_the_primary() {
        committed(Lsn::from(1));
        assert_eq!((replica_after(), is_scoped()), (None, false));
    }
}
