//! What a policy that lets others in could say instead: what one for the same tenants says, which held.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::assessment::{Assessment, Assessments};
use crate::catalog::{Catalog, Command, Policy, Relation};
use crate::ids::RelationId;
use crate::plan::{By, Class, Plan};
use crate::report::Remedy;
use crate::rules::{self, Column, Rule};
use crate::sql::ident;

/// What a policy of the table itself decides.
const DECIDED_BY_POLICIES: [&Rule; 10] = [
    rules::CROSS_TENANT_READ,
    rules::NULL_TENANT_READ,
    rules::CROSS_TENANT_INSERT,
    rules::NULL_TENANT_INSERT,
    rules::CROSS_TENANT_UPDATE,
    rules::TAKEOVER,
    rules::UPSERT_TAKEOVER,
    rules::MOVE_AWAY,
    rules::MOVE_TO_NOBODY,
    rules::CROSS_TENANT_DELETE,
];

/// Adds to leaks of tables what would close them, where the database holds an example.
pub(crate) fn suggest(catalog: &Catalog, plan: &Plan, found: &mut Assessments) {
    let examples = Examples::of(catalog, plan, &found.relations);
    for (n, about) in &mut found.relations {
        let relation = &catalog.relations[*n];
        let Some(condition) = examples.condition(relation, &plan.classes[*n]) else {
            continue;
        };
        for finding in &mut about.findings {
            if DECIDED_BY_POLICIES.contains(&finding.rule) {
                finding.remedy = finding
                    .rule
                    .column
                    .and_then(|column| remedy(relation, column, &condition));
            }
        }
    }
}

/// Conditions of policies that held, by the tenant column that they are about.
struct Examples<'c> {
    conditions: BTreeMap<&'c str, Vec<&'c str>>,
    asks_supabase: bool,
}

impl<'c> Examples<'c> {
    fn of(catalog: &'c Catalog, plan: &'c Plan, found: &BTreeMap<RelationId, Assessment>) -> Self {
        let mut conditions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut asks_supabase = false;
        for (n, relation) in catalog
            .relations
            .with_ids()
            .filter(|(_, relation)| is_plain(relation))
        {
            asks_supabase |= relation
                .policies
                .iter()
                .any(|policy| policy.text().contains("auth.uid()"));
            let Class::Tenant { column, .. } = &plan.classes[n] else {
                continue;
            };
            if relation.rls
                && found
                    .get(&n)
                    .is_some_and(|about| about.attempts > 0 && !about.leaks())
            {
                let texts = relation
                    .policies
                    .iter()
                    .filter(|policy| policy.permissive && policy.applies);
                let texts = texts
                    .flat_map(|policy| [&policy.using_expression, &policy.check_expression])
                    .flatten();
                let texts = texts.filter(|text| is_of_the_row_alone(text, relation, column));
                conditions
                    .entry(column)
                    .or_default()
                    .extend(texts.map(String::as_str));
            }
        }
        Self {
            conditions,
            asks_supabase,
        }
    }

    /// What the rows of a relation would be a tenant's by.
    fn condition(&self, relation: &Relation, class: &Class) -> Option<String> {
        let Class::Tenant { column, by } = class else {
            return None;
        };
        if !is_plain(relation) {
            return None;
        }
        let known = self.conditions.get(column.as_str());
        // The shortest says the least beside whose the row is.
        if let Some(shortest) = known.and_then(|texts| texts.iter().min_by_key(|text| text.len())) {
            return Some((*shortest).to_owned());
        }
        let is_user = *by == By::User
            && relation
                .column(column)
                .is_some_and(|column| column.base_name == "uuid");
        (is_user && self.asks_supabase).then(|| format!("({} = (select auth.uid()))", ident(column)))
    }
}

/// A table whose rows are looked at as a whole.
fn is_plain(relation: &Relation) -> bool {
    relation.is_table() && relation.in_scope && relation.part.is_none() && !relation.is_planted()
}

