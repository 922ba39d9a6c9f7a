//! Where connections come from, and when one may be lent again.
//!
//! The only place that takes a connection from the pool. A [`Lease`] goes back only when its transaction
//! is known to be over; a request that was dropped half-way leaves the roll-back to a task, and the next
//! borrower never sees its role, claims or open transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deadpool::managed::{
    self, Hook, HookError, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, TimeoutType,
};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Row;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use crate::connect::Target;
use crate::distributed::{self, Nodes};
use crate::error::Error;
use crate::listener::{Channel, Listener};
use crate::login;
use crate::preface::{self, Preface};
use crate::prepared::{Preparation, Prepared, PreparedStatements};
use crate::user_permits::{UserPermit, UserPermits};

/// How long a request waits for a free connection before it is answered 503.
const WAIT: Duration = Duration::from_secs(5);
/// From where on a wait for a connection is worth a line for whoever debugs.
const NOTICEABLE: Duration = Duration::from_millis(5);
/// How long an abandoned transaction may take to end before its connection is closed instead.
const ROLL_BACK: Duration = Duration::from_secs(30);

/// Connections of the login role, each checked to be a safe one before its first use.
pub(crate) struct Connections {
    pool: Pool<Sessions>,
    /// The last connection that was asked for could not be made.
    is_away: AtomicBool,
    user_permits: UserPermits,
    prepared: Prepared,
}

impl Connections {
    /// `statement_timeout` in milliseconds, as Postgres reads it.
    pub(crate) fn new(
        target: &Target,
        size: usize,
        prepared: PreparedStatements,
        statement_timeout: &str,
    ) -> Result<Self, Error> {
        let prepared = Prepared::new(prepared);
        let (checked, bound) = (prepared.clone(), statement_timeout.to_owned());
        let pool = Pool::builder(Sessions(target.clone()))
            .max_size(size)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .runtime(deadpool::Runtime::Tokio1)
            .post_create(Hook::async_fn(move |session: &mut Session, _| {
                let (prepared, bound) = (checked.clone(), bound.clone());
                Box::pin(async move { session.begin(&prepared, &bound).await })
            }))
            .build()
            .map_err(|_| Error::Mismatch("pool"))?;
        Ok(Self {
            pool,
            is_away: AtomicBool::new(false),
            user_permits: UserPermits::of(size, WAIT),
            prepared,
        })
    }

    /// Takes a connection out of the pool, waiting at most [`WAIT`], and before it a place in the user's share, if it
    /// is for one.
    #[expect(clippy::disallowed_methods, reason = "this is the place the fence points to")]
    pub(crate) async fn lease(&self, user: Option<&str>) -> Result<Lease, Error> {
        let asked = Instant::now();
        let user_permit = match user {
            Some(user) => Some(self.user_permits.take(user).await.map_err(|error| {
                // One's other requests are in the way because they wait for a database that isn't there.
                let is_away = self.is_away.load(Ordering::Relaxed);
                if is_away {
                    Error::Unavailable("connecting failed")
                } else {
                    error
                }
            })?),
            None => None,
        };
        let got = self.pool.get().await;
        // One that waited in vain for a connection knows nothing of the database.
        if !matches!(&got, Err(PoolError::Timeout(TimeoutType::Wait)))
            && self.is_away.load(Ordering::Relaxed) != got.is_err()
        {
            self.is_away.store(got.is_err(), Ordering::Relaxed);
        }
        let connection = got?;
        let waited = asked.elapsed();
        if waited > NOTICEABLE {
            tracing::debug!(waited_ms = waited.as_millis(), "waited for a connection");
        }
        Ok(Lease {
            connection: Some(connection),
            user_permit,
            prepared: self.prepared.clone(),
            idle: true,
            outdated: AtomicBool::new(false),
        })
    }

