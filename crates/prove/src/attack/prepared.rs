//! Looks whether a plan remembers whom it was made for: the same prepared statement under one user's claims, then
//! under another's.

use super::{Attack, Attempt, Stage, Target, any_of};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::persona::Persona;
use crate::rules::{self, Rule};
use crate::script::Script;
use crate::seed::Belongs;

/// Executes what another user has prepared.
pub(super) struct Prepared;

impl Attack for Prepared {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::PREPARED_STATEMENT_READ]
    }

    fn stage(&self) -> Stage {
        Stage::Prepared
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        // What is read anyway needs no plan to be read.
        if target.known.found(rules::CROSS_TENANT_READ) {
            return Vec::new();
        }
        context.prepared(target.relation).into_iter().collect()
    }
}

impl Context<'_> {
    fn prepared(&self, relation: RelationId) -> Option<Attempt> {
        let table = &self.catalog.relations[relation];
        let mut rows = self.secret(relation);
        rows.retain(|row| row.belongs == Belongs::Other);
        let attacker = &self.personas[PersonaId::PLAIN];
        let rights = table.rights(&attacker.role);
        if rows.is_empty() || !rights.select || !rights.usage {
            return None;
        }
        let victim = Persona {
            claims: attacker
                .claims
                .replace(&self.people.own.user, &self.people.other.user),
            ..attacker.clone()
        };
        let statement = format!("select count(*) from {} where {}", table.sql(), any_of(&rows));
        let name = format!("mako_{relation}");
        // No rollback forgets what was prepared, nor what was prepared before time ran out.
        let forget = format!(
            "do $forget$ begin execute 'deallocate {name}'; exception when invalid_sql_statement_name then null; end $forget$"
        );
        let script = Script::default()
            .act("set local plan_cache_mode = force_generic_plan")
            .act(forget.clone())
            .be(self.settings(&victim, table))
            .act(format!("prepare {name} as {statement}"))
            .act(format!("execute {name}"))
            .be(self.settings(attacker, table))
            .ask(format!("execute {name}"))
            .act(forget);
        let shown = format!(
            "set local plan_cache_mode = force_generic_plan; {}; prepare p as {statement}; execute p; {}; execute p",
            victim.reproduction(),
            attacker.reproduction()
        );
        Some(Attempt {
            script: Some(script),
            ..Attempt::new(rules::PREPARED_STATEMENT_READ, PersonaId::PLAIN, MESSAGE, shown)
        })
    }
}

const MESSAGE: &str = "executes a statement over {} that another user prepared, and is answered with their rows: a function over \
                       settings is declared IMMUTABLE";
