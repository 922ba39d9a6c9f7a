//! Tries to hang one's own row on another's: foreign keys are checked without regard to policies.

use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target};
use crate::catalog::{ForeignKey, Rights};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
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
    fn foreign_keys(&self, relation: RelationId) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let rights = table.rights(&self.personas[PersonaId::PLAIN].role);
        let references = table
            .foreign_keys
            .iter()
            .filter_map(|key| self.reference_to_other(relation, key));
        references
            .flat_map(|reference| self.refer(relation, &rights, &reference))
            .collect()
    }

    /// Columns and values by which a row refers to the other tenant's.
    fn reference_to_other<'k>(
        &self,
        relation: RelationId,
        key: &'k ForeignKey,
    ) -> Option<Vec<(&'k String, String)>> {
        let parent = self.others_parent(relation, key)?;
        let tenant = self.plan.tenant_column(relation).map(|(column, _)| column);
        let is_tenant = |column: &str| Some(column) == tenant;
        // A key that names a tenant beside the row's own may point across; one by the row's own can't.
        let has_its_own = key.columns.len() > 1 && !key.columns.iter().any(|column| is_tenant(column));
        let reference: Vec<(&String, String)> = key
            .columns
            .iter()
            .zip(&key.target_columns)
            // The tenant stays what it is.
            .filter(|(column, _)| {
                !is_tenant(column) && (has_its_own || self.plan.meaning(relation, column).is_none())
            })
            .filter_map(|(column, target)| Some((column, self.value(parent, target)?)))
            .collect();
        (!reference.is_empty()).then_some(reference)
    }

    fn refer(&self, relation: RelationId, rights: &Rights, reference: &[(&String, String)]) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let equal: Vec<String> = reference
            .iter()
            .map(|(column, value)| format!("{} = {value}", ident(column)))
            .collect();
        let judge = self.made(relation, &equal.join(" and "));
        let attempt = |(sql, prelude)| Attempt {
            judge: Some(judge.clone()),
            prelude,
            ..Attempt::new(rules::FOREIGN_KEY_TO_OTHER, PersonaId::PLAIN, MESSAGE, sql)
        };
        let may = |allowed: bool, columns: &[String]| {
            rights.usage && (allowed || reference.iter().all(|(name, _)| columns.contains(name)))
        };
        let mut attempts = Vec::new();
        let drafts = self.own_drafts(relation);
        for draft in drafts.filter(|_| may(rights.insert, &rights.insert_columns)) {
            let mut columns = draft.columns.clone();
            columns.extend(
                reference
                    .iter()
                    .map(|(name, value)| ((*name).clone(), value.clone())),
            );
            attempts.push(attempt(insertion(
                table,
                &self.personas[PersonaId::PLAIN].role,
                rights,
                &columns,
                "",
            )));
        }
        if may(rights.update, &rights.update_columns)
            && let Some(own) = self.own(relation).first()
        {
            let sql = format!(
                "update {} set {} where {}",
                table.sql(),
                equal.join(", "),
                own.predicate
            );
            attempts.push(attempt((sql, String::new())));
        }
        attempts
    }

    /// A row of the other tenant's that the key can refer to, if it leads to a tenant's relation at all.
    fn others_parent(&self, relation: RelationId, key: &ForeignKey) -> Option<&Row> {
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
