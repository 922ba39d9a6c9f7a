//! The one door to tenant rows: a transaction that carries an identity into Postgres.
//!
//! Two shapes. [`Store::run`] sends the settings and a statement in one round trip (`round_trip`).
//! [`Store::run_as`] gives a closure a [`TenantTx`] for several statements that depend on each other. Neither lets a
//! caller choose the role, the settings or the commit.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::join;
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use tracing::Instrument as _;

use crate::connect::Target;
use crate::error::Error;
use crate::listener::{Channel, Listener};
use crate::pool::{Connections, Lease, ReadyStatement};
use crate::prepared::{Preparation, PreparedStatements};
use crate::query::{Access, Query, Role, RouterQuery};
use crate::round_trip::{Identity, Statement, run_in_a_frame, run_in_one_message, transaction_frame};

/// How the store behaves; `crates/server/docs/configuration.md` has the settings.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Connections kept open at most.
    pub pool_size: usize,
    /// After this long a statement is stopped; milliseconds matter, the rest is cut.
    pub statement_timeout: Duration,
    /// Whether statements are prepared under names.
    pub prepared_statements: PreparedStatements,
}

/// What the database is ready for.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// The newest migration; None before the first.
    pub schema_version: Option<i32>,
    /// A standby: it takes no writes until it is promoted.
    pub in_recovery: bool,
    /// It takes no writes, by its settings or because it is a standby.
    pub read_only: bool,
    /// Whether statements have names there.
    pub preparation: Preparation,
}

/// The database as tenants see it.
pub struct Store {
    connections: Connections,
    statement_timeout: String,
}

/// The role that routes: it may execute the functions of `policies/00_webhooks.sql` that are granted to it.
const ROUTER: &str = "mako_router";

/// Nobody's id, since it is none.
const STRANGERS: &str = "";

impl Store {
    /// Prepares the pool; connects to nothing yet.
    pub fn new(target: &Target, settings: &StoreSettings) -> Result<Self, Error> {
        let statement_timeout = settings.statement_timeout.as_millis().to_string();
        Ok(Self {
            connections: Connections::new(
                target,
                settings.pool_size,
                settings.prepared_statements,
                &statement_timeout,
            )?,
            statement_timeout,
        })
    }

    /// Runs one of the router's statements, as nobody.
    pub(crate) async fn route(
        &self,
        query: &'static RouterQuery,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        self.route_within(None, query, params).await
    }

