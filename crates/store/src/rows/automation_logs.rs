//! Automation logs: what automations did.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::types::Type;

use super::list_queries::{Indexed, LazyList, ListQueries, list_files};
use super::page::{CreationTime, Filter, Page, PageRequest};
use super::table::table;
use crate::error::Error;
use crate::query::Query;
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

pub(crate) static LISTS: LazyList = LazyList::new(|| {
    ListQueries::new(
        &list_files!("automation_logs"),
        &[Type::TEXT, Type::TEXT],
        &[(1, Indexed::Many("status")), (0, Indexed::Many("action_type"))],
    )
});
pub(crate) static QUERIES: &[&Query] = &[&FIND.0, &FIND_MANY, &INSERT];

/// The caller's automation logs, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &AutomationLogFilter,
    page: &PageRequest,
) -> Result<Page<AutomationLog>, Error> {
    let created = CreationTime {
        after: filter.created_after,
        before: filter.created_before,
    };
    let filters: [&dyn Filter; 2] = [&filter.action_type, &filter.status];
    page.of(store, claims, &LISTS, created, &filters).await
}
