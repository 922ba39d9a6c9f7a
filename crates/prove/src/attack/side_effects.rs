//! Looks what a lawful act does elsewhere: triggers, rules and functions in policies may write other tenants' rows.

use std::collections::BTreeMap;

use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target};
use crate::assessment::Assessment;
use crate::context::Context;
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
    pub(crate) async fn side_effects(&self, assessments: &mut BTreeMap<usize, Assessment>) {
        let acts: Vec<usize> = (0..self.catalog.relations.len())
            .filter(|relation| {
                let table = &self.catalog.relations[*relation];
                self.catalog.outward_trigger(table).is_none()
                    && table.in_scope
                    && (table.is_table() || table.kind == 'v')
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
    pub(super) fn sets_off(&self, relation: usize) -> bool {
        let table = &self.catalog.relations[relation];
        let writes = |oid: &i64| {
            self.catalog
                .function(*oid)
                .is_some_and(|function| function.volatility == 'v')
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

    fn lawful_acts(&self, relation: usize, judge: &str) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let mut attempts = Vec::new();
        for (n, persona) in self
            .personas
            .iter()
            .enumerate()
            .filter(|(n, persona)| *n == 0 || persona.who.is_none())
        {
            let rights = table.rights(&persona.role);
            let mut act = |sql: String, prelude: String| {
                attempts.push(Attempt {
                    judge: Some(judge.to_owned()),
                    prelude,
                    ..Attempt::new(
                        rules::SIDE_EFFECT,
                        n,
                        "changes or makes other tenants' rows by what it sets off on {}",
                        sql,
                    )
                });
            };
            if rights.reads() {
                let columns = if rights.select {
                    "*".to_owned()
                } else {
                    crate::sql::idents(rights.select_columns.iter().map(String::as_str))
                };
                act(
                    format!("select {columns} from {} limit 100", table.sql()),
                    String::new(),
                );
            }
            let belongs = if matches!(self.plan.classes[relation], Class::Tenant { .. }) {
                Belongs::Own
            } else {
                Belongs::Shared
            };
            if rights.inserts()
                && let Some(spare) = self.spare(relation, Belongs::Own)
            {
                let (sql, prelude) = insertion(table, &persona.role, &rights, &spare.columns, "");
                act(sql, prelude);
            }
            let own: Vec<&Row> = if belongs == Belongs::Own {
                self.own(relation)
            } else {
                self.fixtures
                    .of(relation, belongs)
                    .filter(|row| !row.existing)
                    .collect()
            };
            let Some(row) = own.last() else { continue };
            let may = |name: &str| {
                rights.usage && (rights.update || rights.update_columns.iter().any(|allowed| allowed == name))
            };
            let mut columns: Vec<_> = table
                .columns
                .iter()
                .filter(|column| may(&column.name) && !column.generated && column.identity != "a")
                .collect();
            columns.sort_by_key(|column| self.weight(relation, column));
            for column in columns.into_iter().take(6) {
                if let Some(value) = self.payload(relation, column) {
                    act(
                        format!(
                            "update {} set {} = {value} where {}",
                            table.sql(),
                            ident(&column.name),
                            row.predicate
                        ),
                        String::new(),
                    );
                }
            }
            if rights.deletes() {
                act(
                    format!("delete from {} where {}", table.sql(), row.predicate),
                    String::new(),
                );
            }
        }
        attempts
    }
}
