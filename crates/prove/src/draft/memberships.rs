//! Finds who says which user belongs to which tenant: a table of memberships, or users of whom each has one tenant.

use super::{TENANT_COLUMNS, Table};

const USER_COLUMNS: [&str; 5] = ["user_id", "auth_user_id", "profile_id", "member_id", "account_id"];
const MEMBERSHIPS: [&str; 5] = ["member", "team_user", "user_role", "org_user", "workspace_user"];

/// The table that says which user belongs to which tenant.
pub(super) fn membership(tables: &[Table]) -> Option<(&Table, String, String)> {
    membership_by_name(tables).or_else(|| tables.iter().find_map(|table| profiles(table, tables)))
}

/// Users of whom each belongs to one tenant, which policies elsewhere ask for.
fn profiles<'t>(table: &'t Table, tables: &[Table]) -> Option<(&'t Table, String, String)> {
    let is_user = |column: &&str| {
        table.columns.iter().any(|name| name == column)
            && (table.refers(column, "auth.users") || table.holds_user(column))
    };
    let user = ["id"].iter().chain(&USER_COLUMNS).copied().find(is_user)?;
    let refers = |column: &&&str| table.keys.iter().any(|(name, ..)| name == **column);
    let tenant = TENANT_COLUMNS[..8]
        .iter()
        .find(|column| **column != user && refers(column))?;
    let is_asked = |other: &Table| {
        other.name != table.name
            && other.columns.iter().any(|column| column == tenant)
            && other
                .policies
                .iter()
                .any(|policy| policy.contains(&format!(" {}", table.name)))
    };
    (table.kind == 'r' && tables.iter().any(is_asked)).then(|| (table, user.to_owned(), (*tenant).to_owned()))
}

/// A table with a user and a tenant that is called like memberships.
fn membership_by_name(tables: &[Table]) -> Option<(&Table, String, String)> {
    tables
        .iter()
        .filter(|table| table.kind == 'r' && MEMBERSHIPS.iter().any(|part| table.name.contains(part)))
        .find_map(|table| {
            let user = USER_COLUMNS
                .iter()
                .find(|name| table.columns.iter().any(|column| column == *name))?;
            let tenant = TENANT_COLUMNS[..8]
                .iter()
                .find(|name| *name != user && table.columns.iter().any(|column| column == *name))?;
            Some((table, (*user).to_owned(), (*tenant).to_owned()))
        })
}