/// Whether a condition means the same on another table that has the column.
fn is_of_the_row_alone(text: &str, relation: &Relation, column: &str) -> bool {
    text.contains(column)
        && !text.contains(&format!("{}.", relation.name))
        && !text.contains(" OR ")
        && !relation
            .columns
            .iter()
            .any(|other| other.name != column && text.contains(other.name.as_str()))
}

fn remedy(relation: &Relation, column: Column, condition: &str) -> Option<Remedy> {
    let table = relation.sql();
    if !relation.rls {
        let mut after = format!("alter table {table} enable row level security;");
        if relation.policies.is_empty() {
            let _ = write!(
                after,
                "\ncreate policy tenant on {table}\n  to authenticated\n  using {0}\n  with check {0};",
                bracketed(condition)
            );
        }
        let before =
            format!("-- Row-level security is off.\nalter table {table} disable row level security;");
        return Some(Remedy { before, after });
    }
    let command = match column {
        Column::Read => Command::Select,
        Column::Insert => Command::Insert,
        Column::Update | Column::Move => Command::Update,
        Column::Delete => Command::Delete,
        Column::Refer | Column::Effects => return None,
    };
    let lets_in = |policy: &&Policy| {
        let texts = [&policy.using_expression, &policy.check_expression];
        let asks_else = texts.into_iter().flatten().any(|text| text != condition);
        policy.permissive && policy.applies && policy.is_for(command) && asks_else
    };
    let policies: Vec<&Policy> = relation.policies.iter().filter(lets_in).collect();
    let all = |write: &dyn Fn(&Policy) -> String| {
        policies
            .iter()
            .map(|policy| write(policy))
            .collect::<Vec<_>>()
            .join("\n")
    };
    (!policies.is_empty()).then(|| Remedy {
        before: all(&|policy| create(policy, &table, &policy.roles, None)),
        after: all(&|policy| {
            let name = ident(&policy.name);
            let roles = signed_in(&policy.roles);
            format!(
                "drop policy {name} on {table};\n{}",
                create(policy, &table, &roles, Some(condition))
            )
        }),
    })
}

/// A condition that asks who it is, is for those who have said so.
fn signed_in(roles: &[String]) -> Vec<String> {
    let named: Vec<String> = roles
        .iter()
        .filter(|role| !["public", "anon"].contains(&role.as_str()))
        .cloned()
        .collect();
    if named.is_empty() {
        vec!["authenticated".to_owned()]
    } else {
        named
    }
}

/// The policy as SQL; with another condition, if there is one.
fn create(policy: &Policy, table: &str, roles: &[String], condition: Option<&str>) -> String {
    let command = match policy.command {
        Command::All => "all",
        Command::Select => "select",
        Command::Insert => "insert",
        Command::Update => "update",
        Command::Delete => "delete",
    };
    let roles: Vec<String> = roles
        .iter()
        .map(|role| {
            if role == "public" {
                role.clone()
            } else {
                ident(role)
            }
        })
        .collect();
    let mut text = format!(
        "create policy {} on {table}\n  for {command} to {}",
        ident(&policy.name),
        roles.join(", ")
    );
    let parts = [
        (
            "using",
            &policy.using_expression,
            policy.command != Command::Insert,
        ),
        (
            "with check",
            &policy.check_expression,
            !matches!(policy.command, Command::Select | Command::Delete),
        ),
    ];
    for (word, said, is_possible) in parts {
        let said = condition.filter(|_| is_possible).or(said.as_deref());
        if let Some(said) = said {
            let _ = write!(text, "\n  {word} {}", bracketed(said));
        }
    }
    text + ";"
}

/// The catalog leaves brackets out around a constant or a call.
fn bracketed(condition: &str) -> String {
    if condition.starts_with('(') {
        condition.to_owned()
    } else {
        format!("({condition})")
    }
}
