//! One module for each table: its row, its inputs, its statements.
//!
//! Rows are read with the accessor that panics: a column that isn't there is a mistake of ours, and the
//! test that prepares every statement finds it.

pub mod access_tokens;
pub mod api_keys;
pub mod automation_logs;
pub mod call_logs;
pub mod contact_import;
pub mod contacts;
mod create;
pub mod dashboard;
pub mod event_deliveries;
pub mod event_effects;
pub mod event_outbox;
pub mod event_subscriptions;
pub mod events;
pub mod key_uses;
pub mod leads;
pub(crate) mod list_queries;
pub mod oauth;
pub mod page;
pub mod phone_numbers;
pub mod router;
mod table;
pub mod users;
mod values;
pub mod webhook_endpoints;
pub mod webhook_events;

pub use table::Table;
pub use values::{Change, Created, containing};

use crate::query::Query;

/// The tables that are declared with their columns.
pub static TABLES: &[&Table] = &[
    &leads::TABLE,
    &contacts::TABLE,
    &call_logs::TABLE,
    &automation_logs::TABLE,
];

/// Every statement, for the tests that prepare and explain each as the role that runs it.
pub fn queries() -> impl Iterator<Item = &'static Query> {
    let of_lists = LISTS.iter().flat_map(|list| list.queries());
    let single = QUERIES.iter().copied().flatten().copied();
    single.chain(of_lists).chain(phone_numbers::NUMBERS.queries())
}

static LISTS: &[&list_queries::LazyList] = &[
    &leads::LISTS,
    &contacts::LISTS,
    &call_logs::LISTS,
    &automation_logs::LISTS,
    &webhook_events::LISTS,
    &key_uses::LISTS,
    &event_deliveries::LISTS,
];

static QUERIES: &[&[&Query]] = &[
    users::QUERIES,
    leads::QUERIES,
    contacts::QUERIES,
    contact_import::QUERIES,
    call_logs::QUERIES,
    automation_logs::QUERIES,
    dashboard::QUERIES,
    access_tokens::QUERIES,
    api_keys::QUERIES,
    oauth::QUERIES,
    key_uses::QUERIES,
    phone_numbers::QUERIES,
    webhook_endpoints::QUERIES,
    webhook_events::QUERIES,
    event_effects::QUERIES,
    events::QUERIES,
    event_subscriptions::QUERIES,
    event_deliveries::QUERIES,
    event_outbox::QUERIES,
];
