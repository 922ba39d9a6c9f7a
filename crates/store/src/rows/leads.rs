//! Leads: people who may become customers.

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

table! { $ leads {
    /// A person who may become a customer.
    Lead,
    /// What a new lead consists of.
    NewLead,
    /// What to change in a lead; fields that aren't named stay, null empties.
    LeadChange;

    name: String, required(Text<1, 200>);
    /// E.164 where it could be read as that, else as it was typed.
    phone: String, required(Phone);
    /// A stage such as new, qualified, contacted, booked, proposal or converted.
    status: String, required(Text<1, 50>);
    /// Where the lead came from, for example Voice or SMS.
    source: String, required(Text<1, 100>);
    summary: String, optional(Text<0, 20_000>);
    ai_summary: String, optional(Text<0, 100_000>);
    sentiment: String, optional(Text<0, 50>);
} }

/// Which leads to list; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct LeadFilter {
    /// Exactly this status.
    pub status: Option<String>,
    /// Exactly this source.
    pub source: Option<String>,
    /// Exactly this sentiment.
    pub sentiment: Option<String>,
    /// Any of these spellings of a phone number.
    pub phone: Option<Vec<String>>,
    /// In name, phone or summary, in any case.
    pub q: Option<String>,
    /// At or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub created_before: Option<DateTime<Utc>>,
}

pub(crate) static LISTS: LazyList = LazyList::new(|| {
    ListQueries::new(
        &list_files!("leads"),
        &[Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT_ARRAY, Type::TEXT],
        &[
            (3, Indexed::Few("phone")),
            (2, Indexed::Many("sentiment")),
            (1, Indexed::Many("source")),
            (0, Indexed::Many("status")),
        ],
    )
});
pub(crate) static QUERIES: &[&Query] = &[&FIND.0, &FIND_MANY, &INSERT, &UPDATE, &DELETE];

/// The caller's leads, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &LeadFilter,
    page: &PageRequest,
) -> Result<Page<Lead>, Error> {
    let q = filter.q.as_deref().map(containing);
    let created = CreationTime {
        after: filter.created_after,
        before: filter.created_before,
    };
    let filters: [&dyn Filter; 5] = [
        &filter.status,
        &filter.source,
        &filter.sentiment,
        &filter.phone,
        &q,
    ];
    page.of(store, claims, &LISTS, created, &filters).await
}
