//! Tables that no tenant reaches, as the catalog has it.

use super::table::Table;

/// Why no tenant reaches a table, if the catalog says so. As a guess it can't be believed wrongly: whoever does reach it is a
/// leak then.
pub(super) fn closed(table: &Table) -> Option<&'static str> {
    if !table.reachable {
        return Some("no API role has a right on it");
    }
    let guards = table.guards.as_ref()?;
    let mut for_writing = guards.iter().filter(|guard| !table.reads.contains(guard));
    if table.name.contains("admin")
        && table.columns.iter().any(|column| table.holds_user(column))
        && for_writing.all(|guard| ["admin", "service_role"].iter().any(|who| guard.contains(who)))
    {
        // If tenants had rows in it, they would be let in everywhere, and whatever they then reach would be called a leak.
        return Some("its rows make administrators");
    }
    // Of a condition that asks for the row as well, or for something else instead, a person has to say whom it lets in.
    let asks_for = |who: &str| {
        guards.iter().all(|guard| {
            guard.to_lowercase().contains(who) && !guard.contains(" OR ") && !table.is_read_by(guard)
        })
    };
    if guards.is_empty() {
        Some("row-level security lets no API role in")
    } else if asks_for("service_role") {
        Some("its policies let in the service alone")
    } else if asks_for("admin") {
        Some("its policies let in administrators alone")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::table;
    use super::*;

    #[test]
    fn what_no_tenant_reaches_is_told_from_what_somebody_may() {
        let guarded = |name: &str, guards: &[&str]| Table {
            guards: Some(guards.iter().map(|guard| (*guard).to_owned()).collect()),
            ..table(name, &["id"], &[])
        };
        let is_service = "(auth.role() = 'service_role'::text)";
        let tables = [
            Table {
                reachable: false,
                ..table("unreachable", &["id"], &[])
            },
            guarded("locked", &[]),
            guarded("of_the_service", &[is_service, is_service]),
            guarded("of_admins", &["is_admin() is_admin()"]),
            table("unbound", &["id"], &[]),
            Table {
                columns: vec!["id".to_owned(), "user_id".to_owned()],
                ..guarded(
                    "audit",
                    &[
                        "(EXISTS ( SELECT 1 FROM profiles WHERE ((profiles.id = auth.uid()) AND (profiles.role = 'admin'::text))))",
                    ],
                )
            },
            Table {
                columns: vec!["user_id".to_owned(), "role".to_owned()],
                policies: vec!["(user_id = auth.uid())".to_owned()],
                reads: vec!["(user_id = auth.uid())".to_owned()],
                ..guarded("admin_roles", &["(user_id = auth.uid())", "is_super_admin()"])
            },
            guarded("admin_messages", &["(user_id = auth.uid())"]),
            guarded("read_by_all", &[is_service, "true"]),
            guarded(
                "of_its_admin",
                &["(is_admin(id))", "((id = own_org()) AND is_admin())"],
            ),
            guarded("read_by_some", &["((is_active = true) OR is_admin())"]),
        ];
        let internal: Vec<&str> = tables
            .iter()
            .filter(|table| closed(table).is_some())
            .map(|table| table.name.as_str())
            .collect();
        assert_eq!(
            internal,
            [
                "unreachable",
                "locked",
                "of_the_service",
                "of_admins",
                "audit",
                "admin_roles"
            ]
        );
    }
}
