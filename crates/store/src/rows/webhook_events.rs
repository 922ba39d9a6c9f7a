//! Webhook events: what providers delivered to the tenant, and what became of it.

use chrono::{DateTime, Utc};
use identity::{Claims, Verified};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use webhooks::Recorded;

use super::list_queries::{Indexed, LazyList, ListQueries, list_files};
use super::page::{CreationTime, Cursor, Filter, Ordered, Page, PageRequest};
use crate::error::Error;
use crate::query::{Query, ReplicaQuery, query, replica_query};
use crate::tenant_tx::Store;

/// A row of `public.webhook_events`, without its tenant and what was delivered.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct WebhookEvent {
    pub id: String,
    pub source: String,
    pub event_type: Option<String>,
    pub status: String,
    pub error_message: Option<String>,
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
}

/// Which events to list; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct WebhookEventFilter {
    /// Of this provider.
    pub source: Option<String>,
    /// Exactly this status.
    pub status: Option<String>,
    /// Exactly this type.
    pub event_type: Option<String>,
    /// At or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub created_before: Option<DateTime<Utc>>,
}

/// How an event is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventOutcome {
    /// Its effects are committed.
    Processed,
    /// There was nothing to do.
    Ignored,
}

pub(crate) static LISTS: LazyList = LazyList::new(|| {
    ListQueries::new(
        &list_files!("webhook_events"),
        &[Type::TEXT, Type::TEXT, Type::TEXT],
        &[
            (2, Indexed::Many("event_type")),
            (1, Indexed::Many("status")),
            (0, Indexed::Many("source")),
        ],
    )
});
static FIND: ReplicaQuery = replica_query!("webhook_events/find"[TEXT]);
static LATEST: Query = query!(Read "webhook_events/latest" [TEXT_ARRAY]);
pub(crate) static TAKE: Query = query!(Write "webhook_events/take" [TEXT, BOOL]);
pub(crate) static FINISH: Query = query!(Write "webhook_events/finish" [TEXT, BOOL]);
static FAIL: Query = query!(Write "webhook_events/fail" [TEXT, TEXT]);
static OVERDUE: Query = query!(Read "webhook_events/overdue" [TEXT, FLOAT8]);
pub(crate) static QUERIES: &[&Query] = &[&FIND.0, &LATEST, &TAKE, &FINISH, &FAIL, &OVERDUE];

/// The caller's events, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &WebhookEventFilter,
    page: &PageRequest,
) -> Result<Page<WebhookEvent>, Error> {
    let created = CreationTime {
        after: filter.created_after,
        before: filter.created_before,
    };
    let filters: [&dyn Filter; 3] = [&filter.source, &filter.status, &filter.event_type];
    page.of(store, claims, &LISTS, created, &filters).await
}

/// One of the caller's events, and what was delivered: without secrets, empty after the retention period.
pub async fn find(
    store: &Store,
    claims: &Claims,
    id: &str,
) -> Result<Option<(WebhookEvent, serde_json::Value)>, Error> {
    let rows = store.read(claims, &FIND, &[&id]).await?;
    Ok(rows.first().map(|row| (row.into(), row.get(8))))
}

/// An event as it was delivered, to be acted on again; None if its source is one of an older version.
#[must_use]
pub fn recorded(event: &WebhookEvent, payload: serde_json::Value) -> Option<Verified<Recorded>> {
    Some(super::router::load(event.source.parse().ok()?, payload))
}

/// When the caller's last event of each of these sources came; none for those of which none did.
pub async fn latest(
    store: &Store,
    claims: &Claims,
    sources: &[&str],
) -> Result<Vec<(String, DateTime<Utc>)>, Error> {
    let rows = store.run(claims, &LATEST, &[&sources]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Notes that an event's effects failed, after they were rolled back; `reason` quotes no value.
pub async fn fail(store: &Store, claims: &Claims, id: &str, reason: &str) -> Result<(), Error> {
    store.run(claims, &FAIL, &[&id, &reason]).await.map(drop)
}

/// Whether an event was recorded longer ago than so many seconds.
pub async fn is_overdue(store: &Store, claims: &Claims, id: &str, seconds: f64) -> Result<bool, Error> {
    let rows = store.run(claims, &OVERDUE, &[&id, &seconds]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

impl From<&Row> for WebhookEvent {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            source: row.get(1),
            event_type: row.get(2),
            status: row.get(3),
            error_message: row.get(4),
            attempts: row.get(5),
            created_at: row.get(6),
            processed_at: row.get(7),
        }
    }
}

impl Ordered for WebhookEvent {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