    /// Asks what the login itself may, outside any tenant's transaction.
    pub(crate) async fn ask(
        &self,
        sql: &'static str,
        types: &'static [Type],
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<(Lease, Vec<Row>), Error> {
        match self.ask_once(sql, types, params).await {
            Err(Error::StatementForgotten) => self.ask_once(sql, types, params).await,
            other => other,
        }
    }

    async fn ask_once(
        &self,
        sql: &'static str,
        types: &'static [Type],
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<(Lease, Vec<Row>), Error> {
        let mut lease = self.lease(None).await?;
        lease.busy();
        let ready = lease.make_ready(sql, types).await?;
        let rows = lease.run(&ready, params).await?;
        lease.idle();
        Ok((lease, rows))
    }

    /// Whether statements have names.
    pub(crate) fn preparation(&self) -> Preparation {
        self.prepared.preparation()
    }

    /// Listens for notifications beside the pool, if the session is one's own; see [`Listener`].
    pub(crate) async fn listen(&self, channel: Channel) -> Result<Option<Listener>, Error> {
        Listener::begin(&self.pool.manager().0, &self.prepared, channel).await
    }

    /// A session beside the pool's, checked like them.
    pub(crate) async fn session(&self) -> Result<ClientWrapper, Error> {
        let (session, _) = preface::connect(&self.pool.manager().0, || ()).await?;
        match login::objection(&session).await? {
            Some(why) => Err(Error::UnsafeLogin(why)),
            None => Ok(session),
        }
    }

    /// Connections open, and how many of them are in use.
    pub(crate) fn status(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.size.saturating_sub(status.available))
    }
}

/// Makes sessions for the pool.
struct Sessions(Target);

/// A connection of the pool's.
struct Session {
    client: ClientWrapper,
    preface: Option<Arc<Preface>>,
    /// Its server is its own: no pooler stands in between.
    is_own: bool,
    /// Its database's rows lie on several nodes.
    is_distributed: bool,
}

impl Session {
    /// What comes before the first use.
    async fn begin(&mut self, prepared: &Prepared, statement_timeout: &str) -> Result<(), HookError<Error>> {
        let process_id = self.preface.as_ref().and_then(|preface| preface.process_id());
        self.is_own = prepared.begin(&self.client, process_id).await.map_err(backend)?;
        if self.is_own {
            // Preparing waits for locks too, and comes before the transaction and its own limit. Through a pooler a
            // session's setting would stay with somebody else.
            let set = "select set_config('statement_timeout', $1, false)";
            let bound = [(&statement_timeout as &(dyn ToSql + Sync), Type::TEXT)];
            self.client.query_typed(set, &bound).await.map_err(backend)?;
        }
        if let Some(why) = login::objection(&self.client).await.map_err(backend)? {
            return Err(HookError::Message(why.into()));
        }
        match distributed::nodes(&self.client).await.map_err(backend)? {
            Nodes::Unfit(why) => return Err(HookError::Message(why.into())),
            Nodes::One => (),
            Nodes::Several => self.is_distributed = true,
        }
        Ok(())
    }
}

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = Error;

    async fn create(&self) -> Result<Session, Error> {
        // Boxed: every request's future holds this one, and few make a connection.
        let (client, preface) = Box::pin(preface::connect(&self.0, || ())).await?;
        Ok(Session {
            client,
            preface,
            is_own: false, // Not known yet.
            is_distributed: false,
        })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Error> {
        if session.client.is_closed() {
            return Err(RecycleError::message("closed"));
        }
        Ok(())
    }
}

fn backend(error: tokio_postgres::Error) -> HookError<Error> {
    HookError::Backend(error.into())
}

/// A connection on loan.
pub(crate) struct Lease {
    /// Always there, but for the moment in which `drop` takes it.
    connection: Option<Object<Sessions>>,
    user_permit: Option<UserPermit>,
    prepared: Prepared,
    idle: bool,
    /// Its session is of another state of the database than today's: it is closed instead of lent again.
    outdated: AtomicBool,
}

/// A statement ready to be put on the wire in one poll.
pub(crate) enum ReadyStatement {
    Prepared(Statement),
    /// For transaction poolers: parsed and executed in one message, never named.
    Unnamed {
        sql: &'static str,
        types: &'static [Type],
    },
}

impl Lease {
    fn session(&self) -> &Session {
        self.connection.as_ref().expect("taken only by drop")
    }

    fn client(&self) -> &ClientWrapper {
        &self.session().client
    }

