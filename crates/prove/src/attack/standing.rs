//! Tries whether the plain attacker is a working tenant: whoever can't see even their own rows proves nothing.

use super::{Attempt, Field, any_of, says_yes};
use crate::plan::Class;

impl Field<'_> {
    /// Why no attack can be believed, if the attacker sees no row of its own in any relation that it may read.
    pub(crate) async fn without_standing(&self) -> Option<String> {
        let scripts: Vec<String> = (0..self.catalog.relations.len())
            .filter_map(|relation| Some(self.script(relation, &self.own_read(relation)?)))
            .collect();
        if scripts.is_empty() {
            return None;
        }
        let outcomes = self.session.attempt(scripts).await;
        let sees = outcomes.iter().flatten().any(|rows| says_yes(rows));
        (!sees).then(|| {
            "the users that were made up see none of their own rows, so that nothing was attacked by a working tenant: if \
             tokens carry the tenant in a claim, name it under [tenant.claims], such as org_id = \"tenant\""
                .to_owned()
        })
    }

    fn own_read(&self, relation: usize) -> Option<Attempt> {
        let table = &self.catalog.relations[relation];
        let own = self.own(relation);
        let persona = self.personas.first()?;
        let readable = table.in_scope
            && table.schema != crate::controls::SCHEMA
            && matches!(self.plan.classes[relation], Class::Tenant { .. })
            && table.rights(&persona.role).select
            // What only functions show says nothing of who is asking.
            && (!table.rls || table.policies.iter().any(|policy| "r*".contains(policy.command) && policy.permissive))
            && !own.is_empty();
        readable.then(|| {
            let sql = format!(
                "select exists (select from {} where {})",
                table.sql(),
                any_of(&own)
            );
            Attempt::new("own_read", 0, "", sql)
        })
    }
}
