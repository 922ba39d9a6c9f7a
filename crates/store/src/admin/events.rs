//! What has come in from providers, whoever's it is, and what is to be tried again.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;

use super::{Admin, AdminError};

/// A row of `public.webhook_events`, as an admin sees it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct AdminEvent {
    pub id: String,
    pub source: String,
    pub scope: String,
    pub event_type: Option<String>,
    pub user_id: Option<String>,
    pub status: String,
    pub attempts: i32,
    pub error_message: Option<String>,
    pub created_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
}

/// Which events; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// These ids.
    pub ids: Option<Vec<String>>,
    /// Exactly this status.
    pub status: Option<String>,
    /// Of this provider.
    pub source: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// Recorded at this time or later.
    pub since: Option<DateTime<Utc>>,
}

const COLUMNS: &str =
    "id, source, scope, event_type, user_id, status, attempts, error_message, created_at, processed_at";
const CONDITION: &str = "($1::text[] is null or id = any ($1)) and ($2::text is null or status = $2)
    and ($3::text is null or source = $3) and ($4::text is null or user_id = $4)
    and ($5::timestamptz is null or created_at >= $5)";

impl Admin {
    /// Events, newest first.
    pub async fn events(&self, filter: &EventFilter, limit: i64) -> Result<Vec<AdminEvent>, AdminError> {
        let EventFilter {
            ids,
            status,
            source,
            user,
            since,
        } = filter;
        let sql = format!(
            "select {COLUMNS} from public.webhook_events where {CONDITION} order by created_at desc, id desc limit $6"
        );
        let rows = self
            .client
            .query(&sql, &[ids, status, source, user, since, &limit])
            .await
            .map_err(AdminError::at("listing events"))?;
        Ok(rows.iter().map(AdminEvent::from).collect())
    }

    /// An event and what was delivered.
    pub async fn event(&self, id: &str) -> Result<Option<(AdminEvent, Value)>, AdminError> {
        let sql = format!("select {COLUMNS}, payload from public.webhook_events where id = $1");
        let row = self
            .client
            .query_opt(&sql, &[&id])
            .await
            .map_err(AdminError::at("reading the event"))?;
        Ok(row.map(|row| (AdminEvent::from(&row), row.get(10))))
    }

    /// Marks failed events as received again, so that the service processes them; how many.
    pub async fn requeue_events(&self, filter: &EventFilter) -> Result<u64, AdminError> {
        let EventFilter {
            ids,
            status,
            source,
            user,
            since,
        } = filter;
        let sql = format!(
            "update public.webhook_events set status = 'received', error_message = null
             where status = 'failed' and payload <> '{{}}' and dedupe_key is not null and {CONDITION}"
        );
        self.client
            .execute(&sql, &[ids, status, source, user, since])
            .await
            .map_err(AdminError::at("requeueing events"))
    }
}

impl From<&Row> for AdminEvent {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            source: row.get(1),
            scope: row.get(2),
            event_type: row.get(3),
            user_id: row.get(4),
            status: row.get(5),
            attempts: row.get(6),
            error_message: row.get(7),
            created_at: row.get(8),
            processed_at: row.get(9),
        }
    }
}
