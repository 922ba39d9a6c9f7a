//! What attacks need to know, and what they all ask of it.

use crate::catalog::{Catalog, Relation};
use crate::ids::{ById, PersonaId, RelationId};
use crate::part::Part;
use crate::people::{People, Who};
use crate::persona::{EMPTY_USER, Persona, THIRD_PARTY};
use crate::plan::{By, Plan};
use crate::script::Settings;
use crate::seed::{Belongs, Fixtures, Row};
use crate::session::Session;
use crate::sql::{ident, typed};

/// Everything that attacks need to know.
pub(crate) struct Context<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) people: &'a People,
    pub(crate) personas: &'a ById<PersonaId, Persona>,
    pub(crate) fixtures: &'a Fixtures,
    /// The number of the last subtransaction before the attacks: rows with a newer one came of them.
    pub(crate) mark: Option<String>,
}

impl Context<'_> {
    /// Who attacks a relation: everybody, but a planted one only the plain attacker. An app reaches no further than its user.
    pub(crate) fn attackers(&self, relation: RelationId) -> impl Iterator<Item = (PersonaId, &Persona)> {
        let planted = self.catalog.relations[relation].is_planted();
        self.personas
            .with_ids()
            .filter(|(_, persona)| persona.label != THIRD_PARTY)
            .take(if planted { 1 } else { usize::MAX })
    }

    /// Rows that one attacker may not reach. Whoever has an empty name has the rows of an empty name.
    pub(crate) fn foreign_to(&self, relation: RelationId, persona: PersonaId) -> Vec<&Row> {
        let mut rows = self.foreign(relation);
        if let (true, Some((column, _))) = (
            self.personas[persona].label == EMPTY_USER,
            self.plan.tenant_column(relation),
        ) {
            rows.retain(|row| row.values.get(column).cloned().flatten().as_deref() != Some(""));
        }
        rows
    }

    /// Rows that nobody among the attackers may reach.
    pub(crate) fn foreign(&self, relation: RelationId) -> Vec<&Row> {
        self.fixtures.foreign(relation, &self.plan.classes[relation])
    }

    /// Those of them that nobody among the attackers may read.
    pub(crate) fn secret(&self, relation: RelationId) -> Vec<&Row> {
        let mut rows = self.foreign(relation);
        rows.retain(|row| !row.public);
        rows
    }

    pub(crate) fn own(&self, relation: RelationId) -> Vec<&Row> {
        let marker = &self.people.own.marker;
        self.fixtures
            .of(relation, Belongs::Own)
            .filter(|row| row.marker == *marker)
            .collect()
    }

    /// Whether any attacker's role has any right on it.
    pub(crate) fn reachable(&self, relation: RelationId) -> bool {
        self.catalog.relations[relation]
            .rights
            .values()
            .any(crate::catalog::Rights::any)
    }

    /// Whether policies bind a role on a table.
    pub(crate) fn bound(&self, table: &Relation, role: &str) -> bool {
        let exempt = table.rights(role).owner && !table.forced;
        let bypasses = self
            .catalog
            .roles
            .iter()
            .any(|r| r.name == role && (r.superuser || r.bypasses));
        table.rls && !exempt && !bypasses
    }

    /// A condition on the tenant column: it names whom another's row names.
    pub(crate) fn is_tenant(&self, relation: RelationId, value: &str) -> String {
        let whose = |text: &str| self.plan.whose(relation, text);
        match self.plan.tenant_column(relation) {
            Some((column, _)) => format!("{} = {}", whose(&ident(column)), whose(value)),
            None => "true".to_owned(),
        }
    }

    /// Whether Supabase's storage says whose a row is, whatever a client sends.
    pub(crate) fn is_owner_given(&self, relation: RelationId) -> bool {
        let of_files = matches!(self.catalog.relations[relation].part, Some(Part::Bucket(_)));
        of_files && self.plan.naming(relation).is_none()
    }

    /// The own tenant's id as a value of a relation's tenant column.
    pub(crate) fn own_id(&self, relation: RelationId) -> Option<(String, String)> {
        let (column, by) = self.plan.tenant_column(relation)?;
        let own = &self.people.own;
        let kind = &self.catalog.relations[relation].column(column)?.base;
        let value = match by {
            By::User => self.plan.tenant_value(relation, &own.user, &own.marker, kind),
            By::Tenant => self.plan.tenant_value(relation, &own.tenant, &own.marker, kind),
            By::Parent => {
                let row = self.own(relation).into_iter().next()?;
                typed(row.values.get(column)?.as_deref(), kind)
            }
        };
        Some((column.to_owned(), value))
    }

    /// A name in somebody's folder that holds another's ids too: policies that look for an id anywhere find theirs.
    pub(crate) fn nested(&self, relation: RelationId, whose: &Who, within: &Who) -> Option<String> {
        let naming = self.plan.naming(relation).filter(|naming| naming.is_open())?;
        let (column, _) = self.plan.tenant_column(relation)?;
        let table = &self.catalog.relations[relation];
        let rest = format!("{}/{}/mako.{}", within.tenant, within.user, table.ending());
        Some(typed(Some(&naming.of(whose, &rest)), &table.column(column)?.base))
    }

    /// The value of a row's column, as SQL.
    pub(crate) fn value(&self, row: &Row, column: &str) -> Option<String> {
        let kind = &self.catalog.relations[row.relation].column(column)?.base;
        Some(typed(row.values.get(column)?.as_deref(), kind))
    }

    /// A pattern that only the other tenant's content matches.
    pub(crate) fn telling(&self) -> String {
        let other = &self.people.other;
        let mut words = vec![other.marker.clone()];
        words.extend(
            [&other.user, &other.tenant]
                .into_iter()
                .filter(|id| id.len() > 8)
                .cloned(),
        );
        words.join("|")
    }

    pub(crate) fn settings(&self, persona: &Persona, relation: &Relation) -> Settings {
        let persona = relation.met_by(persona, &self.people.other);
        persona.settings(&self.session.admin, self.catalog, &relation.schema)
    }

    /// The other tenant's own user.
    pub(crate) fn victim(&self) -> Persona {
        let attacker = &self.personas[PersonaId::PLAIN];
        let claims = attacker
            .claims
            .replace(&self.people.own.user, &self.people.other.user)
            .replace(&self.people.own.tenant, &self.people.other.tenant)
            .replace(&self.people.own.marker, &self.people.other.marker);
        let headers = attacker
            .headers
            .replace(&self.people.own.tenant, &self.people.other.tenant);
        Persona {
            claims,
            headers,
            who: Some(self.people.other.clone()),
            ..attacker.clone()
        }
    }

    /// Whether a persona has rows of their own among those that came later.
    pub(crate) fn came_late(&self, persona: &Persona) -> bool {
        persona
            .who
            .as_ref()
            .is_some_and(|who| who.marker == self.people.removed.marker)
    }
}
