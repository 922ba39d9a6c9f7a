//! Contacts: the address book.

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

table! { $ contacts {
    /// An entry of the address book.
    Contact,
    /// What a new contact consists of; without a status it is active.
    NewContact,
    /// What to change in a contact; fields that aren't named stay, null empties.
    ContactChange;

    first_name: String, required(Text<1, 200>);
    last_name: String, optional(Text<0, 200>);
    email: String, optional(Email);
    /// E.164 where it could be read as that, else as it was typed.
    phone: String, optional(Phone);
    company: String, optional(Text<0, 200>);
    job_position: String, optional(Text<0, 200>);
    /// For example active, pending or inactive.
    status: String, defaulted(Text<1, 50>);
    notes: String, optional(Text<0, 100_000>);
    plan: String, optional(Text<0, 200>);
    appointment_date: DateTime<Utc>, optional(Time);
    business_name: String, optional(Text<0, 200>);
    business_position: String, optional(Text<0, 200>);
} }

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

pub(crate) static LISTS: LazyList = LazyList::new(|| {
    ListQueries::new(
        &list_files!("contacts"),
        &[Type::TEXT, Type::TEXT, Type::TEXT_ARRAY, Type::TEXT, Type::TEXT],
        &[
            (3, Indexed::Folded("email")),
            (2, Indexed::Few("phone")),
            (1, Indexed::Many("company")),
            (0, Indexed::Many("status")),
        ],
    )
});
pub(crate) static QUERIES: &[&Query] = &[&FIND.0, &FIND_MANY, &INSERT, &UPDATE, &DELETE];

/// The caller's contacts, newest first.
pub async fn list(
    store: &Store,
    claims: &Claims,
    filter: &ContactFilter,
    page: &PageRequest,
) -> Result<Page<Contact>, Error> {
    let q = filter.q.as_deref().map(containing);
    let created = CreationTime {
        after: filter.created_after,
        before: filter.created_before,
    };
    let filters: [&dyn Filter; 5] = [&filter.status, &filter.company, &filter.phone, &filter.email, &q];
    page.of(store, claims, &LISTS, created, &filters).await
}
