//! Finds who says which user belongs to which tenant: a table of memberships, or users of whom each has one tenant.

use super::table::{TENANT_COLUMNS, Table, most_common};
use crate::catalog::RelationKind;

const USER_COLUMNS: [&str; 5] = ["user_id", "auth_user_id", "profile_id", "member_id", "account_id"];
const MEMBERSHIPS: [&str; 5] = ["member", "team_user", "user_role", "org_user", "workspace_user"];

/// The table that says which user belongs to which tenant.
pub(super) fn membership(tables: &[Table]) -> Option<(&Table, String, String)> {
    membership_by_name(tables)
        .or_else(|| tables.iter().find_map(|table| profiles(table, tables)))
        .or_else(|| {
            tables
                .iter()
                .find_map(|table| membership_by_policies(table, tables))
        })
}

/// Users of whom each belongs to one tenant, which policies elsewhere ask for.
fn profiles<'t>(table: &'t Table, tables: &[Table]) -> Option<(&'t Table, String, String)> {
    let user = user_of(table)?;
    let refers = |column: &&&str| table.keys.iter().any(|(name, ..)| name == **column);
    let tenant = TENANT_COLUMNS[..8]
        .iter()
        .find(|column| **column != user && refers(column))?;
    is_asked(table, tenant, tables).then(|| (table, user.to_owned(), (*tenant).to_owned()))
}

/// Users beside what they have to do with, whatever that is called, if policies ask there and it says whose the rows
/// of more tables are than any usual name does.
fn membership_by_policies<'t>(table: &'t Table, tables: &[Table]) -> Option<(&'t Table, String, String)> {
    let user = user_of(table)?;
    let carried = |column: &str| {
        let carries = |table: &&Table| table.columns.iter().any(|name| name == column);
        tables.iter().filter(carries).count()
    };
    let usual = carried(&most_common(tables));
    let mut targets = table.keys.iter().filter(|(_, target, _)| target != "auth.users");
    let is_called = MEMBERSHIPS.iter().any(|part| table.name.contains(part));
    let (tenant, ..) = targets.find(|(column, ..)| {
        column != user && carried(column) > usual && (is_called || is_asked(table, column, tables))
    })?;
    Some((table, user.to_owned(), tenant.clone()))
}

/// The column that names a table's user.
fn user_of(table: &Table) -> Option<&'static str> {
    let is_user = |column: &&str| {
        table.columns.iter().any(|name| name == column)
            && (table.refers(column, "auth.users") || table.holds_user(column))
    };
    ["id"].into_iter().chain(USER_COLUMNS).find(is_user)
}

/// Whether policies of other tables with that tenant column ask a table.
fn is_asked(table: &Table, tenant: &str, tables: &[Table]) -> bool {
    let asks = |other: &Table| {
        other.name != table.name
            && other.columns.iter().any(|column| column == tenant)
            && other
                .policies
                .iter()
                .any(|policy| policy.contains(&format!(" {}", table.name)))
    };
    table.kind == RelationKind::Table && tables.iter().any(asks)
}

/// A table with a user and a tenant that is called like memberships.
fn membership_by_name(tables: &[Table]) -> Option<(&Table, String, String)> {
    tables
        .iter()
        .filter(|table| {
            table.kind == RelationKind::Table && MEMBERSHIPS.iter().any(|part| table.name.contains(part))
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[&str], keys: &[[&str; 3]], policy: &str) -> Table {
        let table = serde_json::json!({
            "schema": "public", "name": name, "kind": "r", "partition": false, "columns": columns,
            "keys": keys, "policies": [policy], "reads": [], "makes": [], "guards": null, "reachable": true,
        });
        serde_json::from_value(table).unwrap()
    }

    const ASKS: &str = "(EXISTS ( SELECT 1 FROM site_access WHERE ((site_access.user_id = auth.uid()) AND (site_access.site_id = rooms.site_id))))";
    const ACCESS: [[&str; 3]; 2] = [["user_id", "auth.users", "id"], ["site_id", "public.sites", "id"]];

    #[test]
    fn policies_tell_memberships_whatever_they_are_called() {
        let tables = [
            table("site_access", &["user_id", "site_id"], &ACCESS, ""),
            table("rooms", &["id", "site_id"], &[], ASKS),
        ];
        let (table, user, tenant) = membership(&tables).unwrap();
        assert_eq!(
            (table.name.as_str(), user.as_str(), tenant.as_str()),
            ("site_access", "user_id", "site_id")
        );
    }

    #[test]
    fn what_users_share_is_no_tenant_where_most_rows_are_their_own() {
        let own = |name| table(name, &["id", "user_id"], &[], "(user_id = auth.uid())");
        let tables = [
            table("site_access", &["user_id", "site_id"], &ACCESS, ""),
            table("rooms", &["id", "site_id"], &[], ASKS),
            own("notes"),
            own("photos"),
        ];
        assert!(membership(&tables).is_none());
    }

    #[test]
    fn what_no_policy_asks_is_no_membership() {
        let tables = [
            table("site_likes", &["user_id", "site_id"], &ACCESS, ""),
            table("rooms", &["id", "site_id"], &[], "true"),
            table("beds", &["id", "site_id"], &[], "true"),
        ];
        assert!(membership(&tables).is_none());
    }
}
