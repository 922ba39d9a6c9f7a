//! Sends a transaction's settings and statements in one round trip.

use futures_util::join;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::error::Error;
use crate::pool::{Lease, ReadyStatement};

/// A statement with the values of all its parameters.
pub(crate) struct Statement<'a> {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) types: &'static [Type],
    pub(crate) params: Vec<&'a (dyn ToSql + Sync)>,
}

/// Who speaks in a transaction, and what it may do: the values of `sql/settings.sql`.
pub(crate) struct Identity<'a>(pub(crate) [&'a str; 4]);

impl Identity<'_> {
    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 4] {
        self.0.each_ref().map(|value| value as &(dyn ToSql + Sync))
    }
}

/// Transaction-local settings, in one statement. The legacy claims are blanked because Supabase's
/// `auth.uid()` prefers them: a stale one would impersonate.
const SETTINGS: &str = include_str!("../../../sql/settings.sql");

/// One statement: it and its settings are one message, and what a message does is a transaction.
pub(crate) async fn run_in_one_message(
    lease: &mut Lease,
    identity: &Identity<'_>,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, Error> {
    // Preparing comes first: it would be the next thing that is sent.
    let ready = lease.make_ready(statement.sql, statement.types).await?;
    let rows = lease
        .run_with_preface(SETTINGS, &identity.0, &ready, &statement.params)
        .await?;
    lease.idle();
    Ok(rows)
}

/// A statement between BEGIN and COMMIT, after the settings.
pub(crate) async fn run_in_a_frame(
    lease: &mut Lease,
    identity: &Identity<'_>,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, Error> {
    // All preparing comes first: it is a round trip of its own, and must not fall behind COMMIT.
    let (begin, settings, commit) = transaction_frame(lease).await?;
    let ready = lease.make_ready(statement.sql, statement.types).await?;

    let identity = identity.params();
    // `join!` polls all of them before any answer is looked at, so that COMMIT is queued whatever
    // happens to the others. `try_join!` would leave the transaction open when a parameter fails to encode.
    let (opened, set, rows, committed) = join!(
        lease.run(&begin, &[]),
        lease.run(&settings, &identity),
        lease.run(&ready, &statement.params),
        lease.run(&commit, &[]),
    );
    if committed.is_ok() {
        lease.idle();
    }
    opened?;
    set?;
    let rows = rows?;
    committed?;
    Ok(rows)
}

/// What stands around every tenant's statements: BEGIN, the settings, COMMIT.
pub(crate) async fn transaction_frame(
    lease: &Lease,
) -> Result<(ReadyStatement, ReadyStatement, ReadyStatement), Error> {
    Ok((
        lease.make_ready("begin", &[]).await?,
        lease
            .make_ready(SETTINGS, &[Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT])
            .await?,
        lease.make_ready("commit", &[]).await?,
    ))
}
