//! Looks what a lawful act does elsewhere: triggers, rules and functions in policies may write other tenants' rows.

use std::collections::BTreeMap;

use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target};
use crate::assessment::Assessment;
use crate::catalog::{Column, RelationKind, Volatility};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::plan::Class;
use crate::rules::{self, Rule};
use crate::seed::{Belongs, Row};
use crate::sql::ident;

/// Does what is lawful, where that sets something off.
pub(super) struct SideEffect;

impl Attack for SideEffect {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::SIDE_EFFECT]
    }

    fn stage(&self) -> Stage {
        Stage::Lawful
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.lawful_acts(target.relation, &context.harm(|_| true))
    }
}

impl Context<'_> {
    /// Reads, inserts, updates and deletes one's own, wherever that may set something off.
    pub(crate) async fn side_effects(&self, assessments: &mut BTreeMap<RelationId, Assessment>) {
        let acts: Vec<RelationId> = self
            .catalog
            .relations
            .ids()
            .filter(|relation| {
                let table = &self.catalog.relations[*relation];
                self.catalog.outward_trigger(table).is_none()
                    && table.in_scope
                    && (table.is_table() || table.kind == RelationKind::View)
                    && self.sets_off(*relation)
                    && self.reachable(*relation)
            })
            .collect();
        self.side_by_side(&acts, assessments, |relation, mut about| {
            Box::pin(async move {
                self.make(Stage::Lawful, relation, &[], &[], &mut about).await;
                about
            })
        })
        .await;
    }

    /// Whether anything happens besides what was asked for.
    pub(super) fn sets_off(&self, relation: RelationId) -> bool {
        let table = &self.catalog.relations[relation];
        let writes = |oid: &i64| {
            self.catalog
                .function(*oid)
                .is_some_and(|function| function.volatility == Volatility::Volatile)
        };
        !table.triggers.is_empty()
            || !table.rules.is_empty()
            || table
                .policies
                .iter()
                .any(|policy| policy.functions.iter().any(writes))
            || table.calls.iter().any(writes)
            || table.columns.iter().any(|column| {
                column
                    .default
                    .as_ref()
                    .is_some_and(|default| default.contains('(') && default.contains('.'))
            })
    }

    fn lawful_acts(&self, relation: RelationId, judge: &str) -> Vec<Attempt> {
        let plain = |n: &PersonaId| *n == PersonaId::PLAIN || self.personas[*n].who.is_none();
        let attempt = |n, sql, prelude| Attempt {
            judge: Some(judge.to_owned()),
            prelude,
            ..Attempt::new(
                rules::SIDE_EFFECT,
                n,
                "changes or makes other tenants' rows by what it sets off on {}",
                sql,
            )
        };
        self.personas
            .ids()
            .filter(plain)
            .flat_map(|n| {
                let acts = self.acts_of(relation, &self.personas[n].role);
                acts.into_iter()
                    .map(move |(sql, prelude)| attempt(n, sql, prelude))
            })
            .collect()
    }

    /// Statements that a role may send about what is its own, and what the owner must do before each.
    fn acts_of(&self, relation: RelationId, role: &str) -> Vec<(String, String)> {
        let table = &self.catalog.relations[relation];
        let rights = table.rights(role);
        let mut acts = Vec::new();
        if rights.reads() {
            let columns = if rights.select {
                "*".to_owned()
            } else {
                crate::sql::idents(rights.select_columns.iter().map(String::as_str))
            };
            let sql = format!("select {columns} from {} limit 100", table.sql());
            acts.push((sql, String::new()));
        }
        if rights.inserts()
            && let Some(spare) = self.spare(relation, Belongs::Own)
        {
            acts.push(insertion(table, role, &rights, &spare.columns, ""));
            for (name, value) in self.unbound(relation) {
                let mut columns = spare.columns.clone();
                columns.insert(name, value);
                acts.push(insertion(table, role, &rights, &columns, ""));
            }
        }
        let Some(row) = self.row_to_act_on(relation) else {
            return acts;
        };
        let mut change = |sql: String| acts.push((format!("{sql} where {}", row.predicate), String::new()));
        let columns = self.changeable(relation, |name| rights.updates_column(name));
        for column in columns.into_iter().take(6) {
            if let Some(value) = self.payload(relation, column) {
                change(format!(
                    "update {} set {} = {value}",
                    table.sql(),
                    ident(&column.name)
                ));
            }
        }
        for (name, value) in self.unbound(relation) {
            if rights.updates_column(&name) {
                change(format!("update {} set {} = {value}", table.sql(), ident(&name)));
            }
        }
        if rights.deletes() {
            change(format!("delete from {}", table.sql()));
        }
        acts
    }

    /// Columns that a trigger reads and no foreign key binds, each with the key of another tenant's row that it could hold.
    fn unbound(&self, relation: RelationId) -> Vec<(String, String)> {
        let table = &self.catalog.relations[relation];
        let functions = table
            .triggers
            .iter()
            .filter_map(|trigger| self.catalog.function(trigger.function));
        let sources: Vec<String> = functions.map(|function| function.source.to_lowercase()).collect();
        let key = table.key().unwrap_or_default();
        let free = table.columns.iter().filter(|column| {
            !column.generated
                && !key.contains(&column.name.as_str())
                && self.plan.meaning(relation, &column.name).is_none()
                && !table
                    .foreign_keys
                    .iter()
                    .any(|key| key.columns.contains(&column.name))
        });
        free.filter_map(|column| {
            let read = format!("new.{}", column.name.to_lowercase());
            let mut sources = sources.iter().filter(|source| source.contains(&read));
            let row = sources.find_map(|source| self.row_spoken_of(source, column))?;
            Some((column.name.clone(), row))
        })
        .collect()
    }

    /// The key of another tenant's row, as a column's value, of a relation that a function speaks of.
    fn row_spoken_of(&self, source: &str, column: &Column) -> Option<String> {
        self.all_foreign().into_iter().find_map(|row| {
            let table = &self.catalog.relations[row.relation];
            let [key] = table.key()?[..] else { return None };
            let fits = table.column(key)?.base_name == column.base_name;
            let is_others = row.belongs == Belongs::Other && source.contains(&table.name.to_lowercase());
            (fits && is_others).then(|| self.value(row, key)).flatten()
        })
    }

    /// The last of one's own rows, or of everybody's where nothing is anybody's own.
    fn row_to_act_on(&self, relation: RelationId) -> Option<&Row> {
        if matches!(self.plan.classes[relation], Class::Tenant { .. }) {
            return self.own(relation).pop();
        }
        let shared = self.fixtures.of(relation, Belongs::Shared);
        shared.filter(|row| !row.existing).last()
    }
}
