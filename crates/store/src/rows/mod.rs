//! One module for each table: its row, its inputs, its statements.
//!
//! Rows are read with the accessor that panics: a column that isn't there is a mistake of ours, and the
//! test that prepares every statement finds it.

pub mod api_keys;
pub mod automation_logs;
pub mod call_logs;
pub mod contact_import;
pub mod contacts;
pub mod dashboard;
pub mod inbox;
pub mod leads;
pub mod page;
pub mod phone_numbers;
pub mod router;
pub mod users;
pub mod webhook_endpoints;
pub mod webhook_events;

use tokio_postgres::types::ToSql;

/// A change to a column that may be null: leave it, empty it, or set it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Change<T> {
    /// The column stays as it is.
    #[default]
    Keep,
    /// The column becomes null.
    Clear,
    /// The column gets this value.
    Set(T),
}

impl<T: ToSql + Sync + 'static> Change<T> {
    /// As the statement takes it: whether to write, and what.
    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 2] {
        match self {
            Self::Keep => [&false, &None::<T>],
            Self::Clear => [&true, &None::<T>],
            Self::Set(value) => [&true, value],
        }
    }
}

/// The row that a create answers with.
#[derive(Clone, Debug)]
pub struct Created<T> {
    /// The row.
    pub row: T,
    /// False if an earlier request with the same idempotency key made it.
    pub new: bool,
}

/// A text to be found anywhere in a column, as an `ilike` pattern: its own wildcards mean themselves.
#[must_use]
pub fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::containing;

    #[test]
    fn wildcards_in_a_search_mean_themselves() {
        assert_eq!(containing(r"50%_a\b"), r"%50\%\_a\\b%");
    }
}
