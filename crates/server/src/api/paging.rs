//! How are lists asked for and answered? The same parameters and shape for every resource.

use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use store::rows::page::Listed;
use store::{Cursor, Page};

use crate::http::answer::Nullable;
use crate::http::problem::Problem;

/// Whether all rows are counted.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename_all = "lowercase")]
pub(crate) enum Count {
    /// Count them, for one more statement in the same round trip.
    Exact,
}

/// A page of a list, newest first.
#[derive(Object, Serialize)]
pub(crate) struct Listing<T: Send + Sync + Type + ParseFromJSON + ToJSON> {
    /// The rows.
    data: Vec<T>,
    /// Pass it as `cursor` to get the next page; null on the last.
    next_cursor: Nullable<String>,
    /// How many rows the filters let through; only with `count=exact`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
}

impl<T: Send + Sync + Type + ParseFromJSON + ToJSON> Listing<T> {
    pub(crate) fn new<R: Into<T>>(listed: Listed<R>) -> Self {
        Self {
            data: listed.rows.into_iter().map(Into::into).collect(),
            next_cursor: Nullable(listed.next.as_ref().map(Cursor::encode)),
            count: listed.count,
        }
    }
}

/// Checks the paging parameters together, so that one answer names every mistake.
pub(crate) fn page(limit: Option<i64>, cursor: Option<&str>, count: Option<Count>) -> Result<Page, Problem> {
    let mut refused = Vec::new();
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let limit = u16::try_from(limit)
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit));
    if limit.is_none() {
        refused.push("limit: must be 1 to 200");
    }
    let cursor = cursor.map(Cursor::decode);
    if cursor == Some(None) {
        refused.push("cursor: is not one that this list has given");
    }
    match limit {
        Some(limit) if refused.is_empty() => Ok(Page {
            limit,
            cursor: cursor.flatten(),
            count: count.is_some(),
        }),
        _ => Err(Problem::invalid(refused.join("; "))),
    }
}

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: u16 = 200;
