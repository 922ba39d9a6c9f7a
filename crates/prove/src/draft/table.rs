//! What a draft knows of a relation.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalog::RelationKind;
use crate::conditions::is_user;

#[derive(Deserialize)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: RelationKind,
    pub(super) partition: bool,
    pub(super) columns: Vec<String>,
    /// Column, the relation that it refers to, and the column there.
    pub(super) keys: Vec<(String, String, String)>,
    /// What policies ask.
    pub(super) policies: Vec<String>,
    /// The conditions of those that are for reading alone.
    pub(super) reads: Vec<String>,
    /// What must be true of rows that are made.
    pub(super) makes: Vec<String>,
    /// What each policy asks that lets API roles in; None where row-level security binds nobody.
    pub(super) guards: Option<Vec<String>>,
    pub(super) reachable: bool,
}

impl Table {
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(super) fn refers(&self, by: &str, to: &str) -> bool {
        self.keys
            .iter()
            .any(|(column, target, _)| column == by && target == to)
    }

    /// Whether a condition reads the row that it decides on: a column by its plain name, or the table.
    pub(super) fn is_read_by(&self, condition: &str) -> bool {
        let names = self.columns.iter().chain([&self.name]);
        let names: Vec<String> = names.map(|name| regex::escape(name)).collect();
        let pattern = format!(r#"(?:^|[^.\w"'])"?(?:{})(?:$|[^\w'(])"#, names.join("|"));
        regex::Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(condition))
    }

    /// Whether policies hold a column against who asks.
    pub(super) fn holds_user(&self, column: &str) -> bool {
        self.policies.iter().any(|policy| is_user(policy, column))
    }
}

/// Names that tenant columns have, the likeliest first.
pub(super) const TENANT_COLUMNS: [&str; 15] = [
    "tenant_id",
    "org_id",
    "organization_id",
    "organisation_id",
    "workspace_id",
    "team_id",
    "company_id",
    "account_id",
    "user_id",
    "owner_id",
    "owner",
    "profile_id",
    "created_by",
    "author_id",
    "sender_id",
];

/// A name as Postgres' own would be: `userId` is `user_id`.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The likeliest of the columns by which most tables name a tenant.
pub(super) fn most_common(tables: &[Table]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for column in tables.iter().flat_map(|table| &table.columns) {
        if TENANT_COLUMNS.contains(&column.as_str()) {
            *counts.entry(column).or_default() += 1;
        }
    }
    let rank = |name: &str| TENANT_COLUMNS.iter().position(|known| *known == name);
    let best = counts
        .into_iter()
        .max_by_key(|(name, count)| (*count, std::cmp::Reverse(rank(name))));
    best.map_or_else(|| "user_id".to_owned(), |(name, _)| name.to_owned())
}
