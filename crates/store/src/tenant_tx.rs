//! The one door to tenant rows: a transaction that carries an identity into Postgres.
//!
//! Two shapes. [`Store::run`] sends the settings and a statement in one round trip (`round_trip`).
//! [`Store::run_as`] gives a closure a [`TenantTx`] for several statements that depend on each other. Neither lets a
//! caller choose the role, the settings or the commit.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::{join, poll};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use tracing::Instrument as _;

use crate::connect::Target;
use crate::encoded::Encoded;
use crate::error::Error;
use crate::listener::{Channel, Listener};
use crate::pool::{Connections, Lease, ReadyStatement};
use crate::prepared::{Preparation, PreparedStatements};
use crate::query::{Access, Query, ReplicaQuery, Role, RouterQuery};
use crate::read_your_writes;
use crate::replica::{Replica, ReplicaSettings, ReplicaStatus};
use crate::round_trip::{Identity, Statement, end, pipelined_tx, transaction_frame};

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
    pub(crate) connections: Connections,
    statement_timeout: String,
    pub(crate) replica: Option<Replica>,
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
            replica: None,
        })
    }

    /// The same, reading from a replica what may be read there. It isn't asked before a [`crate::ReplicaMonitor`] has
    /// looked at it.
    pub fn with_replica(self, replica: &ReplicaSettings, settings: &StoreSettings) -> Result<Self, Error> {
        let connections = Connections::new(
            &replica.target,
            settings.pool_size,
            settings.prepared_statements,
            &self.statement_timeout,
        )?;
        Ok(Self {
            replica: Some(Replica::new(connections, replica.max_lag)),
            ..self
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
            positioned: false,
        };
        let identity = Identity::new(self.settings("", ROUTER, Access::Write));
        // Boxed as in `run`.
        Box::pin(pipelined_tx(&self.connections, share, &identity, &statement)).await
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
        let statement = self.statement(query, &user_id, params);
        let identity = Identity::new(self.settings(claims.payload(), query.role.name(), query.access));
        let transaction = pipelined_tx(&self.connections, Some(user_id), &identity, &statement);
        // Boxed: a statement under way is kilobytes, which every future around would carry along.
        Box::pin(transaction).await
    }

    /// Runs a statement as [`Store::run`] does, but on the replica if there is one, the request lets it
    /// ([`crate::read_your_writes`]) and it is fit for it.
    pub async fn read(
        &self,
        claims: &Claims,
        ReplicaQuery(query): &'static ReplicaQuery,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        if let Some(replica) = &self.replica
            && let Some(after) = read_your_writes::replica_after()
        {
            let user_id = claims.user_id();
            let statement = self.statement(query, &user_id, params);
            let settings = self.settings(claims.payload(), query.role.name(), Access::Read);
            if let Some(answer) = Box::pin(replica.read(after, user_id, settings, &statement)).await {
                return answer;
            }
        }
        self.run(claims, query, params).await
    }

    fn statement<'a>(
        &self,
        query: &'static Query,
        user_id: &'a &str,
        params: &[&'a (dyn ToSql + Sync)],
    ) -> Statement<'a> {
        let user_id: &(dyn ToSql + Sync) = user_id;
        Statement {
            name: query.name,
            sql: query.sql,
            types: query.types,
            params: std::iter::once(user_id).chain(params.iter().copied()).collect(),
            positioned: self.tells_positions(query.access),
        }
    }

    /// Whether a commit's position is of use: without a replica nobody asks for it.
    fn tells_positions(&self, access: Access) -> bool {
        access == Access::Write && self.replica.is_some() && read_your_writes::is_scoped()
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
        let identity = Identity::new(self.settings(claims.payload(), Role::Authenticated.name(), access));
        let (mut lease, frame) = match self.begin(claims.user_id(), &identity).await {
            Err(Error::StatementForgotten) => self.begin(claims.user_id(), &identity).await,
            other => other,
        }?;
        let tx = TenantTx {
            lease: &lease,
            claims,
            first_error: Mutex::default(),
            unanswered: AtomicUsize::new(0),
            sent: Mutex::default(),
        };
        let Frame { opening, commit } = frame;
        for (ready, encoded) in opening {
            tx.put_on_wire(ready, encoded, tracing::Span::none()).await?;
        }
        let done = work(&tx).await?;
        tx.verdict()?;
        // Boxed as in `run`. If something that was sent has failed, COMMIT rolls back; it answers OK all the same, so
        // its answer proves nothing.
        let commit = Box::pin(end(&lease, &commit, self.tells_positions(access)));
        let ((), ended) = join!(tx.settle(), commit);
        ended?;
        tx.verdict()?;
        drop(tx);
        lease.idle();
        Ok(done)
    }

    /// A connection for a transaction of the caller's, and what is to stand around its statements.
    async fn begin(&self, user: &str, identity: &Identity<'_>) -> Result<(Lease, Frame), Error> {
        let mut lease = self.connections.lease(Some(user)).await?;
        lease.busy();
        let (begin, settings, commit) = transaction_frame(&lease, identity).await?;
        let values = identity.params();
        if lease.is_own() {
            let values = values.into_iter().map(|value| Encoded::new(value, &Type::TEXT));
            let opening = vec![(begin, Vec::new()), (settings, values.collect::<Result<_, _>>()?)];
            return Ok((lease, Frame { opening, commit }));
        }
        // A pooler may have forgotten them, and then it is tried again: before anything else is sent.
        let (opened, set) = join!(lease.run(&begin, &[]), lease.run(&settings, &values));
        opened?;
        set?;
        let opening = Vec::new();
        Ok((lease, Frame { opening, commit }))
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

    fn settings<'a>(&'a self, payload: &'a str, role: &'a str, access: Access) -> [&'a str; 4] {
        let access = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        [payload, &self.statement_timeout, role, access]
    }

    /// How the replica does; None if there is none.
    #[must_use]
    pub fn replica_status(&self) -> Option<ReplicaStatus> {
        self.replica.as_ref().map(Replica::status)
    }

    /// Connections to the primary that are open, and how many of them are in use.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        self.connections.status()
    }
}

