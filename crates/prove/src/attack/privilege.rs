//! Tries claims that may open all tenants: a token that says "admin" without saying of what: a risk, since only
//! whoever issues tokens can give it.

use std::collections::BTreeMap;

use super::{any_of, says_yes};
use crate::assessment::{Assessment, reproduce};
use crate::conditions::{Claims, Contents};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::model::Model;
use crate::persona::Persona;
use crate::plan::Class;
use crate::rules;
use crate::script::Script;

impl Context<'_> {
    /// Reads as a user whose token meets a policy.
    pub(crate) async fn privileges(
        &self,
        model: &Model,
        contents: &Contents,
        assessments: &mut BTreeMap<RelationId, Assessment>,
    ) {
        let opening = |claims: &&Claims| !claims.are_free() && self.is_read(claims.relation);
        let own = Persona::signed_in(model, "a user whose token meets a policy", &self.people.own);
        let asked = contents.claims().iter().filter(opening);
        let asked: Vec<(&Claims, Persona)> = asked
            .map(|claims| (claims, own.clone().with_claims(&claims.values)))
            .collect();
        let read = |claims: &Claims| {
            let table = &self.catalog.relations[claims.relation];
            let rows = self.secret(claims.relation);
            format!("select count(*) from {} where {}", table.sql(), any_of(&rows))
        };
        let scripts = asked
            .iter()
            .map(|(claims, persona)| {
                let table = &self.catalog.relations[claims.relation];
                Script::default()
                    .be(self.settings(persona, table))
                    .ask(read(claims))
            })
            .collect();
        for ((claims, persona), outcome) in asked.iter().zip(self.session.attempt(scripts).await) {
            let about = assessments.entry(claims.relation).or_default();
            if about.leaks() || !outcome.is_ok_and(|rows| says_yes(&rows)) {
                continue;
            }
            let said: Vec<String> = claims
                .values
                .iter()
                .map(|(path, value)| format!("{path} = {value}"))
                .collect();
            about.find(
                rules::CLAIM_OPENS_ALL,
                format!(
                    "Policy {:?} of {} shows every tenant's rows to a user of any tenant whose token says {}",
                    claims.policy,
                    self.catalog.relations[claims.relation].label(),
                    said.join(" and ")
                ),
                reproduce(persona, &read(claims)),
            );
        }
    }

    fn is_read(&self, relation: RelationId) -> bool {
        let table = &self.catalog.relations[relation];
        table.in_scope
            && table.is_table()
            && matches!(self.plan.classes[relation], Class::Tenant { .. })
            && table.rights(&self.personas[PersonaId::PLAIN].role).select
            && !self.secret(relation).is_empty()
    }
}
