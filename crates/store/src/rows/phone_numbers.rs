//! Phone numbers, and which of them are the tenant's. Claimed ones route nothing until they are verified.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::list_queries::Paged;
use super::page::{Cursor, Ordered, Page, PageRequest};
use super::values::Created;
use crate::error::Error;
use crate::query::{Query, query, query_file};
use crate::tenant_tx::Store;

/// A row of `public.user_phone_numbers`, without its tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct ClaimedNumber {
    pub id: String,
    pub phone: String,
    pub provider: String,
    pub label: Option<String>,
    pub verified_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// What a claim consists of.
#[derive(Clone, Copy, Debug)]
pub struct NewNumber<'a> {
    /// E.164 or a short code.
    pub phone: &'a str,
    /// Who runs it.
    pub provider: &'a str,
    /// The user's name for it.
    pub label: Option<&'a str>,
}

pub(crate) static NUMBERS: LazyLock<Paged> = LazyLock::new(|| {
    Paged::new(
        "phone_numbers",
        query_file!("phone_numbers/list"),
        query_file!("phone_numbers/count"),
        [&[Type::TEXT, Type::TIMESTAMPTZ, Type::TEXT, Type::INT8]; 2],
    )
});
static VERIFIED: Query = query!(Read "phone_numbers/verified" []);
static FIND: Query = query!(Read "phone_numbers/find" [TEXT]);
static CLAIM: Query = query!(Write "phone_numbers/claim" [TEXT, TEXT, TEXT, TEXT]);
static RELEASE: Query = query!(Write "phone_numbers/release" [TEXT]);
static CONFIRM: Query = query!(Sealer Write "phone_numbers/confirm" [TEXT]);
pub(crate) static QUERIES: &[&Query] = &[&VERIFIED, &FIND, &CLAIM, &RELEASE, &CONFIRM];

/// The caller's numbers, newest first.
pub async fn list(store: &Store, claims: &Claims, page: &PageRequest) -> Result<Page<ClaimedNumber>, Error> {
    page.of_all(store, claims, &NUMBERS).await
}

/// A number of the caller's that events are routed by.
pub async fn verified(store: &Store, claims: &Claims) -> Result<Option<String>, Error> {
    let rows = store.run(claims, &VERIFIED, &[]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// One of the caller's numbers.
pub async fn find(store: &Store, claims: &Claims, id: &str) -> Result<Option<ClaimedNumber>, Error> {
    let rows = store.run(claims, &FIND, &[&id]).await?;
    Ok(rows.first().map(ClaimedNumber::from))
}

/// Claims a number in its normal form (E.164 or a short code), or finds the one that the same key claimed before; None
/// if that one is gone.
pub async fn claim(
    store: &Store,
    claims: &Claims,
    new: &NewNumber<'_>,
    idempotency_key: Option<&str>,
) -> Result<Option<Created<ClaimedNumber>>, Error> {
    let NewNumber {
        phone,
        provider,
        label,
    } = new;
    store
        .create(claims, &CLAIM, &[phone, provider, label, &idempotency_key])
        .await
}

/// Gives up a number; false if it isn't the caller's.
pub async fn release(store: &Store, claims: &Claims, id: &str) -> Result<bool, Error> {
    Ok(!store.run(claims, &RELEASE, &[&id]).await?.is_empty())
}

/// Marks a number as verified, because its provider has said that it is the caller's; fails with a unique violation
/// if it is verified for somebody else.
pub async fn confirm(store: &Store, claims: &Claims, id: &str) -> Result<bool, Error> {
    let rows = store.run(claims, &CONFIRM, &[&id]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

impl From<&Row> for ClaimedNumber {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            phone: row.get(1),
            provider: row.get(2),
            label: row.get(3),
            verified_at: row.get(4),
            created_at: row.get(5),
        }
    }
}

impl Ordered for ClaimedNumber {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
