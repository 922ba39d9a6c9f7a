//! Tries to change, take over, delete and give away rows blind.
//!
//! *Blind* reads no column: `set n = 0` without a condition. Then only the policies of that command apply; as soon as a
//! column is read, those for SELECT apply too and hide the hole. On a live table a blind write would touch every row,
//! so it is fenced: a restrictive policy, gone with its savepoint, admits the made-up rows only.

use super::change::CHANGES;
use super::{Attack, Attempt, Stage, Target, any_of};
use crate::catalog::Relation;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::rules::{self, Rule};
use crate::seed::Row;

/// Changes, takes over and deletes another's rows.
pub(super) struct Blind;

/// Gives rows of one's own away.
pub(super) struct BlindGift;

impl Attack for Blind {
    fn rules(&self) -> &'static [&'static Rule] {
        &CHANGES
    }

    fn stage(&self) -> Stage {
        Stage::Blind
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.blind_changes(target.relation)
    }
}

impl Attack for BlindGift {
    fn rules(&self) -> &'static [&'static Rule] {
        &CHANGES
    }

    fn stage(&self) -> Stage {
        Stage::Blind
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.blind_gifts(target.relation)
    }
}

impl Context<'_> {
    /// What everybody may try on another's rows.
    pub(super) fn blind_changes(&self, relation: RelationId) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let fence = fence(table, &self.foreign(relation));
        let mut takes = Vec::new();
        for (n, persona) in self.attackers(relation) {
            let rights = table.rights(&persona.role);
            if !self.bound(table, &persona.role) || !(rights.updates() || rights.deletes()) {
                continue;
            }
            // The service sends nothing that PostgREST doesn't.
            if persona.service {
                continue;
            }
            // For all but the plain attacker, whether a row can be written at all is what matters.
            let reach = self.foreign_to(relation, n);
            for change in self
                .changes(relation, &rights)
                .into_iter()
                .rev()
                .take(if n == PersonaId::PLAIN { 9 } else { 1 })
            {
                takes.push(Attempt {
                    judge: Some(self.written(&reach)),
                    passed_if_constrained: true,
                    fence: fence.clone(),
                    ..Attempt::new(
                        change.rule,
                        n,
                        change.message,
                        format!("update {} set {}", table.sql(), change.set),
                    )
                });
            }
            if rights.deletes() {
                takes.push(Attempt {
                    judge: Some(self.written(&reach)),
                    passed_if_constrained: true,
                    fence: fence.clone(),
                    ..Attempt::new(
                        rules::CROSS_TENANT_DELETE,
                        n,
                        "deletes another tenant's rows of {}",
                        format!("delete from {}", table.sql()),
                    )
                });
            }
        }
        takes
    }

    /// One row at a time: two that are moved to the same place might meet a unique index. The last are those that
    /// policies single out.
    fn blind_gifts(&self, relation: RelationId) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let role = &self.personas[PersonaId::PLAIN].role;
        let rights = table.rights(role);
        if !self.bound(table, role) || !(rights.updates() || rights.deletes()) {
            return Vec::new();
        }
        let gifts = self.moves(relation, PersonaId::PLAIN, &rights, false, "");
        let own = self.own(relation);
        let singled_out = own.iter().skip(2).take(4);
        own.iter()
            .take(1)
            .chain(singled_out)
            .flat_map(|row| {
                let fence = fence(table, &[row]);
                gifts.iter().map(move |gift| Attempt {
                    fence: fence.clone(),
                    ..gift.clone()
                })
            })
            .collect()
    }
}

/// A restrictive policy that admits these rows only.
pub(super) fn fence(table: &Relation, rows: &[&Row]) -> String {
    format!(
        "create policy \"mako prove\" on {} as restrictive for all to public using ({}) with check (true)",
        table.sql(),
        any_of(rows)
    )
}
