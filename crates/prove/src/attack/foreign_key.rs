//! Tries to hang one's own row on another's: foreign keys are checked without regard to policies.

use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target};
use crate::catalog::ForeignKey;
use crate::context::Context;
use crate::plan::{By, Class};
use crate::rules::{self, Rule};
use crate::seed::{Belongs, Row};
use crate::sql::ident;

/// Hangs one's own row on another's.
pub(super) struct Refer;

impl Attack for Refer {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::FOREIGN_KEY_TO_OTHER]
    }

    fn stage(&self) -> Stage {
        Stage::Write
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.foreign_keys(target.relation)
    }
}

impl Context<'_> {
    fn foreign_keys(&self, relation: usize) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let rights = table.rights(&self.personas[0].role);
        let mut attempts = Vec::new();
        for key in &table.foreign_keys {
            let Some(parent) = self.others_parent(relation, key) else {
                continue;
            };
            let tenant = self.plan.tenant_column(relation).map(|(column, _)| column);
            let pairs: Vec<(&String, String)> = key
                .columns
                .iter()
                .zip(&key.target_columns)
                // The tenant stays what it is: a key that includes it can't point across.
                .filter(|(column, _)| {
                    Some(column.as_str()) != tenant && self.plan.meaning(relation, column).is_none()
                })
                .filter_map(|(column, target)| Some((column, self.value(parent, target)?)))
                .collect();
            if pairs.is_empty() {
                continue;
            }
            let condition: Vec<String> = pairs
                .iter()
                .map(|(column, value)| format!("{} = {value}", ident(column)))
                .collect();
            let judge = Some(self.made(relation, &condition.join(" and ")));
            let may = |allowed: bool, columns: &[String]| {
                rights.usage && (allowed || pairs.iter().all(|(name, _)| columns.contains(name)))
            };
            if may(rights.insert, &rights.insert_columns)
                && let Some(spare) = self.spare(relation, Belongs::Own)
            {
                let mut columns = spare.columns.clone();
                columns.extend(pairs.iter().map(|(name, value)| ((*name).clone(), value.clone())));
                let (sql, prelude) = insertion(table, &self.personas[0].role, &rights, &columns, "");
                attempts.push(Attempt {
                    judge: judge.clone(),
                    prelude,
                    ..Attempt::new(rules::FOREIGN_KEY_TO_OTHER, 0, MESSAGE, sql)
                });
            }
            if may(rights.update, &rights.update_columns)
                && let Some(own) = self.own(relation).first()
            {
                let set: Vec<String> = pairs
                    .iter()
                    .map(|(name, value)| format!("{} = {value}", ident(name)))
                    .collect();
                let sql = format!(
                    "update {} set {} where {}",
                    table.sql(),
                    set.join(", "),
                    own.predicate
                );
                attempts.push(Attempt {
                    judge,
                    ..Attempt::new(rules::FOREIGN_KEY_TO_OTHER, 0, MESSAGE, sql)
                });
            }
        }
        attempts
    }

    /// A row of the other tenant's that the key can refer to, if it leads to a tenant's relation at all.
    fn others_parent(&self, relation: usize, key: &ForeignKey) -> Option<&Row> {
        let target = self.catalog.position(key.target)?;
        let Class::Tenant { .. } = &self.plan.classes[target] else {
            return None;
        };
        if !self.catalog.relations[target].in_scope || self.plan.is_identity(self.catalog, target) {
            return None;
        }
        // Where the reference is what names the tenant, it is an insert for another, and tried as such.
        let column = self.plan.tenant_column(relation);
        if matches!(column, Some((name, By::Parent)) if key.columns.iter().any(|column| column == name)) {
            return None;
        }
        self.fixtures.of(target, Belongs::Other).find(|row| !row.existing)
    }
}

const MESSAGE: &str = "hangs their own row of {} on another tenant's row";
