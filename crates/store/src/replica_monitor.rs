//! Looks at the replica every second, so that requests needn't: is it one, of this database, and how old is what it has?

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::ClientWrapper;
use futures_util::join;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::Row;

use crate::error::Error;
use crate::read_your_writes::Lsn;
use crate::replica::{Fallback, Replica};
use crate::tenant_tx::Store;

/// How often it looks.
const OFTEN: Duration = Duration::from_secs(1);
/// How long either server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks until it is dropped.
pub struct ReplicaMonitor {
    _looking: JoinSet<()>,
}

impl ReplicaMonitor {
    /// Looks for the first time, and begins to; None if the store has no replica. A login that must not serve tenants is an
    /// error, anything else may pass.
    pub async fn start(store: &Arc<Store>) -> Result<Option<Self>, Error> {
        if store.replica.is_none() {
            return Ok(None);
        }
        let mut monitor = Monitor {
            store: Arc::clone(store),
            session: None,
            primary: None,
            positions: VecDeque::new(),
        };
        if let Err(error @ Error::UnsafeLogin(_)) = monitor.look().await {
            return Err(error);
        }
        let mut looking = JoinSet::new();
        looking.spawn(async move {
            let mut turns = interval(OFTEN);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                turns.tick().await;
                // What it found is the replica's judgement by now.
                drop(monitor.look().await);
            }
        });
        Ok(Some(Self { _looking: looking }))
    }
}

struct Monitor {
    store: Arc<Store>,
    /// A session of the replica's beside its pool, which may be busy.
    session: Option<ClientWrapper>,
    /// Which database is the right one, once it has said so.
    primary: Option<Identifier>,
    /// Where the primary's log was when, within the last `max_lag`.
    positions: VecDeque<(Instant, Lsn)>,
}

/// The cluster's identifier, and the database's in it: a standby has the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Identifier(i64, u32);

/// What a server says of itself.
#[derive(Clone, Copy, Debug)]
struct Position {
    in_recovery: bool,
    lsn: Lsn,
    database: Identifier,
    /// Since the last commit that it has replayed.
    age: Option<f64>,
}

impl Monitor {
    /// One look at both servers, and the judgement that follows.
    async fn look(&mut self) -> Result<(), Error> {
        let store = Arc::clone(&self.store);
        let Some(replica) = &store.replica else {
            return Ok(());
        };
        let primary = timeout(PATIENCE, store.connections.ask(POSITION, &[], &[]));
        let session = &mut self.session;
        let (primary, found) = join!(primary, timeout(PATIENCE, ask(session, replica)));
        if let Ok(Ok((_, rows))) = primary {
            self.follow(replica, Position::of(&rows)?);
        }
        let found = found.unwrap_or(Err(Error::Unavailable("it doesn't answer")));
        if found.is_err() {
            self.session = None;
        }
        replica.judge(self.judgement(replica, found.as_ref()));
        found.map(drop)
    }

    /// Raises what the replica must have, as time goes by.
    fn follow(&mut self, replica: &Replica, primary: Position) {
        let now = Instant::now();
        self.primary = Some(primary.database);
        self.positions.push_back((now, primary.lsn));
        while let Some((at, floor)) = self.positions.front()
            && now.duration_since(*at) >= replica.max_lag
        {
            replica.set_floor(*floor);
            self.positions.pop_front();
        }
    }

    /// Why the replica isn't to be asked; None if it is.
    fn judgement(&self, replica: &Replica, found: Result<&Position, &Error>) -> Option<Fallback> {
        let found = match found {
            Ok(found) => found,
            Err(Error::UnsafeLogin(_)) => return Some(Fallback::UnsafeLogin),
            Err(Error::Sql(_)) => return Some(Fallback::Refused),
            Err(_) => return Some(Fallback::Unreachable),
        };
        let newest = self.positions.back();
        let is_behind = newest.is_some_and(|(_, lsn)| found.lsn < *lsn);
        let age = found.age.filter(|_| is_behind).unwrap_or_default();
        replica.set_lag(Duration::try_from_secs_f64(age).unwrap_or_default());
        match self.primary {
            Some(primary) if primary != found.database => Some(Fallback::OtherDatabase),
            _ if !found.in_recovery => Some(Fallback::NotAStandby),
            // Until the primary has been heard nobody knows.
            None => Some(Fallback::Unchecked),
            Some(_) if found.lsn < replica.floor() => Some(Fallback::Behind),
            Some(_) => None,
        }
    }
}

/// What the replica says of itself.
async fn ask(session: &mut Option<ClientWrapper>, replica: &Replica) -> Result<Position, Error> {
    let session = match session {
        Some(session) => session,
        None => session.insert(replica.connections.session().await?),
    };
    // Unnamed, so that it also works through a transaction pooler.
    Position::of(&session.query_typed(POSITION, &[]).await?)
}

impl Position {
    fn of(rows: &[Row]) -> Result<Self, Error> {
        let row = rows.first().ok_or(Error::Mismatch("one row"))?;
        Ok(Self {
            in_recovery: row.get(0),
            lsn: row.get::<_, Option<Lsn>>(1).unwrap_or(Lsn::from(0)),
            database: Identifier(row.get(2), row.get(3)),
            age: row.get(4),
        })
    }
}

const POSITION: &str = include_str!("../../../sql/position.sql");
