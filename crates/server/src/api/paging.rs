//! How lists are asked for and answered: the same parameters and shape for every resource.

use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use store::rows::page::Page;
use store::{Cursor, PageRequest};

use crate::http::problem::Problem;
use crate::http::schema::Nullable;
use crate::http::values::BoundedInteger;

/// Whether all rows are counted.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename_all = "lowercase")]
pub(crate) enum Count {
    /// Count them, in the statement that reads the page.
    Exact,
}

/// A page of a list, newest first.
#[derive(Object, Serialize)]
pub(crate) struct Listing<T: Send + Sync + Type + ParseFromJSON + ToJSON> {
    /// The rows.
    data: Vec<T>,
    /// Pass it as `cursor` to get the next page; null on the last. One request looks through 3,000 rows for what no index
    /// finds (`q`, or several filters at once): then a page may have fewer rows than `limit`, even none, before the last.
    next_cursor: Nullable<String>,
    /// How many rows the filters let through; only with `count=exact`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
}

impl<T: Send + Sync + Type + ParseFromJSON + ToJSON> Listing<T> {
    pub(crate) fn new<R: Into<T>>(listed: Page<R>) -> Self {
        Self {
            data: listed.rows.into_iter().map(Into::into).collect(),
            next_cursor: Nullable(listed.next.as_ref().map(Cursor::encode)),
            count: listed.count,
        }
    }
}

/// How many rows a page may have.
pub(crate) type Limit = BoundedInteger<1, 200>;

/// What the paging parameters ask for.
pub(crate) fn page(
    limit: Option<Limit>,
    cursor: Option<&str>,
    count: Option<Count>,
) -> Result<PageRequest, Problem> {
    let cursor = match cursor.map(Cursor::decode) {
        Some(None) => return Err(Problem::invalid("cursor: is not one that this list has given")),
        decoded => decoded.flatten(),
    };
    Ok(PageRequest {
        limit: Limit::or(limit, DEFAULT_LIMIT),
        cursor,
        count: count.is_some(),
    })
}

const DEFAULT_LIMIT: u16 = 50;
