//! Tries whether the plain attacker is a working tenant: whoever can't see even their own rows proves nothing.

use std::collections::BTreeMap;

use super::{any_of, says_yes};
use crate::assessment::{Assessment, reproduce};
use crate::catalog::Command;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::plan::Class;
use crate::rules;
use crate::script::{Refusal, Script};

impl Context<'_> {
    /// Notes of each relation that the attacker may read, and sees no row of its own in, that nothing was attacked there.
    pub(crate) async fn standing(&self, assessments: &mut BTreeMap<RelationId, Assessment>) {
        let (relations, scripts): (Vec<RelationId>, Vec<Script>) = self
            .catalog
            .relations
            .ids()
            .filter_map(|relation| Some((relation, self.own_read(relation)?)))
            .unzip();
        let outcomes = self.session.attempt(scripts).await;
        for (relation, outcome) in relations.into_iter().zip(outcomes) {
            let about = assessments.entry(relation).or_default();
            match outcome {
                Ok(rows) if says_yes(&rows) => {}
                Ok(_) => {
                    about.untested.insert(BLIND.to_owned());
                }
                // What fails whoever asks is closed to strangers as well.
                Err(refusal) if refusal.is_inconclusive() => {}
                Err(refusal) => self.policy_fails(relation, &refusal, about),
            }
        }
    }

    fn policy_fails(&self, relation: RelationId, refusal: &Refusal, about: &mut Assessment) {
        let table = &self.catalog.relations[relation];
        let read = format!("select count(*) from {}", table.sql());
        about.find(
            rules::POLICY_FAILS,
            format!(
                "Not even the tenant's own rows of {} can be read: {} [{}]",
                table.title(),
                refusal.message,
                refusal.code
            ),
            reproduce(
                &table.met_by(&self.personas[PersonaId::PLAIN], &self.people.own),
                &read,
            ),
        );
    }

    fn own_read(&self, relation: RelationId) -> Option<Script> {
        let table = &self.catalog.relations[relation];
        let own = self.own(relation);
        let persona = self.personas.first()?;
        let readable = table.in_scope
            && !table.is_planted()
            && matches!(self.plan.classes[relation], Class::Tenant { .. })
            && table.rights(&persona.role).select
            // What only functions show says nothing of who is asking.
            && (!table.rls || table.policies.iter().any(|policy| policy.is_for(Command::Select) && policy.permissive))
            && !own.is_empty();
        readable.then(|| {
            let sql = format!(
                "select exists (select from {} where {})",
                table.sql(),
                any_of(&own)
            );
            let persona = table.met_by(persona, &self.people.own);
            let settings = persona.settings(&self.session.admin, self.catalog, &table.schema);
            Script::default().be(settings).ask_often(sql)
        })
    }
}

const BLIND: &str = "the users that were made up see none of their own rows, so that no working tenant attacked it: if tokens \
                     carry the tenant in a claim, name it under [tenant.claims], such as org_id = \"tenant\", orgs = \"tenants\" or \"app_metadata.orgs[].id\" = \"tenant\"";
