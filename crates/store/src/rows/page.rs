//! Where a page starts: by the last row of the one before, so that inserts neither repeat nor skip rows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::{Timestamp, ToSql};

use super::list_queries::{ListQueries, Paged};
use crate::error::Error;
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

/// When the rows of a list were created; None bounds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CreationTime {
    /// At or after this time.
    pub(crate) after: Option<DateTime<Utc>>,
    /// Before this time.
    pub(crate) before: Option<DateTime<Utc>>,
}

/// The value of a filter, if it is asked for.
pub(crate) trait Filter: Sync {
    fn is_given(&self) -> bool;
    fn param(&self) -> &(dyn ToSql + Sync);
}

impl<T: ToSql + Sync> Filter for Option<T> {
    fn is_given(&self) -> bool {
        self.is_some()
    }

    fn param(&self) -> &(dyn ToSql + Sync) {
        self
    }
}

impl PageRequest {
    /// Where the page starts. Always a position, never null, so that Postgres finds it in the index.
    fn start(&self, before: Option<DateTime<Utc>>) -> (DateTime<Utc>, &str) {
        match (&self.cursor, before) {
            (Some(cursor), before) if before.is_none_or(|before| cursor.created_at < before) => {
                (cursor.created_at, &cursor.id)
            }
            (_, Some(before)) => (before, ""),
            // Later than any row, earlier than the end of both chrono's and Postgres' time.
            (_, None) => (
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
    /// values of `$7…`.
    pub(crate) async fn of<T: Ordered + for<'a> From<&'a Row>>(
        &self,
        store: &Store,
        claims: &Claims,
        list: &'static ListQueries,
        created: CreationTime,
        filters: &[&dyn Filter],
    ) -> Result<Page<T>, Error> {
        let unfiltered = created.after.is_none() && created.before.is_none();
        let queries = if unfiltered && !filters.iter().any(|filter| filter.is_given()) {
            &list.all
        } else {
            let mut indexed = list.indexed.iter();
            let found =
                indexed.find(|(place, _)| filters.get(*place).is_some_and(|filter| filter.is_given()));
            found.map_or(&list.newest, |(_, queries)| queries)
        };
        let ((before, id), fetch) = (self.start(created.before), self.fetch());
        let after = created.after.map_or(Timestamp::NegInfinity, Timestamp::Value);
        let until = created.before.map_or(Timestamp::PosInfinity, Timestamp::Value);
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&before, &id, &fetch, &after, &until];
        params.extend(filters.iter().map(|filter| filter.param()));
        self.read(store, claims, queries, &params).await
    }

    /// The page of a list that has no filters.
    pub(crate) async fn of_all<T: Ordered + for<'a> From<&'a Row>>(
        &self,
        store: &Store,
        claims: &Claims,
        queries: &'static Paged,
    ) -> Result<Page<T>, Error> {
        let ((before, id), fetch) = (self.start(None), self.fetch());
        self.read(store, claims, queries, &[&before, &id, &fetch]).await
    }

    /// Gives a statement as many of the parameters as it takes.
    async fn read<T: Ordered + for<'a> From<&'a Row>>(
        &self,
        store: &Store,
        claims: &Claims,
        queries: &'static Paged,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Page<T>, Error> {
        let query = if self.count {
            &queries.counted
        } else {
            &queries.page
        };
        let taken = params.get(..query.0.types.len() - 1).unwrap_or(params);
        let mut rows = store.read(claims, query, taken).await?;
        let count = if self.count { total(&rows) } else { None };
        if count.is_some() {
            // No row of the page, but the count beside it.
            rows.retain(|row| row.get::<_, Option<&str>>(0).is_some());
        }
        Ok(Page::new(self, &rows, count))
    }
}

/// What a counting statement puts into the last column.
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
        // Where a search stopped looking; a row that the filters need not let through.
        let stopped = rows.last().filter(|row| row.try_get("last").unwrap_or(false));
        let matching = match stopped {
            Some(row) if !row.try_get("matches").unwrap_or(false) => &rows[..rows.len() - 1],
            _ => rows,
        };
        let kept: Vec<T> = matching.iter().take(limit).map(T::from).collect();
        let next = if matching.len() > limit {
            kept.last().map(Ordered::position)
        } else {
            stopped.map(|row| T::from(row).position())
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
    fn a_page_starts_at_the_cursor_or_at_the_time_before_which_rows_are_wanted() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let page = |cursor| PageRequest {
            limit: 1,
            cursor,
            count: false,
        };
        let turned = page(Some(Cursor::after(at(5), "b")));
        assert_eq!(turned.start(None), (at(5), "b"));
        assert_eq!(turned.start(Some(at(6))), (at(5), "b"));
        assert_eq!(turned.start(Some(at(5))), (at(5), ""), "no row of that very time");
        assert_eq!(page(None).start(Some(at(4))), (at(4), ""));
        assert!(page(None).start(None).0 > at(1 << 37));
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
