//! What an admin must settle before an adoption can begin. Each answer comes with the line that does.

use super::TENANT_TABLES;
use super::plan::Table;

/// What stands in the way, each with the line that settles it.
pub(super) fn of(admin: &str, sees_all: bool, tables: &[Table]) -> Vec<String> {
    let mut blockers = Vec::new();
    if !sees_all {
        blockers.push(format!(
            "the role {admin} is itself bound by row-level security, and would lose sight of the rows; as a superuser: \
             alter role \"{admin}\" bypassrls;"
        ));
    }
    for table in tables {
        let Table { relation, owner, .. } = table;
        if !table.has_rows {
            blockers.push(format!(
                "public.{relation} is no table; rename it, so that the table can be made"
            ));
            continue;
        }
        if !table.is_ours {
            blockers.push(format!(
                "public.{relation} belongs to {owner}, who must run: alter table public.{relation} owner to \"{admin}\";"
            ));
        }
        for column in &table.other_types {
            blockers.push(format!(
                "public.{relation} has the column {column}; ids are text: alter table public.{relation} alter column {} type text;",
                column.split(' ').next().unwrap_or_default()
            ));
        }
        let needed: &[&str] =
            if TENANT_TABLES.contains(&relation.as_str()) && relation != "user_phone_numbers" {
                &["id"]
            } else {
                &[]
            };
        for column in needed
            .iter()
            .filter(|name| table.columns.iter().all(|column| column != *name))
        {
            blockers.push(format!(
                "public.{relation} has no column {column}; it is not the CRM's table of that name"
            ));
        }
    }
    blockers
}