    /// Makes a statement ready. Must be awaited before BEGIN: preparing is a round trip of its own.
    pub(crate) async fn make_ready(
        &self,
        sql: &'static str,
        types: &'static [Type],
    ) -> Result<ReadyStatement, Error> {
        if !self.prepared.is_on() {
            return Ok(ReadyStatement::Unnamed { sql, types });
        }
        match self.client().prepare_typed_cached(sql, types).await {
            Ok(statement) => Ok(ReadyStatement::Prepared(statement)),
            Err(error) => {
                self.prepared.notice(&error);
                Err(error.into())
            }
        }
    }

    /// The same for a statement of ours, as this session's database takes it.
    pub(crate) async fn make_query_ready(
        &self,
        name: &str,
        sql: &'static str,
        types: &'static [Type],
    ) -> Result<ReadyStatement, Error> {
        let replaced = self.is_distributed().then(|| distributed::replacement(name));
        self.make_ready(replaced.flatten().unwrap_or(sql), types).await
    }

    /// Whether its database's rows lie on several nodes.
    pub(crate) fn is_distributed(&self) -> bool {
        self.session().is_distributed
    }

    /// Runs a statement. The first poll puts the whole message on the wire, so several joined runs are pipelined.
    pub(crate) async fn run(
        &self,
        ready: &ReadyStatement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let answer = match ready {
            ReadyStatement::Prepared(statement) => self.client().query(statement, params).await,
            ReadyStatement::Unnamed { sql, types } => {
                let typed: Vec<_> = params.iter().copied().zip(types.iter().cloned()).collect();
                self.client().query_typed(sql, &typed).await
            }
        };
        answer.inspect_err(|error| {
            // A session keeps the default that it began with, also when the database takes writes again.
            if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) {
                self.outdated();
            }
            self.prepared.notice(error);
        })
    }

    /// The connection isn't lent again.
    pub(crate) fn outdated(&self) {
        self.outdated.store(true, Ordering::Relaxed);
    }

    /// Whether no pooler stands in between: statements that were made ready stay so.
    pub(crate) fn is_own(&self) -> bool {
        self.session().is_own
    }

    /// Whether [`Lease::run_with_preface`] can be used on this connection. Citus passes claims on in transactions that
    /// BEGIN has begun, and in no other.
    pub(crate) fn takes_preface(&self) -> bool {
        self.session().preface.is_some() && !self.is_distributed()
    }

    /// Runs `settings`, whose parameters are texts, and a statement in one message, which is a transaction of its own.
    /// Only the statement's rows are answered, or the first error of both. Nothing else may be under way.
    pub(crate) async fn run_with_preface(
        &self,
        settings: &'static str,
        values: &[&str],
        ready: &ReadyStatement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let preface = self.session().preface.as_ref();
        let preface = preface.ok_or(Error::Mismatch("no preface"))?;
        preface
            .arm(settings, values, self.prepared.is_on())
            .map_err(|_| Error::Mismatch("settings"))?;
        let answer = self.run(ready, params).await;
        preface.disarm(); // If a parameter could not be encoded, nothing was sent.
        Ok(answer?)
    }

    /// From here on the connection may have a statement on the wire, or be inside a transaction: whoever drops the
    /// lease now leaves something to wait for. Comes before [`Lease::make_ready`], which may wait for another's lock.
    pub(crate) fn busy(&mut self) {
        self.idle = false;
    }

    /// Everything is answered and the transaction over: the connection may be lent again.
    pub(crate) fn idle(&mut self) {
        self.idle = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if self.outdated.load(Ordering::Relaxed) {
            drop(Object::take(connection)); // Closes it, and rolls back.
            return;
        }
        if self.idle {
            return; // Dropping the object gives it back.
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Object::take(connection)); // Closes it.
            return;
        };
        runtime.spawn(roll_back(connection, self.user_permit.take()));
    }
}

/// Ends whatever the dropped request left behind, and only then gives the connection back.
///
/// Until then the connection counts as the user's. A pipelined write that was already on the wire is committed all
/// the same; its COMMIT precedes this.
#[expect(clippy::disallowed_methods, reason = "ROLLBACK carries nothing of a tenant")]
async fn roll_back(connection: Object<Sessions>, _permit: Option<UserPermit>) {
    let ended = tokio::time::timeout(ROLL_BACK, connection.client.batch_execute("rollback")).await;
    if !matches!(ended, Ok(Ok(()))) {
        drop(Object::take(connection));
    }
}
