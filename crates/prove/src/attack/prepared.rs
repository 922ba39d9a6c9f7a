//! Looks whether a plan remembers whom it was made for: the same prepared statement under one user's claims, then
//! under another's.

use super::{any_of, says_yes};
use crate::assessment::{Assessment, reproduce};
use crate::context::Context;
use crate::persona::Persona;
use crate::rules;
use crate::script::Script;
use crate::seed::{Belongs, Row};

impl Context<'_> {
    pub(super) async fn prepared(&self, relation: usize, about: &mut Assessment) {
        let table = &self.catalog.relations[relation];
        let rows: Vec<&Row> = self.fixtures.of(relation, Belongs::Other).collect();
        let attacker = &self.personas[0];
        let read = about.found(rules::CROSS_TENANT_READ);
        // What is read anyway needs no plan to be read.
        if read
            || rows.is_empty()
            || !table.rights(&attacker.role).select
            || !table.rights(&attacker.role).usage
        {
            return;
        }
        let victim = Persona {
            claims: attacker
                .claims
                .replace(&self.people.own.user, &self.people.other.user),
            ..attacker.clone()
        };
        let settings = |who: &Persona| who.settings(&self.session.admin, self.catalog, &table.schema);
        let statement = format!("select count(*) from {} where {}", table.sql(), any_of(&rows));
        let name = format!("mako_{relation}");
        let victims = Script::default()
            .act("set local plan_cache_mode = force_generic_plan")
            .be(settings(&victim))
            .act(format!("prepare {name} as {statement}"))
            .ask(format!("execute {name}"));
        let both = victims
            .clone()
            .be(settings(attacker))
            .ask(format!("execute {name}"));
        // No rollback forgets what was prepared.
        let forget = Script::default().act(format!("deallocate {name}"));
        let outcomes = self
            .session
            .attempt(vec![victims, forget.clone(), both, forget])
            .await;
        about.attempts += 1;
        if let Some(Err(refusal)) = outcomes.first()
            && !refusal.is_inconclusive()
        {
            about.find(
                rules::POLICY_FAILS,
                format!(
                    "Not even the tenant's own rows of {} can be read: {} [{}]",
                    table.label(),
                    refusal.message,
                    refusal.code
                ),
                reproduce(&victim, &statement),
            );
        }
        if let Some(Ok(rows)) = outcomes.get(2)
            && says_yes(rows.get(1..).unwrap_or_default())
        {
            let shown = format!(
                "set local plan_cache_mode = force_generic_plan; {}; prepare p as {statement}; execute p; {}; execute p",
                victim.reproduction(),
                attacker.reproduction()
            );
            about.find(
                rules::PREPARED_STATEMENT_READ,
                format!("A statement over {} that another user prepared answers with their rows: a function over settings is declared IMMUTABLE", table.label()),
                reproduce(attacker, &shown),
            );
        }
    }
}
