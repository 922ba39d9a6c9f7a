//! Call logs: calls that were handled.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::page::{Cursor, Ordered, Page, PageRequest};
use super::{Created, containing, time};
use crate::error::Error;
use crate::query::{Query, counted_query, query};
use crate::tenant_tx::Store;

/// A row of `public.call_logs`, without its tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct CallLog {
    pub id: String,
    pub phone: Option<String>,
    pub recording_url: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
    pub sentiment: Option<String>,
    pub summary: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a new call log consists of.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct NewCallLog {
    pub phone: String,
    pub recording_url: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
    pub sentiment: Option<String>,
    pub summary: Option<String>,
}

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
static FIND: Query = query!(Read "call_logs/find" [TEXT]);
static INSERT: Query = query!(Write "call_logs/insert" [TEXT, TEXT, INT4, TEXT, TEXT, TEXT]);
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

/// One of the caller's calls.
pub async fn find(store: &Store, claims: &Claims, id: &str) -> Result<Option<CallLog>, Error> {
    Ok(store.run(claims, &FIND, &[&id]).await?.first().map(CallLog::from))
}

/// Adds a call, or finds the one that the same key added before; None if that one is gone.
pub async fn create(
    store: &Store,
    claims: &Claims,
    new: &NewCallLog,
    idempotency_key: Option<&str>,
) -> Result<Option<Created<CallLog>>, Error> {
    let NewCallLog {
        phone,
        recording_url,
        duration,
        sentiment,
        summary,
    } = new;
    store
        .create(
            claims,
            &INSERT,
            &[
                phone,
                recording_url,
                duration,
                sentiment,
                summary,
                &idempotency_key,
            ],
        )
        .await
}

impl From<&Row> for CallLog {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            phone: row.get(1),
            recording_url: row.get(2),
            duration: row.get(3),
            sentiment: row.get(4),
            summary: row.get(5),
            created_at: time(row, 6),
            updated_at: time(row, 7),
        }
    }
}

impl Ordered for CallLog {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
