//! Finds whose a delivery is: the router's own statements, run as nobody: it may execute these functions and nothing
//! else.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use identity::Verified;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use webhooks::{Recorded, Source};

use crate::error::Error;
use crate::query::{RouterQuery, router_query};
use crate::tenant_tx::Store;

/// A tenant's own endpoint, as it is stored.
#[derive(Clone)]
pub struct FoundEndpoint {
    /// Its id: the scope of its events.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// Its address and secrets, sealed.
    pub(crate) sealed_secret: Option<String>,
    /// How its deliveries prove themselves.
    pub auth: Value,
    /// Which zone dates without one are in.
    pub timezone: String,
}

/// What is recorded of a delivery.
#[derive(Debug, Serialize)]
pub struct NewEvent<'a> {
    /// The endpoint that it came in on; None for the platform's address.
    pub endpoint: Option<&'a str>,
    /// What makes it the same event when it is delivered again: at most 200 characters.
    pub dedupe_key: &'a str,
    /// The provider's word.
    pub event_type: &'a str,
    /// Numbers that may be the tenant's, the surest first.
    pub numbers: Vec<String>,
    /// The call that it is about.
    pub call_id: Option<&'a str>,
    /// Calls whose tenant is this event's, where no number tells.
    pub calls: Vec<&'a str>,
    /// When it arrived, also if it has waited in a spool since.
    pub arrived_at: DateTime<Utc>,
}

/// A recorded event.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    /// Its id.
    pub id: String,
    /// Whose it is; None until a number is assigned.
    pub user_id: Option<String>,
    /// `received` until its effects are committed.
    pub status: String,
    /// False if it was recorded before.
    pub is_new: bool,
}

/// An event that was recorded and routed, and is to be processed.
pub struct PendingEvent {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What was delivered.
    pub recorded: Verified<Recorded>,
}

static FIND_ENDPOINT: RouterQuery = router_query!("router/find_endpoint" [TEXT, TEXT]);
static RECORD: RouterQuery =
    router_query!("router/record" [TEXT, TEXT, TEXT, TEXT, JSONB, TEXT_ARRAY, TEXT, TEXT_ARRAY, TIMESTAMPTZ]);
static RECORD_ALL: RouterQuery = router_query!("router/record_all"[JSONB]);
static WAITING: RouterQuery = router_query!("router/waiting" [FLOAT8, INT4]);
static ENDPOINT_KEYS: RouterQuery = router_query!("router/endpoint_keys"[INT4]);
static FORGET: RouterQuery = router_query!("router/forget" [INT4, INT4]);
static FORGET_KEY_USES: RouterQuery = router_query!("router/forget_key_uses" [INT4, INT4]);
static FOLD_STATS: RouterQuery = router_query!("router/fold_stats"[INT4]);
/// Every statement of the router's.
pub static QUERIES: &[&RouterQuery] = &[
    &FIND_ENDPOINT,
    &ENDPOINT_KEYS,
    &RECORD,
    &RECORD_ALL,
    &WAITING,
    &FORGET,
    &FORGET_KEY_USES,
    &FOLD_STATS,
    &super::access_tokens::USE,
    &super::event_outbox::TAKE,
    &super::event_outbox::RENEW,
    &super::event_outbox::FINISH,
    &super::event_outbox::FORGET,
    &super::event_outbox::BACKLOG,
];

/// The endpoint of a source whose address holds the key with this hash (SHA-256, hex).
pub async fn find_endpoint(
    store: &Store,
    source: Source,
    key_hash: &str,
) -> Result<Option<FoundEndpoint>, Error> {
    let rows = store
        .route(&FIND_ENDPOINT, &[&source.as_str(), &key_hash])
        .await?;
    Ok(rows.first().map(|row| FoundEndpoint {
        id: row.get(0),
        user_id: row.get(1),
        sealed_secret: row.get(2),
        auth: row.get(3),
        timezone: row.get(4),
    }))
}

/// Hashes of the keys in the addresses of endpoints (SHA-256, hex), at most `limit` of them.
pub async fn endpoint_keys(store: &Store, limit: i32) -> Result<HashSet<String>, Error> {
    let rows = store.route(&ENDPOINT_KEYS, &[&limit]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Records a verified delivery once, and says whose it is.
pub async fn record(
    store: &Store,
    recorded: &Verified<Recorded>,
    event: &NewEvent<'_>,
) -> Result<Option<RecordedEvent>, Error> {
    let delivered = recorded.get();
    let rows = store
        .route(
            &RECORD,
            &[
                &delivered.source().as_str(),
                &event.endpoint,
                &event.dedupe_key,
                &event.event_type,
                delivered.payload(),
                &event.numbers,
                &event.call_id,
                &event.calls,
                &event.arrived_at,
            ],
        )
        .await?;
    Ok(rows.first().map(RecordedEvent::from))
}

/// Records verified deliveries in their order, each once, in one transaction, and says whose they are.
///
/// If one of them can't be recorded, or another transaction holds a lock that one needs, none is.
pub async fn record_all(
    store: &Store,
    events: &[(&Verified<Recorded>, NewEvent<'_>)],
) -> Result<Vec<RecordedEvent>, Error> {
    let lines = events.iter().map(|(recorded, event)| Line {
        source: recorded.get().source().as_str(),
        payload: recorded.get().payload(),
        event,
    });
    let lines: Vec<_> = lines.collect();
    let rows = store.route(&RECORD_ALL, &[&Json(lines)]).await?;
    if rows.len() != events.len() {
        return Err(Error::Mismatch("a row for each event"));
    }
    Ok(rows.iter().map(RecordedEvent::from).collect())
}

/// An event as `router/record_all` takes it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    source: &'static str,
    payload: &'a Value,
    #[serde(flatten)]
    event: &'a NewEvent<'a>,
}

/// Events that have waited to be processed for longer than `seconds`, the oldest first.
pub async fn waiting(store: &Store, seconds: f64, limit: i32) -> Result<Vec<PendingEvent>, Error> {
    let rows = store.route(&WAITING, &[&seconds, &limit]).await?;
    let event = |row: &Row| {
        let source: Source = row.get::<_, &str>(2).parse().ok()?;
        Some(PendingEvent {
            id: row.get(0),
            user_id: row.get(1),
            recorded: load(source, row.get(3)),
        })
    };
    Ok(rows.iter().filter_map(event).collect())
}

/// Empties payloads older than `days`, at most `limit` of them; how many.
pub async fn forget_payloads(store: &Store, days: i32, limit: i32) -> Result<i32, Error> {
    let rows = store.route(&FORGET, &[&days, &limit]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Removes uses of keys older than `days`, at most `limit` of them; how many.
pub async fn forget_key_uses(store: &Store, days: i32, limit: i32) -> Result<i32, Error> {
    let rows = store.route(&FORGET_KEY_USES, &[&days, &limit]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Sums up what writers have added to the counts of `mako.stats`, at most `limit` lines; how many there were.
pub async fn fold_stats(store: &Store, limit: i32) -> Result<i32, Error> {
    let rows = store.route(&FOLD_STATS, &[&limit]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

impl From<&Row> for RecordedEvent {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            user_id: row.get(1),
            status: row.get(2),
            is_new: row.get(3),
        }
    }
}

/// What a row of `webhook_events` holds is what a verified delivery left there: nothing else writes that table.
#[expect(
    clippy::disallowed_methods,
    reason = "only mako.record_event() writes webhook_events, and only verified deliveries"
)]
pub(crate) fn load(source: Source, payload: Value) -> Verified<Recorded> {
    Verified::assert_verified(Recorded::new(source, payload))
}
