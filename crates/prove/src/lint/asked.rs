//! Questions to the catalog that show a risk.

use crate::catalog::Relation;
use crate::sql::literal;

/// Asks the catalog whether a role has any of some rights.
pub(super) fn may(role: &str, relation: &Relation, rights: &str) -> String {
    format!(
        "select has_table_privilege({}, {}, {})",
        literal(role),
        literal(&relation.sql()),
        literal(rights)
    )
}

/// Asks `pg_class` about a relation.
pub(super) fn flag(what: &str, relation: &Relation) -> String {
    of_catalog(what, "pg_class", &relation.sql(), "regclass")
}

pub(super) fn of_catalog(what: &str, table: &str, name: &str, kind: &str) -> String {
    let key = if table == "pg_index" { "indexrelid" } else { "oid" };
    format!(
        "select {what} from {table} where {key} = {}::{kind}",
        literal(name)
    )
}