    /// The same for who has only claimed to be somebody: all of them together have the share of one user.
    pub(crate) async fn route_stranger(
        &self,
        query: &'static RouterQuery,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        match self.route_within(Some(STRANGERS), query, params).await {
            Err(Error::ShareExhausted) => Err(Error::PoolExhausted),
            other => other,
        }
    }

    async fn route_within(
        &self,
        share: Option<&str>,
        query: &'static RouterQuery,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = Statement {
            name: query.name,
            sql: query.sql,
            types: query.types,
            params: params.to_vec(),
        };
        let identity = self.identity("", ROUTER, Access::Write);
        self.pipelined_tx(share, identity, statement).await
    }

    /// One transaction in one round trip.
    async fn pipelined_tx(
        &self,
        user: Option<&str>,
        identity: Identity<'_>,
        statement: Statement<'_>,
    ) -> Result<Vec<Row>, Error> {
        let once = async || self.pipelined_tx_once(user, &identity, &statement).await;
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
        &self,
        user: Option<&str>,
        identity: &Identity<'_>,
        statement: &Statement<'_>,
    ) -> Result<Vec<Row>, Error> {
        let mut lease = self.connections.lease(user).await?;
        lease.busy();
        if lease.takes_preface() {
            run_in_one_message(&mut lease, identity, statement).await
        } else {
            run_in_a_frame(&mut lease, identity, statement).await
        }
    }

    /// Runs a statement as the caller, in one transaction and one round trip; `params` are the values of `$2…`.
    ///
    /// If the future is dropped after its first poll, the statement is on the wire and *is committed*; creates
    /// therefore take an idempotency key.
    pub async fn run(
        &self,
        claims: &Claims,
        query: &'static Query,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let user_id = claims.user_id();
        let statement = Statement {
            name: query.name,
            sql: query.sql,
            types: query.types,
            params: std::iter::once(&user_id as &(dyn ToSql + Sync))
                .chain(params.iter().copied())
                .collect(),
        };
        let identity = self.identity(claims.payload(), query.role.name(), query.access);
        // Boxed: a statement under way is kilobytes, which every future around would carry along.
        Box::pin(self.pipelined_tx(Some(user_id), identity, statement)).await
    }

    /// Runs `work` in a transaction as the caller, and commits if it succeeds.
    ///
    /// If any statement failed, nothing is committed and its error is returned, even if `work` swallowed
    /// it. If the future is dropped, nothing is committed.
    #[tracing::instrument(name = "transaction", skip_all, fields(name = "several"))]
    pub async fn run_as<T, E: From<Error>>(
        &self,
        claims: &Claims,
        access: Access,
        work: impl AsyncFnOnce(&TenantTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let identity = self.identity(claims.payload(), Role::Authenticated.name(), access);
        let (mut lease, commit) = match self.begin(claims.user_id(), &identity).await {
            Err(Error::StatementForgotten) => self.begin(claims.user_id(), &identity).await,
            other => other,
        }?;
        let tx = TenantTx {
            lease: &lease,
            claims,
            first_error: Mutex::new(None),
            unanswered: AtomicUsize::new(0),
        };
        let done = work(&tx).await?;
        // COMMIT answers OK for an aborted transaction, so its answer proves nothing.
        tx.verdict()?;
        lease.run(&commit, &[]).await.map_err(Error::from)?;
        lease.idle();
        Ok(done)
    }

    /// A connection in a transaction of the caller's, and what commits it.
    async fn begin(&self, user: &str, identity: &Identity<'_>) -> Result<(Lease, ReadyStatement), Error> {
        let mut lease = self.connections.lease(Some(user)).await?;
        lease.busy();
        let (begin, settings, commit) = transaction_frame(&lease).await?;
        let identity = identity.params();
        let (opened, set) = join!(lease.run(&begin, &[]), lease.run(&settings, &identity));
        opened?;
        set?;
        Ok((lease, commit))
    }

    /// Listens on a connection beside the pool's; None behind a pooler, where nothing would be heard.
    pub async fn listen(&self, channel: Channel) -> Result<Option<Listener>, Error> {
        self.connections.listen(channel).await
    }

    /// Whether a connection can be had and answers, and what the database is ready for.
    pub async fn readiness(&self) -> Result<Readiness, Error> {
        let (lease, rows) = self.connections.ask(READINESS, &[], &[]).await?;
        let row = rows.first().ok_or(Error::Mismatch("one row"))?;
        let (in_recovery, read_only): (bool, bool) = (row.get(1), row.get(2));
        if read_only && !in_recovery {
            // Perhaps only this session still is: the next question is a new one's.
            lease.outdated();
        }
        Ok(Readiness {
            schema_version: row.get(0),
            in_recovery,
            read_only,
            preparation: self.connections.preparation(),
        })
    }

    /// Ids of the master keys that sealed what is stored, for whatever tenant.
    pub(crate) async fn sealing_keys_in_use(&self) -> Result<Vec<String>, Error> {
        let sql = "select mako.sealing_keys_in_use()";
        let (_, rows) = self.connections.ask(sql, &[], &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Has Postgres trust these apps with users' keys, and no others; see `mako.client_is_trusted()`.
    pub async fn trust_clients(&self, client_ids: &[String]) -> Result<(), Error> {
        let (sql, types) = ("select mako.trust_clients($1)", &[Type::TEXT_ARRAY]);
        self.connections.ask(sql, types, &[&client_ids]).await?;
        Ok(())
    }

    fn identity<'a>(&'a self, payload: &'a str, role: &'a str, access: Access) -> Identity<'a> {
        let access = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        Identity([payload, &self.statement_timeout, role, access])
    }

    /// Connections open, and how many of them are in use.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        self.connections.status()
    }
}

/// A transaction in which Postgres knows the tenant. Made by [`Store::run_as`] only.
pub struct TenantTx<'a> {
    lease: &'a Lease,
    claims: &'a Claims,
    first_error: Mutex<Option<Error>>,
    unanswered: AtomicUsize,
}

impl TenantTx<'_> {
    /// Runs a statement; `params` are the values of `$2…`.
    pub async fn run(
        &self,
        query: &'static Query,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        if query.role != Role::Authenticated {
            return Err(Error::Mismatch("one transaction, one role"));
        }
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let user_id = self.claims.user_id();
        let params: Vec<&(dyn ToSql + Sync)> = std::iter::once(&user_id as &(dyn ToSql + Sync))
            .chain(params.iter().copied())
            .collect();
        let answer = async {
            let ready = self.lease.make_ready(query.sql, query.types).await?;
            self.lease.run(&ready, &params).await.map_err(Error::from)
        }
        .instrument(tracing::info_span!("statement", name = query.name))
        .await;
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        answer.inspect_err(|error| {
            let mut first = self
                .first_error
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            first.get_or_insert_with(|| error.clone());
        })
    }

    /// The first error of the transaction, or that one of its statements was never waited for.
    fn verdict(self) -> Result<(), Error> {
        match self
            .first_error
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
        {
            Some(error) => Err(error),
            None if self.unanswered.into_inner() > 0 => Err(Error::Abandoned),
            None => Ok(()),
        }
    }
}

const READINESS: &str =
    "select mako.schema_version(), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
