//! The caller's event deliveries: what is told to their receivers, and what became of it.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::list_queries::{Indexed, LazyList, ListQueries, list_files};
use super::page::{CreationTime, Cursor, Filter, Ordered, Page, PageRequest};
use crate::error::Error;
use crate::query::{Query, ReplicaQuery, query, replica_query};
use crate::tenant_tx::Store;

/// A row of `mako.event_deliveries`, without its tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct EventDelivery {
    pub id: String,
    pub subscription_id: String,
    pub event_type: String,
    pub row_id: String,
    pub changed: Option<Vec<String>>,
    pub is_test: bool,
    pub status: String,
    pub attempts: i32,
    pub last_error: Option<String>,
    /// None once nothing is left to do.
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// A row of `mako.event_attempts`, without its tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct EventAttempt {
    pub attempted_at: DateTime<Utc>,
    pub duration_ms: i32,
    pub status_code: Option<i32>,
    pub error: Option<String>,
    pub response_start: Option<String>,
}

/// Which deliveries to list; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct EventDeliveryFilter {
    /// To this subscription.
    pub subscription_id: Option<String>,
    /// Exactly this status.
    pub status: Option<String>,
    /// Exactly this type.
    pub event_type: Option<String>,
    /// At or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub created_before: Option<DateTime<Utc>>,
}

/// What came of asking for another attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// It is made now.
    Begun,
    /// One is under way, or the subscription is disabled.
    Refused,
    /// There is no such delivery.
    Absent,
}

/// Deliveries of one subscription that are sent again at once, at most.
pub const MOST_RETRIED: i32 = 10_000;

pub(crate) static LISTS: LazyList = LazyList::new(|| {
    ListQueries::new(
        &list_files!("event_deliveries" in "mako"),
        &[Type::TEXT, Type::TEXT, Type::TEXT],
        &[(0, Indexed::Many("subscription_id"))],
    )
});
static FIND: ReplicaQuery = replica_query!("event_deliveries/find"[TEXT]);
static ATTEMPTS: ReplicaQuery = replica_query!("event_deliveries/attempts"[TEXT]);
static RETRY: Query = query!(Write "event_deliveries/retry" [TEXT]);
static RETRY_MANY: Query = query!(Write "event_deliveries/retry_many" [TEXT, TIMESTAMPTZ, TIMESTAMPTZ, INT4]);
static SEND_SAMPLES: Query = query!(Write "event_deliveries/send_samples" [TEXT, TEXT_ARRAY]);
pub(crate) static QUERIES: &[&Query] = &[&FIND.0, &ATTEMPTS.0, &RETRY, &RETRY_MANY, &SEND_SAMPLES];

/// The caller's deliveries, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &EventDeliveryFilter,
    page: &PageRequest,
) -> Result<Page<EventDelivery>, Error> {
    let created = CreationTime {
        after: filter.created_after,
        before: filter.created_before,
    };
    let filters: [&dyn Filter; 3] = [&filter.subscription_id, &filter.status, &filter.event_type];
    page.of(store, claims, &LISTS, created, &filters).await
}

/// One of the caller's deliveries.
pub async fn find(store: &Store, claims: &Claims, id: &str) -> Result<Option<EventDelivery>, Error> {
    let rows = store.read(claims, &FIND, &[&id]).await?;
    Ok(rows.first().map(EventDelivery::from))
}

/// How each attempt of one of the caller's deliveries went, in their order.
pub async fn attempts(store: &Store, claims: &Claims, id: &str) -> Result<Vec<EventAttempt>, Error> {
    let rows = store.read(claims, &ATTEMPTS, &[&id]).await?;
    Ok(rows.iter().map(EventAttempt::from).collect())
}

/// Sends one of the caller's deliveries again, whatever became of it.
pub async fn retry(store: &Store, claims: &Claims, id: &str) -> Result<Retry, Error> {
    let rows = store.run(claims, &RETRY, &[&id]).await?;
    Ok(match rows.first().and_then(|row| row.get(0)) {
        Some(true) => Retry::Begun,
        Some(false) => Retry::Refused,
        None => Retry::Absent,
    })
}

/// Sends again what one of the caller's subscriptions didn't get of what happened from `since` on and before `until`, the
/// oldest [`MOST_RETRIED`] of it; how many deliveries that are.
pub async fn retry_many(
    store: &Store,
    claims: &Claims,
    subscription: &str,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<i32, Error> {
    let params: [&(dyn ToSql + Sync); 4] = [&subscription, &since, &until, &MOST_RETRIED];
    let rows = store.run(claims, &RETRY_MANY, &params).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Sends samples of these types to one of the caller's subscriptions, in their order: the deliveries' ids, none if it
/// is disabled or not there.
pub async fn send_samples(
    store: &Store,
    claims: &Claims,
    subscription: &str,
    event_types: &[&str],
) -> Result<Vec<String>, Error> {
    let rows = store
        .run(claims, &SEND_SAMPLES, &[&subscription, &event_types])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

impl From<&Row> for EventDelivery {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            subscription_id: row.get(1),
            event_type: row.get(2),
            row_id: row.get(3),
            changed: row.get(4),
            is_test: row.get(5),
            status: row.get(6),
            attempts: row.get(7),
            last_error: row.get(8),
            next_attempt_at: row.get(9),
            finished_at: row.get(10),
            created_at: row.get(11),
        }
    }
}

impl From<&Row> for EventAttempt {
    fn from(row: &Row) -> Self {
        Self {
            attempted_at: row.get(0),
            duration_ms: row.get(1),
            status_code: row.get(2),
            error: row.get(3),
            response_start: row.get(4),
        }
    }
}

impl Ordered for EventDelivery {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
