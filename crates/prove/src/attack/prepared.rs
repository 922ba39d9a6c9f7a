//! Does a plan remember whom it was made for? The same prepared statement under one user's claims, then under another's.

use super::{Field, Learnt, any_of, reproduce, says_yes};
use crate::people::Persona;
use crate::seed::{Belongs, Row};

impl Field<'_> {
    pub(super) async fn prepared(&self, relation: usize, about: &mut Learnt) {
        let table = &self.catalog.relations[relation];
        let rows: Vec<&Row> = self.world.of(relation, Belongs::Other).collect();
        let attacker = &self.personas[0];
        let read = about
            .findings
            .iter()
            .any(|finding| finding.rule == "cross_tenant_read");
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
        let mut outcomes = self
            .session
            .all(vec![
                "savepoint mako_plan; set local plan_cache_mode = force_generic_plan".to_owned(),
                format!(
                    "{}; prepare mako_prove as {statement}; execute mako_prove",
                    settings(&victim)
                ),
                format!("{}; execute mako_prove", settings(attacker)),
                "rollback to savepoint mako_plan; release savepoint mako_plan; ".to_owned(),
                "savepoint mako_plan".to_owned(),
                "deallocate mako_prove".to_owned(),
                "rollback to savepoint mako_plan; release savepoint mako_plan".to_owned(),
            ])
            .await;
        about.attempts += 1;
        if let Some(Err(refusal)) = outcomes.get(1)
            && !refusal.is_inconclusive()
        {
            about.risk(
                "policy_fails",
                format!(
                    "Not even the tenant's own rows of {} can be read: {} [{}]",
                    table.label(),
                    refusal.message,
                    refusal.code
                ),
                reproduce(&victim, &statement),
            );
        }
        if outcomes.len() > 2
            && let Ok(rows) = outcomes.swap_remove(2)
            && says_yes(&rows)
        {
            let shown = format!(
                "set local plan_cache_mode = force_generic_plan; {}; prepare p as {statement}; execute p; {}; execute p",
                victim.reproduction(),
                attacker.reproduction()
            );
            about.leak(
                "prepared_statement_read",
                format!("A statement over {} that another user prepared answers with their rows: a function over settings is declared IMMUTABLE", table.label()),
                reproduce(attacker, &shown),
            );
        }
    }
}
