//! Call logs: calls that were handled.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::types::ToSql;

use super::page::{Page, PageRequest};
use super::table::table;
use super::values::containing;
use crate::error::Error;
use crate::query::{Query, counted_query, query};
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

static LIST: Query =
    query!(Read "call_logs/list" [TIMESTAMPTZ, TEXT, INT8, TEXT_ARRAY, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static COUNTED: Query = counted_query!("call_logs/count" of "call_logs/list" [TIMESTAMPTZ, TEXT, INT8, TEXT_ARRAY, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
pub(crate) static QUERIES: &[&Query] = &[&LIST, &COUNTED, &FIND, &INSERT];

/// The caller's calls, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &CallLogFilter,
    page: &PageRequest,
) -> Result<Page<CallLog>, Error> {
    let q = filter.q.as_deref().map(containing);
    let CallLogFilter {
        phone,
        sentiment,
        created_after,
        created_before,
        ..
    } = filter;
    let filters: [&(dyn ToSql + Sync); 5] = [phone, sentiment, &q, created_after, created_before];
    page.of(store, claims, [&LIST, &COUNTED], &filters).await
}
