//! Automation logs: what automations did.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::types::ToSql;

use super::page::{Page, PageRequest};
use super::table::table;

use crate::error::Error;
use crate::query::{Query, counted_query, query};
use crate::tenant_tx::Store;

table! { $ automation_logs {
    /// Something that an automation did.
    AutomationLog,
    /// What a new automation log consists of.
    NewAutomationLog;

    /// What was done, such as sms, call or email.
    action_type: String, required(Text<1, 100>);
    /// Such as completed, pending or failed.
    status: String, required(Text<1, 50>);
    /// JSON as text.
    details: String, optional("JSON as text.", Text<0, 100_000>);
} }

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
