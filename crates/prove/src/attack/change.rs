//! Tries to change, take over, delete and give away rows by naming them.

use super::{Attack, Attempt, Stage, Target, any_of};
use crate::catalog::{Category, Column, Identity, Relation, Rights};
use crate::conditions::source;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::people::Who;
use crate::plan::By;
use crate::rules::{self, Rule};
use crate::seed::Belongs;
use crate::sql::{ident, idents, typed};

/// Changes, takes over, deletes and gives away rows, naming them.
pub(super) struct Change;

impl Attack for Change {
    fn rules(&self) -> &'static [&'static Rule] {
        &CHANGES
    }

    fn stage(&self) -> Stage {
        Stage::Write
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.sighted_changes(target.relation)
    }
}

/// What whoever changes rows may do.
pub(super) static CHANGES: [&Rule; 5] = [
    rules::CROSS_TENANT_UPDATE,
    rules::TAKEOVER,
    rules::CROSS_TENANT_DELETE,
    rules::MOVE_AWAY,
    rules::MOVE_TO_NOBODY,
];

impl Context<'_> {
    fn sighted_changes(&self, relation: RelationId) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let mut attempts = Vec::new();
        for (n, persona) in self.attackers(relation) {
            let foreign = self.foreign_to(relation, n);
            let rights = table.rights(&persona.role);
            let bound = self.bound(table, &persona.role);
            // Everybody else's attempts are made blind only, which no policy hides from.
            if n > PersonaId::PLAIN && bound {
                continue;
            }
            // Where no policy binds, naming the rows takes the right to read what names them.
            let prelude = if bound || rights.select {
                String::new()
            } else {
                lend(table, &persona.role)
            };
            let condition = any_of(&foreign);
            for change in self.changes(relation, &rights) {
                attempts.push(Attempt {
                    judge: Some(self.written(&foreign)),
                    prelude: prelude.clone(),
                    passed_if_constrained: true,
                    ..Attempt::new(
                        change.rule,
                        n,
                        change.message,
                        format!("update {} set {} where {condition}", table.sql(), change.set),
                    )
                });
            }
            if rights.deletes() {
                attempts.push(Attempt {
                    judge: Some(self.written(&foreign)),
                    prelude: prelude.clone(),
                    passed_if_constrained: true,
                    ..Attempt::new(
                        rules::CROSS_TENANT_DELETE,
                        n,
                        "deletes another tenant's rows of {}",
                        format!("delete from {} where {condition}", table.sql()),
                    )
                });
            }
            if n == PersonaId::PLAIN {
                attempts.extend(self.moves(relation, n, &rights, true, &prelude));
            }
        }
        attempts
    }

    /// What may be done to another's row.
    pub(super) fn changes(&self, relation: RelationId, rights: &Rights) -> Vec<Deed> {
        let mut changes = Vec::new();
        if let Some((column, own)) = self.own_id(relation)
            && rights.updates_column(&self.origin(relation, &column))
            && !self.is_owner_given(relation)
        {
            changes.push(Deed {
                rule: rules::TAKEOVER,
                message: "takes over another tenant's rows of {}",
                set: self.assignment(relation, &column, &own),
            });
        }
        let payload = self.changeable(relation, |name| rights.updates_column(name));
        if let Some(column) = payload.first()
            && let Some(value) = self.payload(relation, column)
        {
            changes.push(Deed {
                rule: rules::CROSS_TENANT_UPDATE,
                message: "changes another tenant's rows of {}",
                set: format!("{} = {value}", ident(&column.name)),
            });
        }
        changes
    }

    /// The plainer a column, the better: no key, no tenant, no reference, not unique.
    fn weight(&self, relation: RelationId, column: &Column) -> usize {
        let table = &self.catalog.relations[relation];
        let tenant = self
            .plan
            .tenant_column(relation)
            .is_some_and(|(name, _)| name == column.name);
        let means = self.plan.meaning(relation, &column.name).is_some();
        let refers = table
            .foreign_keys
            .iter()
            .any(|key| key.columns.contains(&column.name));
        let unique = table
            .indexes
            .iter()
            .any(|index| index.unique && index.columns.iter().flatten().any(|name| *name == column.name));
        let checked = table
            .checks
            .iter()
            .any(|check| check.columns.contains(&column.name))
            || !column.domain_checks.is_empty();
        16 * usize::from(tenant)
            + 8 * usize::from(unique)
            + 4 * usize::from(means || refers)
            + 2 * usize::from(checked)
            + usize::from(column.category != Category::String)
    }

    /// A value that the column takes.
    pub(super) fn payload(&self, relation: RelationId, column: &Column) -> Option<String> {
        let spare = self
            .spare(relation, Belongs::Own)
            .or_else(|| self.spare(relation, Belongs::Other));
        let tried = spare.and_then(|draft| draft.columns.get(&column.name).cloned());
        let held = || {
            self.fixtures
                .rows
                .iter()
                .find(|row| row.relation == relation)
                .and_then(|row| self.value(row, &column.name))
        };
        tried
            .or_else(held)
            .or_else(|| (!column.not_null).then(|| typed(None, &column.base)))
    }

    /// Rows of one's own that are given to another tenant, or to none.
    pub(super) fn moves(
        &self,
        relation: RelationId,
        persona: PersonaId,
        rights: &Rights,
        sighted: bool,
        prelude: &str,
    ) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let own = self.own(relation);
        let (Some((column, by)), Some(row)) = (self.plan.tenant_column(relation), own.first()) else {
            return Vec::new();
        };
        let may = rights.updates_column(&self.origin(relation, column)) && !self.is_owner_given(relation);
        let Some(kind) = table.column(column).filter(|_| may) else {
            return Vec::new();
        };
        let tail = if sighted {
            format!(" where {}", row.predicate)
        } else {
            String::new()
        };
        let gift = |rule, message, value: &str, condition: &str| Attempt {
            judge: Some(self.made(relation, condition)),
            prelude: prelude.to_owned(),
            ..Attempt::new(
                rule,
                persona,
                message,
                format!(
                    "update {} set {}{tail}",
                    table.sql(),
                    self.assignment(relation, column, value)
                ),
            )
        };
        let mut attempts = Vec::new();
        for receiver in self.receivers(relation, kind, by) {
            let condition = format!("{} = {receiver}", ident(column));
            let message = "gives a row of {} to another tenant";
            attempts.push(gift(rules::MOVE_AWAY, message, &receiver, &condition));
        }
        if !kind.not_null {
            let condition = format!("{} is null", ident(column));
            let message = "makes a row of {} belong to no tenant";
            attempts.push(gift(rules::MOVE_TO_NOBODY, message, "null", &condition));
        }
        attempts
    }

    /// The column itself, or that from which the database makes it.
    fn origin(&self, relation: RelationId, name: &str) -> String {
        let column = self.catalog.relations[relation].column(name);
        let made = column.and_then(|column| source(self.catalog, relation, column, "'mako'"));
        made.map_or_else(|| name.to_owned(), |(origin, _)| origin)
    }

    /// What sets a column, or that from which the database makes it.
    fn assignment(&self, relation: RelationId, name: &str, value: &str) -> String {
        let column = self.catalog.relations[relation].column(name);
        let made = column.and_then(|column| source(self.catalog, relation, column, value));
        let (name, value) = made.unwrap_or_else(|| (name.to_owned(), value.to_owned()));
        format!("{} = {value}", ident(&name))
    }

    /// To whom a row may be given, as values of the tenant column: another tenant, and one that has no rows yet, where
    /// a row of each tenant's would be in the way.
    fn receivers(&self, relation: RelationId, column: &Column, by: By) -> Vec<String> {
        let people = self.people;
        let id = |who: &Who| {
            let id = if by == By::User { &who.user } else { &who.tenant };
            self.plan
                .tenant_value(relation, id, &people.own.marker, &column.base)
        };
        if by == By::Parent {
            let row = self.fixtures.of(relation, Belongs::Other).next();
            row.and_then(|row| self.value(row, &column.name))
                .into_iter()
                .collect()
        } else if self.plan.is_identity(self.catalog, relation) {
            vec![id(&people.nobody)]
        } else {
            let nested = self.nested(relation, &people.other, &people.own);
            [id(&people.other), id(&people.spare)]
                .into_iter()
                .chain(nested)
                .collect()
        }
    }

    /// Columns that may be set, the plainest first.
    pub(super) fn changeable(&self, relation: RelationId, may: impl Fn(&str) -> bool) -> Vec<&Column> {
        let mut columns: Vec<&Column> = self.catalog.relations[relation]
            .columns
            .iter()
            .filter(|column| may(&column.name) && !column.generated && column.identity != Identity::Always)
            .collect();
        columns.sort_by_key(|column| self.weight(relation, column));
        columns
    }
}

/// What may be done to a row.
pub(super) struct Deed {
    pub(super) rule: &'static Rule,
    pub(super) message: &'static str,
    pub(super) set: String,
}

/// The right to read the columns that name a row.
fn lend(table: &Relation, role: &str) -> String {
    let names = table
        .key()
        .unwrap_or_else(|| table.columns.iter().map(|column| column.name.as_str()).collect());
    format!(
        "grant select ({}) on {} to {}",
        idents(names),
        table.sql(),
        ident(role)
    )
}
