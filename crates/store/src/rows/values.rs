//! Values of rows, and what is asked of them: times, changes, patterns.

use chrono::{DateTime, Utc};
use postgres_protocol::types::timestamp_from_sql;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

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

/// A time as a row has it. Postgres also knows `infinity` and years that RFC 3339 can't write, and lets a user store
/// them through PostgREST; one such row must not take the whole list with it. They read as the bounds of the years 1
/// to 9999.
pub(crate) struct Timestamp(DateTime<Utc>);

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // Microseconds since 2000; the infinities are the ends of the type.
        let since_1970 = timestamp_from_sql(raw)?.saturating_add(Y2000);
        let within = since_1970.clamp(YEAR_1, YEAR_9999);
        DateTime::from_timestamp_micros(within)
            .map(Self)
            .ok_or_else(|| "a time beyond what can be represented".into())
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(moment: Timestamp) -> Self {
        moment.0
    }
}

/// A time of a row.
pub(crate) fn time(row: &Row, index: usize) -> DateTime<Utc> {
    row.get::<_, Timestamp>(index).into()
}

/// In microseconds since 1970: 2000-01-01, the first of year 1 and the last of year 9999.
const Y2000: i64 = 946_684_800_000_000;
const YEAR_1: i64 = -62_135_596_800_000_000;
const YEAR_9999: i64 = 253_402_300_799_999_999;

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
    use super::{Timestamp, containing};
    use chrono::{DateTime, Utc};
    use tokio_postgres::types::{FromSql as _, Type};

    #[test]
    fn every_time_that_postgres_knows_can_be_read() {
        for (micros, read) in [
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
            (i64::MIN, "0001-01-01T00:00:00Z"),
            (i64::MAX - 1, "9999-12-31T23:59:59.999999Z"),
            (0, "2000-01-01T00:00:00Z"),
        ] {
            let moment = Timestamp::from_sql(&Type::TIMESTAMPTZ, &micros.to_be_bytes()).ok();
            let time = moment.map(DateTime::<Utc>::from);
            assert_eq!(time, read.parse().ok(), "{micros}");
        }
    }

    #[test]
    fn wildcards_in_a_search_mean_themselves() {
        assert_eq!(containing(r"50%_a\b"), r"%50\%\_a\\b%");
    }
}
