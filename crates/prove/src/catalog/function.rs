//! Functions and roles as the catalog holds them.

use serde::Deserialize;

use super::category::Category;
use crate::sql::{Oid, ident};

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Function {
    pub(crate) oid: Oid,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) signature: String,
    pub(crate) in_scope: bool,
    /// The extension that it belongs to.
    pub(crate) extension: Option<String>,
    pub(crate) definer: bool,
    /// `i`, `s` or `v`.
    pub(crate) volatility: Volatility,
    language: String,
    pub(crate) source: String,
    pub(crate) config: Vec<String>,
    pub(crate) owner: String,
    pub(crate) owner_bypasses: bool,
    pub(crate) returns: String,
    pub(crate) defaults: usize,
    pub(crate) variadic: bool,
    pub(crate) types: Vec<Argument>,
    /// API roles that may execute it.
    pub(crate) callers: Vec<String>,
}

/// What `provolatile` says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub(crate) enum Volatility {
    #[serde(rename = "i")]
    Immutable,
    #[serde(rename = "s")]
    Stable,
    #[serde(rename = "v")]
    Volatile,
}

impl Function {
    /// Whether its source is all that it does.
    pub(crate) fn is_readable(&self) -> bool {
        matches!(self.language.as_str(), "sql" | "plpgsql")
    }

    /// Whether a client can call it by name.
    pub(crate) fn is_callable(&self) -> bool {
        self.in_scope
            && !self.callers.is_empty()
            && !matches!(self.returns.as_str(), "trigger" | "event_trigger" | "internal")
    }

    /// Name for SQL.
    pub(crate) fn sql(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// Name with argument types and always with its schema.
    pub(crate) fn label(&self) -> String {
        let types: Vec<_> = self
            .types
            .iter()
            .map(|argument| argument.sql_type.as_str())
            .collect();
        format!("{}.{}({})", self.schema, self.name, types.join(","))
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Argument {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) sql_type: String,
    pub(crate) base_name: String,
    pub(crate) category: Category,
    /// The table whose row type it is, or 0.
    pub(crate) relation: Oid,
    pub(crate) element: Option<String>,
    pub(crate) labels: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) superuser: bool,
    pub(crate) bypasses: bool,
    pub(crate) can_become: Vec<Becomes>,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Becomes {
    pub(crate) name: String,
    pub(crate) set: bool,
    pub(crate) inherit: bool,
    pub(crate) superuser: bool,
    pub(crate) bypasses: bool,
    pub(crate) owns: bool,
}
