//! Contacts: the address book.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::page::{Cursor, Ordered, Page, PageRequest};
use super::{Change, Created, Timestamp, containing, time};
use crate::error::Error;
use crate::query::{Query, counted_query, query};
use crate::tenant_tx::Store;

/// A row of `public.contacts`, without its tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct Contact {
    pub id: String,
    pub first_name: String,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub job_position: Option<String>,
    pub status: String,
    pub notes: Option<String>,
    pub plan: Option<String>,
    pub appointment_date: Option<DateTime<Utc>>,
    pub business_name: Option<String>,
    pub business_position: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a new contact consists of; without a status it is `active`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct NewContact {
    pub first_name: String,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub job_position: Option<String>,
    pub status: Option<String>,
    pub notes: Option<String>,
    pub plan: Option<String>,
    pub appointment_date: Option<DateTime<Utc>>,
    pub business_name: Option<String>,
    pub business_position: Option<String>,
}

/// What to change in a contact; None and [`Change::Keep`] leave a column alone.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct ContactChange {
    pub first_name: Option<String>,
    pub status: Option<String>,
    pub last_name: Change<String>,
    pub email: Change<String>,
    pub phone: Change<String>,
    pub company: Change<String>,
    pub job_position: Change<String>,
    pub notes: Change<String>,
    pub plan: Change<String>,
    pub appointment_date: Change<DateTime<Utc>>,
    pub business_name: Change<String>,
    pub business_position: Change<String>,
}

impl NewContact {
    fn params<'a>(&'a self, idempotency_key: &'a (dyn ToSql + Sync)) -> [&'a (dyn ToSql + Sync); 13] {
        [
            &self.first_name,
            &self.last_name,
            &self.email,
            &self.phone,
            &self.company,
            &self.job_position,
            &self.status,
            &self.notes,
            &self.plan,
            &self.appointment_date,
            &self.business_name,
            &self.business_position,
            idempotency_key,
        ]
    }
}

impl ContactChange {
    fn params<'a>(&'a self, id: &'a &'a str) -> Vec<&'a (dyn ToSql + Sync)> {
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![id, &self.first_name, &self.status];
        params.extend(self.last_name.params());
        params.extend(self.email.params());
        params.extend(self.phone.params());
        params.extend(self.company.params());
        params.extend(self.job_position.params());
        params.extend(self.notes.params());
        params.extend(self.plan.params());
        params.extend(self.appointment_date.params());
        params.extend(self.business_name.params());
        params.extend(self.business_position.params());
        params
    }
}

/// Which contacts to list; None filters nothing.
#[derive(Clone, Debug, Default)]
pub struct ContactFilter {
    /// Exactly this status.
    pub status: Option<String>,
    /// Exactly this company.
    pub company: Option<String>,
    /// Any of these spellings of a phone number.
    pub phone: Option<Vec<String>>,
    /// This address, in any case.
    pub email: Option<String>,
    /// In name, e-mail, phone, company or notes, in any case.
    pub q: Option<String>,
    /// At or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Before this time.
    pub created_before: Option<DateTime<Utc>>,
}

static LIST: Query = query!(Read "contacts/list" [TIMESTAMPTZ, TEXT, INT8, TEXT, TEXT, TEXT_ARRAY, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static COUNTED: Query = counted_query!("contacts/count" of "contacts/list" [TIMESTAMPTZ, TEXT, INT8, TEXT, TEXT, TEXT_ARRAY, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static FIND: Query = query!(Read "contacts/find" [TEXT]);
static INSERT: Query = query!(Write "contacts/insert"
    [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TIMESTAMPTZ, TEXT, TEXT, TEXT]);
static UPDATE: Query = query!(Write "contacts/update" [TEXT, TEXT, TEXT, BOOL, TEXT, BOOL, TEXT, BOOL, TEXT, BOOL, TEXT,
    BOOL, TEXT, BOOL, TEXT, BOOL, TEXT, BOOL, TIMESTAMPTZ, BOOL, TEXT, BOOL, TEXT]);
static DELETE: Query = query!(Write "contacts/delete" [TEXT]);
pub(crate) static QUERIES: &[&Query] = &[&LIST, &COUNTED, &FIND, &INSERT, &UPDATE, &DELETE];

/// The caller's contacts, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &ContactFilter,
    page: &PageRequest,
) -> Result<Page<Contact>, Error> {
    let q = filter.q.as_deref().map(containing);
    let ContactFilter {
        status,
        company,
        phone,
        email,
        created_after,
        created_before,
        ..
    } = filter;
    let filters: [&(dyn ToSql + Sync); 7] =
        [status, company, phone, email, &q, created_after, created_before];
    page.of(store, claims, [&LIST, &COUNTED], &filters).await
}

/// One of the caller's contacts.
pub async fn find(store: &Store, claims: &Claims, id: &str) -> Result<Option<Contact>, Error> {
    Ok(store.run(claims, &FIND, &[&id]).await?.first().map(Contact::from))
}

/// Adds a contact, or finds the one that the same key added before; None if that one is gone.
pub async fn create(
    store: &Store,
    claims: &Claims,
    new: &NewContact,
    idempotency_key: Option<&str>,
) -> Result<Option<Created<Contact>>, Error> {
    store.create(claims, &INSERT, &new.params(&idempotency_key)).await
}

/// Changes a contact of the caller's.
pub async fn update(
    store: &Store,
    claims: &Claims,
    id: &str,
    change: &ContactChange,
) -> Result<Option<Contact>, Error> {
    let rows = store.run(claims, &UPDATE, &change.params(&id)).await?;
    Ok(rows.first().map(Contact::from))
}

/// Deletes a contact of the caller's; false if there is none.
pub async fn delete(store: &Store, claims: &Claims, id: &str) -> Result<bool, Error> {
    Ok(!store.run(claims, &DELETE, &[&id]).await?.is_empty())
}

impl From<&Row> for Contact {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            first_name: row.get(1),
            last_name: row.get(2),
            email: row.get(3),
            phone: row.get(4),
            company: row.get(5),
            job_position: row.get(6),
            status: row.get(7),
            notes: row.get(8),
            plan: row.get(9),
            appointment_date: row.get::<_, Option<Timestamp>>(10).map(Into::into),
            business_name: row.get(11),
            business_position: row.get(12),
            created_at: time(row, 13),
            updated_at: time(row, 14),
        }
    }
}

impl Ordered for Contact {
    fn position(&self) -> Cursor {
        Cursor::after(self.created_at, &self.id)
    }
}
