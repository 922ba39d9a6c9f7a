//! The statements of a list: one for each way to find its rows, so that a request costs the same whatever a tenant holds.
//!
//! A filter whose column has an index (user, column, time, id) is walked by it. What else is asked for is looked for
//! among [`LOOKED_AT`] rows, and the next page goes on from there. Row-level security lets an index find only what
//! leakproof operators compare: `like` is none, so that not even a trigram index would be used.

use std::sync::LazyLock;

use tokio_postgres::types::Type;

use crate::query::{Access, Query, ReplicaQuery, Role};

/// How many rows one request looks at, where no index finds them.
const LOOKED_AT: u32 = 3000;
/// `$1` to `$6`: the user, the position, how many rows, and the times from which on and until which.
const FIXED: [Type; 6] = [
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::TEXT,
    Type::INT8,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
];

/// A statement that reads a page, and one that also counts all rows: one statement, so one snapshot.
pub(crate) struct Paged {
    pub(crate) page: ReplicaQuery,
    pub(crate) counted: ReplicaQuery,
}

/// How the rows of a list can be found.
pub(crate) struct ListQueries {
    /// All of them.
    pub(crate) all: Paged,
    /// Those that the filters let through, looked for from the newest row on.
    pub(crate) newest: Paged,
    /// The same by the index of a filter, named by its place; the most selective filter comes first.
    pub(crate) indexed: Vec<(usize, Paged)>,
}

