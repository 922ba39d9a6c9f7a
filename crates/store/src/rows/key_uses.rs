//! Uses of sealed keys: which provider was called with one, when, and by whose token.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::list_queries::{Indexed, LazyList, ListQueries, list_files};
use super::page::{CreationTime, Cursor, Filter, Ordered, Page, PageRequest};
use crate::error::Error;
use crate::query::{Query, query};
use crate::tenant_tx::Store;

/// A row of `mako.key_uses`, without its tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct KeyUse {
    pub id: String,
    pub created_at: DateTime<Utc>,
    pub service: String,
    pub method: String,
    pub host: String,
    pub path: String,
    pub status: Option<i32>,
    pub duration_ms: i32,
    pub bytes_out: i64,
    pub bytes_in: i64,
    pub client_id: Option<String>,
    pub access_token_id: Option<String>,
    pub service_token: bool,
}

/// A use that is to be recorded. Who it was is told by the claims that record it.
#[derive(Clone, Debug)]
pub struct NewKeyUse {
    /// When the key was sent.
    pub sent_at: DateTime<Utc>,
    /// The provider.
    pub service: &'static str,
    /// HTTP method.
    pub method: String,
    /// Where the key was sent.
    pub host: String,
    /// Without query, and without what may be a secret.
    pub path: String,
    /// What the provider answered, if it did.
    pub status: Option<i32>,
    /// Until its answer began, or failed to.
    pub duration_ms: i32,
    /// Of the body that was sent.
    pub bytes_out: i64,
    /// Of the body that came back.
    pub bytes_in: i64,
}

/// Which uses to list; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct KeyUseFilter {
    /// Of this provider.
    pub service: Option<String>,
    /// At or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub created_before: Option<DateTime<Utc>>,
}

pub(crate) static LISTS: LazyList = LazyList::new(|| {
    ListQueries::new(
        &list_files!("key_uses" in "mako"),
        &[Type::TEXT],
        &[(0, Indexed::Many("service"))],
    )
});
static RECORD: Query = query!(Sealer Write "key_uses/record" [
    TIMESTAMPTZ_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT4_ARRAY, INT4_ARRAY, INT8_ARRAY, INT8_ARRAY
]);
pub(crate) static QUERIES: &[&Query] = &[&RECORD];

/// Records uses of the caller's keys that were made by the same token.
pub async fn record<'a>(
    store: &Store,
    claims: &Claims,
    uses: impl Iterator<Item = &'a NewKeyUse> + Clone,
) -> Result<(), Error> {
    fn column<'a, T>(
        uses: &(impl Iterator<Item = &'a NewKeyUse> + Clone),
        of: impl Fn(&'a NewKeyUse) -> T,
    ) -> Vec<T> {
        uses.clone().map(of).collect()
    }
    let times = column(&uses, |used| used.sent_at);
    let services = column(&uses, |used| used.service);
    let methods = column(&uses, |used| used.method.as_str());
    let hosts = column(&uses, |used| used.host.as_str());
    let paths = column(&uses, |used| used.path.as_str());
    let statuses = column(&uses, |used| used.status);
    let durations = column(&uses, |used| used.duration_ms);
    let bytes_out = column(&uses, |used| used.bytes_out);
    let bytes_in = column(&uses, |used| used.bytes_in);
    let params: [&(dyn ToSql + Sync); 9] = [
        &times, &services, &methods, &hosts, &paths, &statuses, &durations, &bytes_out, &bytes_in,
    ];
    store.run(claims, &RECORD, &params).await?;
    Ok(())
}

/// Uses of the caller's keys, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &KeyUseFilter,
    page: &PageRequest,
) -> Result<Page<KeyUse>, Error> {
    let created = CreationTime {
        after: filter.created_after,
        before: filter.created_before,
    };
    let filters: [&dyn Filter; 1] = [&filter.service];
    page.of(store, claims, &LISTS, created, &filters).await
}

impl From<&Row> for KeyUse {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            created_at: row.get(1),
            service: row.get(2),
            method: row.get(3),
            host: row.get(4),
            path: row.get(5),
            status: row.get(6),
            duration_ms: row.get(7),
            bytes_out: row.get(8),
            bytes_in: row.get(9),
            client_id: row.get(10),
            access_token_id: row.get(11),
            service_token: row.get(12),
        }
    }
}

impl Ordered for KeyUse {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
