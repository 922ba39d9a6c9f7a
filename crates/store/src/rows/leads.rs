//! Leads: people who may become customers.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::page::{Cursor, Ordered, Page, PageRequest};
use super::{Change, Created, containing, time};
use crate::error::Error;
use crate::query::{Query, counted_query, query};
use crate::tenant_tx::Store;

/// A row of `public.leads`, without its tenant: whoever sees it is the tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct Lead {
    pub id: String,
    pub name: String,
    pub phone: String,
    pub status: String,
    pub source: String,
    pub summary: Option<String>,
    pub ai_summary: Option<String>,
    pub sentiment: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a new lead consists of.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct NewLead {
    pub name: String,
    pub phone: String,
    pub status: String,
    pub source: String,
    pub summary: Option<String>,
    pub ai_summary: Option<String>,
    pub sentiment: Option<String>,
}

/// What to change in a lead; None and [`Change::Keep`] leave a column alone.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct LeadChange {
    pub name: Option<String>,
    pub phone: Option<String>,
    pub status: Option<String>,
    pub source: Option<String>,
    pub summary: Change<String>,
    pub ai_summary: Change<String>,
    pub sentiment: Change<String>,
}

impl NewLead {
    fn params<'a>(&'a self, idempotency_key: &'a (dyn ToSql + Sync)) -> [&'a (dyn ToSql + Sync); 8] {
        [
            &self.name,
            &self.phone,
            &self.status,
            &self.source,
            &self.summary,
            &self.ai_summary,
            &self.sentiment,
            idempotency_key,
        ]
    }
}

impl LeadChange {
    fn params<'a>(&'a self, id: &'a &'a str) -> [&'a (dyn ToSql + Sync); 11] {
        let [set_summary, summary] = self.summary.params();
        let [set_ai_summary, ai_summary] = self.ai_summary.params();
        let [set_sentiment, sentiment] = self.sentiment.params();
        [
            id,
            &self.name,
            &self.phone,
            &self.status,
            &self.source,
            set_summary,
            summary,
            set_ai_summary,
            ai_summary,
            set_sentiment,
            sentiment,
        ]
    }
}

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

static LIST: Query = query!(Read "leads/list" [TIMESTAMPTZ, TEXT, INT8, TEXT, TEXT, TEXT, TEXT_ARRAY, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static COUNTED: Query = counted_query!("leads/count" of "leads/list" [TIMESTAMPTZ, TEXT, INT8, TEXT, TEXT, TEXT, TEXT_ARRAY, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static FIND: Query = query!(Read "leads/find" [TEXT]);
static INSERT: Query = query!(Write "leads/insert" [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT]);
static UPDATE: Query =
    query!(Write "leads/update" [TEXT, TEXT, TEXT, TEXT, TEXT, BOOL, TEXT, BOOL, TEXT, BOOL, TEXT]);
static DELETE: Query = query!(Write "leads/delete" [TEXT]);
pub(crate) static QUERIES: &[&Query] = &[&LIST, &COUNTED, &FIND, &INSERT, &UPDATE, &DELETE];

/// The caller's leads, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &LeadFilter,
    page: &PageRequest,
) -> Result<Page<Lead>, Error> {
    let q = filter.q.as_deref().map(containing);
    let LeadFilter {
        status,
        source,
        sentiment,
        phone,
        created_after,
        created_before,
        ..
    } = filter;
    let filters: [&(dyn ToSql + Sync); 7] = [
        status,
        source,
        sentiment,
        phone,
        &q,
        created_after,
        created_before,
    ];
    page.of(store, claims, [&LIST, &COUNTED], &filters).await
}

/// One of the caller's leads.
pub async fn find(store: &Store, claims: &Claims, id: &str) -> Result<Option<Lead>, Error> {
    Ok(store.run(claims, &FIND, &[&id]).await?.first().map(Lead::from))
}

/// Adds a lead, or finds the one that the same key added before; None if that one is gone.
pub async fn create(
    store: &Store,
    claims: &Claims,
    new: &NewLead,
    idempotency_key: Option<&str>,
) -> Result<Option<Created<Lead>>, Error> {
    store.create(claims, &INSERT, &new.params(&idempotency_key)).await
}

/// Changes a lead of the caller's.
pub async fn update(
    store: &Store,
    claims: &Claims,
    id: &str,
    change: &LeadChange,
) -> Result<Option<Lead>, Error> {
    let rows = store.run(claims, &UPDATE, &change.params(&id)).await?;
    Ok(rows.first().map(Lead::from))
}

/// Deletes a lead of the caller's; false if there is none.
pub async fn delete(store: &Store, claims: &Claims, id: &str) -> Result<bool, Error> {
    Ok(!store.run(claims, &DELETE, &[&id]).await?.is_empty())
}

impl From<&Row> for Lead {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            name: row.get(1),
            phone: row.get(2),
            status: row.get(3),
            source: row.get(4),
            summary: row.get(5),
            ai_summary: row.get(6),
            sentiment: row.get(7),
            created_at: time(row, 8),
            updated_at: time(row, 9),
        }
    }
}

impl Ordered for Lead {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
