//! Finds shared rows that are there already. Price lists, settings: what everybody reads is used as it is.

use std::collections::BTreeMap;

use super::{Belongs, Draft, Fixtures, Seeder};
use crate::catalog::{Column, RelationKind};
use crate::conditions::Content;
use crate::ids::RelationId;
use crate::plan::Class;
use crate::script::Script;
use crate::sql::idents;

impl Seeder<'_> {
    /// Rows that everybody shares, where there are some: of settings that are one row there must not be two.
    pub(super) async fn lookups(&self, fixtures: &mut Fixtures) {
        let tables: Vec<RelationId> = self
            .catalog
            .relations
            .ids()
            .filter(|n| self.is_lookup(*n))
            .collect();
        let scripts = tables
            .iter()
            .map(|n| {
                let table = &self.catalog.relations[*n];
                let columns = idents(table.columns.iter().map(|column| column.name.as_str()));
                Script::default().ask(format!(
                    "select {columns}, ctid from only {} limit 1",
                    table.sql()
                ))
            })
            .collect();
        for (n, outcome) in tables.into_iter().zip(self.session.attempt(scripts).await) {
            let draft = Draft {
                relation: n,
                belongs: Belongs::Shared,
                marker: String::new(),
                columns: BTreeMap::new(),
                content: Content::new(),
            };
            self.note(fixtures, &draft, outcome.unwrap_or_default(), true);
        }
    }

    /// Keys of a relation that policies name on columns which refer to it: `kind = 'public'`.
    pub(super) fn keys_in_question(&self, relation: RelationId) -> Vec<(&Column, String)> {
        let table = &self.catalog.relations[relation];
        let mut keys: Vec<(&Column, String)> = Vec::new();
        for (n, other) in self.catalog.relations.with_ids() {
            for key in other.foreign_keys.iter().filter(|key| key.target == table.oid) {
                let ([name], [target]) = (key.columns.as_slice(), key.target_columns.as_slice()) else {
                    continue;
                };
                let (Some(column), Some(target)) = (other.column(name), table.column(target)) else {
                    continue;
                };
                keys.extend(self.constants(n, column).into_iter().map(|value| (target, value)));
            }
        }
        keys.sort_by(|(a, x), (b, y)| (&a.name, x).cmp(&(&b.name, y)));
        keys.dedup_by(|(a, x), (b, y)| a.name == b.name && x == y);
        keys
    }

    pub(super) fn is_lookup(&self, relation: RelationId) -> bool {
        self.plan.classes[relation] == Class::Public
            && self.catalog.relations[relation].kind == RelationKind::Table
            && !self.names_people(relation)
    }
}