/// What stands around the statements of a transaction.
struct Frame {
    /// What is still to be sent in front of the first, in the same round trip.
    opening: Vec<(ReadyStatement, Vec<Encoded>)>,
    commit: ReadyStatement,
}

/// A transaction in which Postgres knows the tenant. Made by [`Store::run_as`] only.
pub struct TenantTx<'a> {
    lease: &'a Lease,
    claims: &'a Claims,
    first_error: Mutex<Option<Error>>,
    unanswered: AtomicUsize,
    /// What was sent and is answered before whatever follows it.
    sent: Mutex<Vec<Sent<'a>>>,
}

/// A statement under way whose rows nobody needs.
type Sent<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

impl TenantTx<'_> {
    /// Runs a statement; `params` are the values of `$2…`. If one before it has failed, that is the error.
    pub async fn run(
        &self,
        query: &'static Query,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let user_id = self.claims.user_id();
        let params: Vec<&(dyn ToSql + Sync)> = std::iter::once(&user_id as &(dyn ToSql + Sync))
            .chain(params.iter().copied())
            .collect();
        let answer = async {
            let ready = self.make_ready(query).await?;
            self.lease.run(&ready, &params).await.map_err(Error::from)
        }
        .instrument(tracing::info_span!("statement", name = query.name))
        .await;
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        match answer {
            Ok(rows) => Ok(rows),
            Err(error) => Err(self.failed(error).await),
        }
    }

    /// Puts a statement on the wire without waiting for its answer, which saves a round trip: it is run before whatever
    /// follows, and if it fails, so does that, and the transaction.
    pub async fn send(&self, query: &'static Query, params: &[&(dyn ToSql + Sync)]) -> Result<(), Error> {
        let ready = match self.make_ready(query).await {
            Ok(ready) => ready,
            Err(error) => return Err(self.failed(error).await),
        };
        let user_id = self.claims.user_id();
        let params = std::iter::once(&user_id as &(dyn ToSql + Sync)).chain(params.iter().copied());
        let encoded = params
            .zip(query.types)
            .map(|(param, kind)| Encoded::new(param, kind));
        let encoded = match encoded.collect::<Result<Vec<_>, _>>() {
            Ok(encoded) => encoded,
            Err(error) => return Err(self.failed(error).await),
        };
        let span = tracing::info_span!("statement", name = query.name);
        self.put_on_wire(ready, encoded, span).await
    }

    /// Sends a statement, behind what was sent before and in front of whatever follows.
    async fn put_on_wire(
        &self,
        ready: ReadyStatement,
        params: Vec<Encoded>,
        span: tracing::Span,
    ) -> Result<(), Error> {
        let lease = self.lease;
        let answer = async move {
            let params: Vec<_> = params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
            lease.run(&ready, &params).await.map(drop).map_err(Error::from)
        };
        let mut answer: Sent<'_> = Box::pin(answer.instrument(span));
        match poll!(answer.as_mut()) {
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(error)) => Err(self.failed(error).await),
            Poll::Pending => {
                locked(&self.sent).push(answer);
                Ok(())
            }
        }
    }

    async fn make_ready(&self, query: &'static Query) -> Result<ReadyStatement, Error> {
        if query.role != Role::Authenticated {
            return Err(Error::Mismatch("one transaction, one role"));
        }
        self.lease
            .make_query_ready(query.name, query.sql, query.types)
            .await
    }

    /// The first error of the transaction, whose others only follow from it.
    async fn failed(&self, error: Error) -> Error {
        self.settle().await;
        locked(&self.first_error).get_or_insert(error).clone()
    }

    /// Waits for what was sent.
    async fn settle(&self) {
        let sent = std::mem::take(&mut *locked(&self.sent));
        for answer in sent {
            if let Err(error) = answer.await {
                locked(&self.first_error).get_or_insert(error);
            }
        }
    }

    /// The first error of the transaction, or that one of its statements was never waited for.
    fn verdict(&self) -> Result<(), Error> {
        match &*locked(&self.first_error) {
            Some(error) => Err(error.clone()),
            None if self.unanswered.load(Ordering::Relaxed) > 0 => Err(Error::Abandoned),
            None => Ok(()),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const READINESS: &str =
    "select mako.schema_version(), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
