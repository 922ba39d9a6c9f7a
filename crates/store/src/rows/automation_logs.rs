//! Automation logs: what automations did.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::page::{Cursor, Ordered, Page, PageRequest};
use super::{Created, time};
use crate::error::Error;
use crate::query::{Query, counted_query, query};
use crate::tenant_tx::Store;

/// A row of `public.automation_logs`, without its tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct AutomationLog {
    pub id: String,
    pub action_type: String,
    pub status: String,
    pub details: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a new automation log consists of.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct NewAutomationLog {
    pub action_type: String,
    pub status: String,
    pub details: Option<String>,
}

/// Which automation logs to list; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct AutomationLogFilter {
    /// Exactly this type, for example `sms` or `call`.
    pub action_type: Option<String>,
    /// Exactly this status.
    pub status: Option<String>,
    /// At or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub created_before: Option<DateTime<Utc>>,
}

static LIST: Query =
    query!(Read "automation_logs/list" [TIMESTAMPTZ, TEXT, INT8, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static COUNTED: Query = counted_query!("automation_logs/count" of "automation_logs/list" [TIMESTAMPTZ, TEXT, INT8, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static FIND: Query = query!(Read "automation_logs/find" [TEXT]);
static INSERT: Query = query!(Write "automation_logs/insert" [TEXT, TEXT, TEXT, TEXT]);
pub(crate) static QUERIES: &[&Query] = &[&LIST, &COUNTED, &FIND, &INSERT];

/// The caller's automation logs, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &AutomationLogFilter,
    page: &PageRequest,
) -> Result<Page<AutomationLog>, Error> {
    let AutomationLogFilter {
        action_type,
        status,
        created_after,
        created_before,
    } = filter;
    let filters: [&(dyn ToSql + Sync); 4] = [action_type, status, created_after, created_before];
    page.of(store, claims, [&LIST, &COUNTED], &filters).await
}

/// One of the caller's automation logs.
pub async fn find(store: &Store, claims: &Claims, id: &str) -> Result<Option<AutomationLog>, Error> {
    Ok(store
        .run(claims, &FIND, &[&id])
        .await?
        .first()
        .map(AutomationLog::from))
}

/// Adds an automation log, or finds the one that the same key added before; None if that one is gone.
pub async fn create(
    store: &Store,
    claims: &Claims,
    new: &NewAutomationLog,
    idempotency_key: Option<&str>,
) -> Result<Option<Created<AutomationLog>>, Error> {
    let NewAutomationLog {
        action_type,
        status,
        details,
    } = new;
    store
        .create(claims, &INSERT, &[action_type, status, details, &idempotency_key])
        .await
}

impl From<&Row> for AutomationLog {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            action_type: row.get(1),
            status: row.get(2),
            details: row.get(3),
            created_at: time(row, 4),
            updated_at: time(row, 5),
        }
    }
}

impl Ordered for AutomationLog {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
