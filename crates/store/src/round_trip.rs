//! Sends a transaction's settings and statements in one round trip.

use futures_util::join;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use tracing::Instrument as _;

use crate::distributed::{self, SettingsText};
use crate::error::Error;
use crate::pool::{Connections, Lease, ReadyStatement};
use crate::read_your_writes::{self, Lsn};

/// A statement with the values of all its parameters.
pub(crate) struct Statement<'a> {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) types: &'static [Type],
    pub(crate) params: Vec<&'a (dyn ToSql + Sync)>,
    /// Whether to ask where its commit is in the log.
    pub(crate) positioned: bool,
}

/// Who speaks in a transaction, and what it may do: a statement that sets it, and the values of its parameters.
pub(crate) struct Identity<'a> {
    sql: &'static SettingsText,
    values: [&'a str; 5],
    count: usize,
}

impl<'a> Identity<'a> {
    /// With the values of `sql/settings.sql`.
    pub(crate) fn new([claims, timeout, role, access]: [&'a str; 4]) -> Self {
        Self {
            sql: &SETTINGS,
            values: [claims, timeout, role, access, ""],
            count: 4,
        }
    }

    /// The same on a standby that has replayed the log up to `position`; any other server refuses it.
    pub(crate) fn on_replica([claims, timeout, role, access]: [&'a str; 4], position: &'a str) -> Self {
        Self {
            sql: &REPLICA_SETTINGS,
            values: [claims, timeout, role, access, position],
            count: 5,
        }
    }

    /// The statement, as this session is to be told.
    fn sql(&self, lease: &Lease) -> &'static str {
        self.sql.text(lease.is_distributed())
    }

    fn values(&self) -> &[&'a str] {
        &self.values[..self.count]
    }

    /// The values as parameters.
    pub(crate) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        let values = self.values().iter();
        values.map(|value| value as &(dyn ToSql + Sync)).collect()
    }

    fn types(&self) -> &'static [Type] {
        &TEXTS[..self.count]
    }
}

/// Transaction-local settings, in one statement. The legacy claims are blanked because Supabase's
/// `auth.uid()` prefers them: a stale one would impersonate.
static SETTINGS: SettingsText = SettingsText::new(SETTINGS_SQL, || distributed::forwarding(SETTINGS_SQL));
static REPLICA_SETTINGS: SettingsText = SettingsText::new(REPLICA_SETTINGS_SQL, || {
    distributed::forwarding(REPLICA_SETTINGS_SQL)
});
const SETTINGS_SQL: &str = include_str!("../../../sql/settings.sql");
const REPLICA_SETTINGS_SQL: &str = concat!(
    include_str!("../../../sql/settings.sql"),
    include_str!("../../../sql/replica.sql")
);
static TEXTS: [Type; 5] = [Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT];

/// Behind the commit of whoever asks, at the least.
const POSITION: &str = "select pg_current_wal_insert_lsn()";

/// One transaction in one round trip.
pub(crate) async fn pipelined_tx(
    connections: &Connections,
    user: Option<&str>,
    identity: &Identity<'_>,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, Error> {
    let once = async || pipelined_tx_once(connections, user, identity, statement).await;
    async {
        match once().await {
            Err(Error::StatementForgotten) => once().await,
            other => other,
        }
    }
    .instrument(tracing::info_span!("transaction", name = statement.name))
    .await
}

/// The same, with a statement under its name as long as none was forgotten. What met the first such was refused as a
/// whole: nothing was done.
async fn pipelined_tx_once(
    connections: &Connections,
    user: Option<&str>,
    identity: &Identity<'_>,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, Error> {
    let mut lease = connections.lease(user).await?;
    lease.busy();
    if lease.takes_preface() {
        run_in_one_message(&mut lease, identity, statement).await
    } else {
        run_in_a_frame(&mut lease, identity, statement).await
    }
}

/// One statement: it and its settings are one message, and what a message does is a transaction.
async fn run_in_one_message(
    lease: &mut Lease,
    identity: &Identity<'_>,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, Error> {
    // Preparing comes first: it would be the next thing that is sent.
    let position = Position::of(lease, statement.positioned).await?;
    let ready = lease.make_ready(statement.sql, statement.types).await?;
    let values = identity.values();
    let (rows, committed) = join!(
        lease.run_with_preface(identity.sql(lease), values, &ready, &statement.params),
        position.ask(lease),
    );
    let rows = rows?;
    committed.note();
    lease.idle();
    Ok(rows)
}

/// A statement between BEGIN and COMMIT, after the settings.
async fn run_in_a_frame(
    lease: &mut Lease,
    identity: &Identity<'_>,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, Error> {
    // All preparing comes first: it is a round trip of its own, and must not fall behind COMMIT.
    let position = Position::of(lease, statement.positioned).await?;
    let (begin, settings, commit) = transaction_frame(lease, identity).await?;
    let ready = lease
        .make_query_ready(statement.name, statement.sql, statement.types)
        .await?;

    let identity = identity.params();
    // `join!` polls all of them before any answer is looked at, so that COMMIT is queued whatever
    // happens to the others. `try_join!` would leave the transaction open when a parameter fails to encode.
    let (opened, set, rows, ended, committed) = join!(
        lease.run(&begin, &[]),
        lease.run(&settings, &identity),
        lease.run(&ready, &statement.params),
        lease.run(&commit, &[]),
        position.ask(lease),
    );
    if ended.is_ok() {
        lease.idle();
    }
    opened?;
    set?;
    let rows = rows?;
    ended?;
    committed.note();
    Ok(rows)
}

/// What stands around every tenant's statements: BEGIN, the settings, COMMIT.
pub(crate) async fn transaction_frame(
    lease: &Lease,
    identity: &Identity<'_>,
) -> Result<(ReadyStatement, ReadyStatement, ReadyStatement), Error> {
    Ok((
        lease.make_ready("begin", &[]).await?,
        lease.make_ready(identity.sql(lease), identity.types()).await?,
        lease.make_ready("commit", &[]).await?,
    ))
}

/// Commits, and notes where that is in the log if somebody wants to know.
pub(crate) async fn end(lease: &Lease, commit: &ReadyStatement, positioned: bool) -> Result<(), Error> {
    let position = Position::of(lease, positioned).await?;
    let (ended, committed) = join!(lease.run(commit, &[]), position.ask(lease));
    ended?;
    committed.note();
    Ok(())
}

/// The question where a commit is, if somebody wants to know: sent behind it, without a round trip of its own.
struct Position(Option<ReadyStatement>);

/// Where a commit is, once it is known to be one.
struct Committed(Option<Lsn>);

impl Position {
    async fn of(lease: &Lease, wanted: bool) -> Result<Self, Error> {
        Ok(Self(if wanted {
            Some(lease.make_ready(POSITION, &[]).await?)
        } else {
            None
        }))
    }

    /// Must be polled after what commits.
    async fn ask(&self, lease: &Lease) -> Committed {
        let Some(ready) = &self.0 else {
            return Committed(None);
        };
        let answer = lease.run(ready, &[]).await.unwrap_or_default();
        let position = answer.first().map(|row| row.get(0));
        Committed(Some(position.unwrap_or_else(read_your_writes::unknown)))
    }
}

impl Committed {
    fn note(self) {
        if let Some(position) = self.0 {
            read_your_writes::committed(position);
        }
    }
}
