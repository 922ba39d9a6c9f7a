//! Says whose a relation's rows are, as far as names, foreign keys and policies tell.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::table::{TENANT_COLUMNS, Table, snake_case};
use crate::catalog::RelationKind;
use crate::conditions::is_user;

/// What columns are called that name who else may read a row.
const READERS: [&str; 5] = ["recipient", "receiver", "shared_with", "to_user", "invitee"];

/// How many joins lead from a row to its tenant at most.
const JOINS: usize = 3;

/// The lines of one relation; None if only a person can know.
pub(super) fn class(
    table: &Table,
    tables: &[Table],
    tenant: &str,
    membership: Option<&(&Table, String, String)>,
) -> Option<String> {
    of_somebody(table, tables, tenant, membership, 0).or_else(|| internal(table))
}

/// A relation whose rows are somebody's.
fn of_somebody(
    table: &Table,
    tables: &[Table],
    tenant: &str,
    membership: Option<&(&Table, String, String)>,
    depth: usize,
) -> Option<String> {
    let name = table.full_name();
    let referred = |by: &str| tables.iter().any(|other| other.refers(by, &name));
    let has = |column: &str| table.columns.iter().any(|name| name == column);
    let by_user = membership.map(|(_, user, _)| user.as_str());
    let mut tenants = tables.iter().flat_map(|other| &other.keys);
    let by_tenant = tenants.find(|(by, target, _)| by == tenant && *target == name);
    if let Some((.., key)) = by_tenant.filter(|(.., key)| !table.refers(key, "auth.users")) {
        return Some(format!("column = {key:?}"));
    }
    if has("id")
        && (table.refers("id", "auth.users") || table.holds_user("id") || by_user.is_some_and(referred))
    {
        return Some(of_user(table, "id", membership.is_some()));
    }
    let named = TENANT_COLUMNS
        .iter()
        .find_map(|name| table.columns.iter().find(|column| snake_case(column) == *name));
    if let Some(column) = named {
        let is_users = table.holds_user(column) && Some(column.as_str()) != by_user;
        return Some(of_user(table, column, membership.is_some() && is_users));
    }
    // Of several users that a row names, whose it is who makes it.
    let makes = |column: &&String| table.makes.iter().any(|condition| is_user(condition, column));
    let holds = |column: &&String| table.holds_user(column);
    if let Some(column) = table
        .columns
        .iter()
        .find(makes)
        .or_else(|| table.columns.iter().find(holds))
    {
        return Some(of_user(table, column, membership.is_some()));
    }
    let owned = |to: &str| {
        tables
            .iter()
            .filter(|other| other.full_name() == to)
            .any(|other| {
                other.columns.iter().any(|column| column == tenant)
                    || depth < JOINS && of_somebody(other, tables, tenant, membership, depth + 1).is_some()
            })
    };
    let parent = table.keys.iter().find(|(_, target, _)| owned(target));
    parent.map(|(column, target, _)| {
        format!("column = {column:?} # its rows belong to the row of {target} that this names")
    })
}

/// What policies open by who asks alone, whatever the row, and a view without a tenant column: the strictest that can be
/// said, so that a guess opens nothing.
fn internal(table: &Table) -> Option<String> {
    let reason = match table.kind {
        RelationKind::Table | RelationKind::Partitioned if asks_who(table) => {
            "its policies ask who it is, and nothing of the row"
        }
        RelationKind::View => {
            "a view that names no tenant: what it shows must not depend on another tenant's rows"
        }
        _ => return None,
    };
    Some(format!("internal = true\nreason = {reason:?}"))
}

/// Whether every policy looks its user up elsewhere, an administrator say, and none asks of the row.
fn asks_who(table: &Table) -> bool {
    static LOOKS_UP: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i) FROM |\b(?:is|has|can|check|get)_\w+\(").ok());
    let looks_up = |policy: &String| LOOKS_UP.as_ref().is_some_and(|regex| regex.is_match(policy));
    !table.policies.is_empty()
        && table
            .policies
            .iter()
            .all(|policy| looks_up(policy) && !table.is_read_by(policy))
}

/// A table by the column that names its user, which nothing else may tell where tenancy is by membership.
fn of_user(table: &Table, column: &str, membership: bool) -> String {
    let mut lines = format!("column = {column:?}");
    if membership && !table.refers(column, "auth.users") {
        lines.push_str("\nnames = \"user\"");
    }
    // A policy that by one user alone lets read what another has made.
    let lets_read = |name: &str| {
        let by = |condition: &&String| is_user(condition, name) && !condition.contains(" AND ");
        table.reads.iter().any(|condition| by(&condition))
    };
    let is_reader = |name: &&String| {
        let is_said = READERS.iter().any(|word| name.contains(word)) && table.holds_user(name);
        name.as_str() != column && (is_said || lets_read(name))
    };
    let readers: Vec<&String> = table.columns.iter().filter(is_reader).collect();
    if !readers.is_empty() {
        let _ = write!(lines, "\nreaders = {readers:?}");
    }
    lines
}
