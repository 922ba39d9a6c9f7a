//! Where a page starts: by the last row of the one before, so that inserts neither repeat nor skip rows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::Error;
use crate::query::Query;
use crate::tenant_tx::Store;

/// The position after a row in a list ordered by `created_at desc, id desc`.
///
/// Only a position: whoever makes one up still sees nothing but their own rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: String,
}

impl Cursor {
    /// After the row with this time and id.
    #[must_use]
    pub fn after(created_at: DateTime<Utc>, id: &str) -> Self {
        Self {
            created_at,
            id: id.to_owned(),
        }
    }

    /// The opaque text that clients carry: base64url of `microseconds since 1970:id`.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}", self.created_at.timestamp_micros(), self.id))
    }

    /// Reads what [`Cursor::encode`] wrote; None for anything else.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (micros, id) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        // Postgres' timestamps end where chrono's go on; NUL is no text for it.
        let created_at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
        let storable = (-4712..=294_275).contains(&chrono::Datelike::year(&created_at)) && !id.contains('\0');
        storable.then(|| Self {
            created_at,
            id: id.to_owned(),
        })
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Rows at most, 1 – 200.
    pub limit: u16,
    /// Start after this row; None for the newest.
    pub cursor: Option<Cursor>,
    /// Whether to count all rows that the filters let through.
    pub count: bool,
}

impl PageRequest {
    /// Where the page starts. Always a position, never null, so that Postgres finds it in the index.
    fn start(&self) -> (DateTime<Utc>, &str) {
        match &self.cursor {
            Some(cursor) => (cursor.created_at, &cursor.id),
            // Later than any row, earlier than the end of both chrono's and Postgres' time.
            None => (
                DateTime::from_timestamp(253_402_300_800, 0).unwrap_or(DateTime::<Utc>::MAX_UTC),
                "",
            ),
        }
    }

    /// One row more than asked for tells whether there is a next page.
    fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl PageRequest {
    /// The page of a list and, if it is asked for, how many rows there are: one statement either way. `filters` are the
    /// values of `$5…`.
    pub(crate) async fn of<T: Ordered + for<'a> From<&'a Row>>(
        &self,
        store: &Store,
        claims: &Claims,
        [list, counted]: [&'static Query; 2],
        filters: &[&(dyn ToSql + Sync)],
    ) -> Result<Page<T>, Error> {
        let ((before, id), fetch) = (self.start(), self.fetch());
        let position: [&(dyn ToSql + Sync); 3] = [&before, &id, &fetch];
        let query = if self.count { counted } else { list };
        let mut rows = store.run(claims, query, &[&position, filters].concat()).await?;
        let count = if self.count { total(&rows) } else { None };
        if count.is_some() {
            // No row of the page, but the count beside it.
            rows.retain(|row| row.get::<_, Option<&str>>(0).is_some());
        }
        Ok(Page::new(self, &rows, count))
    }
}

/// What `counted_query!` puts into the last column.
fn total(rows: &[Row]) -> Option<i64> {
    rows.first().map(|row| row.get(row.len() - 1))
}

/// Rows of one page.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows, newest first.
    pub rows: Vec<T>,
    /// Where the next page starts; None on the last page.
    pub next: Option<Cursor>,
    /// All rows that the filters let through, if asked for.
    pub count: Option<i64>,
}

/// A row that lists are ordered by.
pub trait Ordered {
    /// The position after this row.
    fn position(&self) -> Cursor;
}

impl<T: Ordered + for<'a> From<&'a Row>> Page<T> {
    fn new(page: &PageRequest, rows: &[Row], count: Option<i64>) -> Self {
        let limit = usize::from(page.limit);
        let kept: Vec<T> = rows.iter().take(limit).map(T::from).collect();
        let next = if rows.len() > limit {
            kept.last().map(Ordered::position)
        } else {
            None
        };
        Self {
            rows: kept,
            next,
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip_to_the_microsecond() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let cursor = Cursor::after(at, "a:b-ü");
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let nul = URL_SAFE_NO_PAD.encode("1:a\0");
        let far = URL_SAFE_NO_PAD.encode(format!("{}:a", i64::MAX));
        for text in ["", "x", "%%%", "MTIz", &nul, &far, &URL_SAFE_NO_PAD.encode("x:y")] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }
}
