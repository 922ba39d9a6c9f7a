//! Call logs: calls that were handled.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::types::Type;

use super::list_queries::{Indexed, LazyList, ListQueries, list_files};
use super::page::{CreationTime, Filter, Page, PageRequest};
use super::table::table;
use super::values::containing;
use crate::error::Error;
use crate::query::Query;
use crate::tenant_tx::Store;

table! { $ call_logs {
    /// A call that was handled.
    CallLog,
    /// What a new call log consists of.
    NewCallLog;

    /// The customer's number; null if it was withheld.
    phone: String, required_nullable(Phone);
    recording_url: String, optional(WebUrl);
    /// Length in seconds.
    duration: i32, optional("Length in seconds.", Seconds);
    sentiment: String, optional(Text<0, 50>);
    summary: String, optional(Text<0, 20_000>);
} }

/// Which calls to list; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct CallLogFilter {
    /// Any of these spellings of a phone number.
    pub phone: Option<Vec<String>>,
    /// Exactly this sentiment.
    pub sentiment: Option<String>,
    /// In phone or summary, in any case.
    pub q: Option<String>,
    /// At or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub created_before: Option<DateTime<Utc>>,
}

pub(crate) static LISTS: LazyList = LazyList::new(|| {
    ListQueries::new(
        &list_files!("call_logs"),
        &[Type::TEXT_ARRAY, Type::TEXT, Type::TEXT],
        &[(0, Indexed::Few("phone")), (1, Indexed::Many("sentiment"))],
    )
});
pub(crate) static QUERIES: &[&Query] = &[&FIND.0, &FIND_MANY, &INSERT];

/// The caller's calls, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &CallLogFilter,
    page: &PageRequest,
) -> Result<Page<CallLog>, Error> {
    let q = filter.q.as_deref().map(containing);
    let created = CreationTime {
        after: filter.created_after,
        before: filter.created_before,
    };
    let filters: [&dyn Filter; 3] = [&filter.phone, &filter.sentiment, &q];
    page.of(store, claims, &LISTS, created, &filters).await
}
