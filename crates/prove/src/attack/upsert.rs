//! Tries to take a row over by an upsert: a row of one's own is made with a key of another's, whose row is then
//! updated.

use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target};
use crate::catalog::{Index, Rights};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::rules::{self, Rule};
use crate::seed::{Belongs, Draft, Row};
use crate::sql::{ident, idents};

/// Makes a row of one's own with a key of another's.
pub(super) struct Upsert;

impl Attack for Upsert {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::UPSERT_TAKEOVER]
    }

    fn stage(&self) -> Stage {
        Stage::Write
    }

    fn attempts(&self, context: &Context<'_>, Target { relation, .. }: Target<'_>) -> Vec<Attempt> {
        let rights = context.catalog.relations[relation].rights(&context.personas[PersonaId::PLAIN].role);
        if rights.inserts() {
            context.upserts(relation, PersonaId::PLAIN, &rights)
        } else {
            Vec::new()
        }
    }
}

impl Context<'_> {
    fn upserts(&self, relation: RelationId, persona: PersonaId, rights: &Rights) -> Vec<Attempt> {
        let mut others = self.fixtures.of(relation, Belongs::Other);
        let (Some(spare), Some(target)) = (
            self.spare(relation, Belongs::Own),
            others.find(|row| !row.existing),
        ) else {
            return Vec::new();
        };
        let indexes = self.catalog.relations[relation].indexes.iter();
        indexes
            .filter(|index| index.unique && !index.partial && !index.expression && index.immediate)
            .flat_map(|index| self.upserts_by(index, spare, target, persona, rights))
            .collect()
    }

    /// By one index: with all that may be set, and without what says whose the row is.
    fn upserts_by(
        &self,
        index: &Index,
        spare: &Draft,
        target: &Row,
        persona: PersonaId,
        rights: &Rights,
    ) -> Vec<Attempt> {
        let relation = target.relation;
        let key: Vec<&str> = index.columns.iter().flatten().map(String::as_str).collect();
        let mut columns = spare.columns.clone();
        for name in &key {
            if let Some(value) = self.value(target, name) {
                columns.insert((*name).to_owned(), value);
            }
        }
        let may_set = |name: &String| {
            (rights.update || rights.update_columns.contains(name))
                && (rights.insert || rights.insert_columns.contains(name))
        };
        let changes: Vec<&String> = columns
            .keys()
            .filter(|name| may_set(name) && !key.contains(&name.as_str()))
            .collect();
        let tenant = self.plan.tenant_column(relation).map(|(column, _)| column);
        let mut payload = changes.clone();
        payload.retain(|name| Some(name.as_str()) != tenant);
        let sets = [changes, payload].into_iter().filter(|set| !set.is_empty());
        sets.map(|set| {
            let set: Vec<String> = set
                .iter()
                .map(|name| format!("{0} = excluded.{0}", ident(name)))
                .collect();
            let tail = format!(
                " on conflict ({}) do update set {}",
                idents(key.iter().copied()),
                set.join(", ")
            );
            let (table, role) = (&self.catalog.relations[relation], &self.personas[persona].role);
            let (sql, prelude) = insertion(table, role, rights, &columns, &tail);
            let message = "overwrites another tenant's row of {} by an upsert";
            Attempt {
                judge: Some(self.written(&[target])),
                prelude,
                ..Attempt::new(rules::UPSERT_TAKEOVER, persona, message, sql)
            }
        })
        .collect()
    }
}