/// A filter that has an index.
#[derive(Clone, Copy)]
pub(crate) enum Indexed {
    /// Equals a column that few rows have in common, or is one of a list of values: what is found may be sorted.
    Few(&'static str),
    /// Equals a column that most of a tenant's rows may have in common.
    Many(&'static str),
    /// Equals a column but for capitals: rows without any are found by one index, the few others by another.
    Folded(&'static str),
}

/// The files of a list.
pub(crate) struct ListFiles {
    /// The folder of the files.
    pub(crate) table: &'static str,
    /// The table, with its schema.
    pub(crate) relation: &'static str,
    pub(crate) list: &'static str,
    pub(crate) search: &'static str,
    pub(crate) count: &'static str,
}

/// The [`ListFiles`] of a table.
macro_rules! list_files {
    ($table:literal) => { $crate::rows::list_queries::list_files!($table in "public") };
    ($table:literal in $schema:literal) => {
        $crate::rows::list_queries::ListFiles {
            table: $table,
            relation: concat!($schema, ".", $table),
            list: $crate::query::query_file!($table, "/list"),
            search: $crate::query::query_file!($table, "/search"),
            count: $crate::query::query_file!($table, "/count"),
        }
    };
}
pub(crate) use list_files;

impl ListQueries {
    /// `filters` are the types of `$7…`; `indexed` says which of them have an index.
    pub(crate) fn new(files: &ListFiles, filters: &[Type], indexed: &[(usize, Indexed)]) -> Self {
        let types = [&FIXED, filters].concat().leak();
        let all = Paged::new(files.table, files.list, files.count, [&types[..4], types]);
        let search = |found| files.search(types, &found);
        let by =
            |&(place, index): &(usize, Indexed)| (place, search(Range::by(files.relation, place, index)));
        Self {
            all,
            newest: search(Range::newest()),
            indexed: indexed.iter().map(by).collect(),
        }
    }

    pub(crate) fn queries(&self) -> impl Iterator<Item = &Query> {
        let indexed = self.indexed.iter().map(|(_, paged)| paged);
        let paged = [&self.all, &self.newest].into_iter().chain(indexed);
        paged.flat_map(Paged::queries)
    }
}

/// Where an index is entered and left, for a page and for the count.
struct Range {
    page: String,
    whole: String,
    order: String,
    /// Of the filter that the index serves.
    param: Option<usize>,
}

impl Range {
    fn newest() -> Self {
        Self {
            page: "(created_at, id) < ($2, $3) and created_at >= $5".to_owned(),
            whole: "created_at >= $5 and created_at < $6".to_owned(),
            order: "created_at desc, id desc".to_owned(),
            param: None,
        }
    }

    fn by(relation: &str, place: usize, index: Indexed) -> Self {
        let param = FIXED.len() + 1 + place;
        let newest = Self::newest();
        let among = |condition: String| Self {
            page: format!("{condition} and {}", newest.page),
            whole: format!("{condition} and {}", newest.whole),
            order: newest.order.clone(),
            param: Some(param),
        };
        // What the indexes are limited to, see V11; no filter's value is longer.
        match index {
            // Found first, since walking the newest rows looks cheaper where few of them are wanted.
            Indexed::Few(column) => among(format!(
                "id = any (array(\n\
                 select id from {relation} where user_id = $1 and {column} = any (${param}) and length({column}) <= 200\n))"
            )),
            Indexed::Folded(column) => among(format!(
                "id = any (array(\n\
                 select id from {relation} where user_id = $1 and {column} = lower(${param}) and length({column}) <= 320\n\
                 union all\n\
                 select id from {relation} where user_id = $1 and {column} <> lower({column}) and lower({column}) = lower(${param})\n))"
            )),
            // Written as the range of rows that it is, since every other index looks as good for `column = $n` where
            // one value is that of most rows.
            Indexed::Many(column) => {
                let fits = format!("length({column}) <= 200");
                Self {
                    page: format!(
                        "({column}, created_at, id) < (${param}, $2, $3) and ({column}, created_at) >= (${param}, $5) and {fits}"
                    ),
                    whole: format!(
                        "({column}, created_at) < (${param}, $6) and ({column}, created_at) >= (${param}, $5) and {fits}"
                    ),
                    order: format!("{column} desc, {}", newest.order),
                    param: Some(param),
                }
            }
        }
    }
}

impl ListFiles {
    fn search(&self, types: &'static [Type], range: &Range) -> Paged {
        let Self { table, search, .. } = self;
        let Range { page, order, .. } = range;
        let page = format!(
            "-- {table}/search: a page\nselect *, place = {LOOKED_AT} as last\nfrom (\n\
             select *, row_number() over (order by {order}) as place\nfrom (\n{search}  and {page}\n) found\n\
             order by {order}\nlimit {LOOKED_AT}\n) looked_at\nwhere matches or place = {LOOKED_AT}\n\
             order by {order}\nlimit $4\n"
        );
        Paged::new(
            table,
            page.leak(),
            &self.total(types.len(), range),
            [types, types],
        )
    }

    /// What mako.stats has been told, else what the index itself can count, else what only the rows say.
    fn total(&self, params: usize, range: &Range) -> String {
        let Self {
            relation,
            search,
            count,
            ..
        } = self;
        let Range { whole, param, .. } = range;
        let others = (FIXED.len() + 1..=params).filter(|other| Some(*other) != *param);
        let others = others.map(|other| format!("${other} is null"));
        let is_alone: Vec<_> = std::iter::once("true".to_owned()).chain(others).collect();
        format!(
            "select coalesce((\n{count}), case when {} then (\n\
             select count(*) from {relation} where user_id = $1 and {whole}\n\
             ) else (\nselect count(*) from (\n{search}  and {whole}\n) found where matches\n) end)\n",
            is_alone.join(" and ")
        )
    }
}

impl Paged {
    /// A page's statement, and one that also answers the single value of another; their types.
    pub(crate) fn new(table: &str, page: &'static str, count: &str, types: [&'static [Type]; 2]) -> Self {
        let counted = format!(
            "-- {table}/count: beside a page\nwith total (count) as (\n{count}),\npage as (\n{page})\n\
             select page.*, total.count\nfrom total\nleft join page on true\norder by created_at desc, id desc\n"
        );
        let read = |name: &'static str, sql, types| {
            ReplicaQuery::new(Query {
                name,
                sql,
                types,
                access: Access::Read,
                role: Role::Authenticated,
            })
        };
        let [of_page, of_count] = types;
        Self {
            page: read(name(page), page, of_page),
            counted: read(format!("{table}/count").leak(), counted.leak(), of_count),
        }
    }

    pub(crate) fn queries(&self) -> impl Iterator<Item = &Query> {
        [&self.page.0, &self.counted.0].into_iter()
    }
}

/// What a statement calls itself in its first line.
fn name(sql: &'static str) -> &'static str {
    let line = sql.strip_prefix("-- ").unwrap_or(sql);
    line.split_once(':').map_or(line, |(name, _)| name)
}

/// Declared once, made at first use.
pub(crate) type LazyList = LazyLock<ListQueries>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_filters_is_counted_by_its_index() {
        let files = ListFiles {
            table: "notes",
            relation: "public.notes",
            list: "",
            search: "",
            count: "",
        };
        let without = files.total(FIXED.len(), &Range::newest());
        assert!(without.contains("case when true then"), "{without}");
        let with_one = files.total(FIXED.len() + 1, &Range::newest());
        assert!(
            with_one.contains("case when true and $7 is null then"),
            "{with_one}"
        );
    }
}
