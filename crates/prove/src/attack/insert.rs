//! Tries to make rows for another tenant or for none.

use std::collections::BTreeMap;

use super::{Attack, Attempt, Stage, Target};
use crate::catalog::{Identity, Relation, Rights};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::naming::Names;
use crate::people::Who;
use crate::plan::{By, Class};
use crate::rules::{self, Rule};
use crate::seed::{Belongs, Draft};
use crate::sql::{ident, idents, literal, typed};

/// Makes rows for another tenant and for none.
pub(super) struct Insert;

impl Attack for Insert {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::CROSS_TENANT_INSERT, rules::NULL_TENANT_INSERT]
    }

    fn stage(&self) -> Stage {
        Stage::Write
    }

    fn attempts(&self, context: &Context<'_>, Target { relation, .. }: Target<'_>) -> Vec<Attempt> {
        let table = &context.catalog.relations[relation];
        let mut attempts = Vec::new();
        for (n, persona) in context.attackers(relation) {
            let rights = table.rights(&persona.role);
            if rights.inserts() && !persona.service && !context.is_owner_given(relation) {
                attempts.extend(context.insert_for_another(relation, n, &rights));
                attempts.extend(context.insert_for_nobody(relation, n, &rights));
            }
        }
        attempts
    }
}

impl Context<'_> {
    fn insert_for_another(&self, relation: RelationId, persona: PersonaId, rights: &Rights) -> Vec<Attempt> {
        let Some(spare) = self.spare(relation, Belongs::Other) else {
            return Vec::new();
        };
        // Whoever makes a row for themselves makes none for another.
        if self.personas[persona]
            .who
            .as_ref()
            .is_some_and(|who| who.marker == spare.marker)
        {
            return Vec::new();
        }
        let Some(condition) = self.is_made_for_another(relation, spare) else {
            return Vec::new();
        };
        let table = &self.catalog.relations[relation];
        let drafts = self.drafts_for_another(relation, spare, persona);
        drafts
            .iter()
            .map(|draft| {
                let (sql, prelude) =
                    insertion(table, &self.personas[persona].role, rights, &draft.columns, "");
                Attempt {
                    judge: Some(self.made(relation, &condition)),
                    prelude,
                    ..Attempt::new(
                        rules::CROSS_TENANT_INSERT,
                        persona,
                        "creates a row of {} for another tenant",
                        sql,
                    )
                }
            })
            .collect()
    }

    /// What holds of a row that was made for another tenant.
    fn is_made_for_another(&self, relation: RelationId, spare: &Draft) -> Option<String> {
        match &self.plan.classes[relation] {
            Class::Internal => Some("true".to_owned()),
            // A user who founds a tenant makes no row for another.
            Class::Tenant { by: By::Tenant, .. } if self.plan.is_identity(self.catalog, relation) => None,
            _ => Some(self.is_tenant(relation, &self.tenant_value(relation, spare)?)),
        }
    }

    /// Another tenant's row as it would be, and as policies may single it out: by its content, by others whom it names.
    fn drafts_for_another(&self, relation: RelationId, spare: &Draft, persona: PersonaId) -> Vec<Draft> {
        let mut drafts = vec![spare.clone()];
        let who = self.personas[persona].who.as_ref();
        if persona == PersonaId::PLAIN || who.is_none() {
            drafts.extend(self.singled_out(relation, Belongs::Other).cloned());
        }
        if persona == PersonaId::PLAIN {
            drafts.extend(self.borrowed(relation, spare));
        }
        if let Some(who) = who {
            drafts.extend(self.naming(relation, spare, &who.user));
            drafts.extend(self.nested_draft(relation, spare, who));
        }
        drafts
    }

    /// Rows of one's own but for the tenant: what else policies ask about holds of them.
    fn borrowed<'c>(&'c self, relation: RelationId, draft: &'c Draft) -> impl Iterator<Item = Draft> + 'c {
        let tenant = self.plan.tenant_column(relation).map(|(column, _)| column);
        let others = tenant.and_then(|column| Some((column, draft.columns.get(column)?)));
        let own = self.own_drafts(relation).cloned();
        own.filter_map(move |mut own| {
            let (column, value) = others?;
            own.columns.insert(column.to_owned(), value.clone());
            Some(own)
        })
    }

    /// The same row, in which every column but the tenant's that names a user names another one.
    fn naming(&self, relation: RelationId, draft: &Draft, user: &str) -> Option<Draft> {
        let tenant = self.plan.tenant_column(relation).map(|(column, _)| column);
        let other = literal(&self.people.other.user);
        let mut changed = draft.clone();
        for column in &self.catalog.relations[relation].columns {
            let names_user = self.plan.meaning(relation, &column.name) == Some(Names::User);
            let names_other = draft
                .columns
                .get(&column.name)
                .is_some_and(|value| value.contains(&other));
            if Some(column.name.as_str()) != tenant && (names_user || names_other) {
                let value = typed(Some(user), &column.base);
                changed.columns.insert(column.name.clone(), value);
            }
        }
        (changed.columns != draft.columns).then_some(changed)
    }

    /// The same row in a folder of one's own within the other tenant's.
    fn nested_draft(&self, relation: RelationId, draft: &Draft, who: &Who) -> Option<Draft> {
        let (column, _) = self.plan.tenant_column(relation)?;
        let mut nested = draft.clone();
        let name = self.nested(relation, &self.people.other, who)?;
        nested.columns.insert(column.to_owned(), name);
        Some(nested)
    }

    fn insert_for_nobody(&self, relation: RelationId, persona: PersonaId, rights: &Rights) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let Some((column, _)) = self.plan.tenant_column(relation) else {
            return Vec::new();
        };
        if table.column(column).is_none_or(|column| column.not_null) {
            return Vec::new();
        }
        let Some(spare) = self.spare(relation, Belongs::Nobody) else {
            return Vec::new();
        };
        let mut without = spare.columns.clone();
        without.remove(column);
        let judge = self.made(relation, &format!("{} is null", ident(column)));
        [&spare.columns, &without]
            .into_iter()
            .map(|columns| {
                let (sql, prelude) = insertion(table, &self.personas[persona].role, rights, columns, "");
                Attempt {
                    judge: Some(judge.clone()),
                    prelude,
                    ..Attempt::new(
                        rules::NULL_TENANT_INSERT,
                        persona,
                        "creates a row of {} that belongs to no tenant",
                        sql,
                    )
                }
            })
            .collect()
    }

    pub(super) fn spare(&self, relation: RelationId, belongs: Belongs) -> Option<&Draft> {
        let of = |relation| self.fixtures.spares.get(&(relation, belongs));
        of(relation).or_else(|| {
            // A partitioned table takes what one of its partitions takes.
            let oid = self.catalog.relations[relation].oid;
            self.catalog
                .relations
                .ids()
                .filter(|n| {
                    self.catalog.relations[*n].is_partition
                        && self.catalog.relations[*n].parents.contains(&oid)
                })
                .find_map(of)
        })
    }

    fn singled_out(&self, relation: RelationId, belongs: Belongs) -> impl Iterator<Item = &Draft> {
        let of = self.fixtures.singled_out.get(&(relation, belongs));
        of.into_iter().flatten()
    }

    /// Rows that the attacker could make for themselves: a plain one, and those that meet what policies ask of content.
    pub(super) fn own_drafts(&self, relation: RelationId) -> impl Iterator<Item = &Draft> {
        let plain = self.spare(relation, Belongs::Own).into_iter();
        plain.chain(self.singled_out(relation, Belongs::Own))
    }

    fn tenant_value(&self, relation: RelationId, draft: &Draft) -> Option<String> {
        let (name, by) = self.plan.tenant_column(relation)?;
        let column = self.catalog.relations[relation].column(name)?;
        let people = [&self.people.other, &self.people.spare, &self.people.nobody];
        let generated = || {
            let who = people.into_iter().find(|who| who.marker == draft.marker)?;
            let id = if by == By::User { &who.user } else { &who.tenant };
            column.generated.then(|| typed(Some(id), &column.base))
        };
        draft.columns.get(name).cloned().or_else(generated)
    }
}

/// An insert of the columns that a role may set, and what the owner must do before so that no sequence moves.
pub(super) fn insertion(
    table: &Relation,
    role: &str,
    rights: &Rights,
    columns: &BTreeMap<String, String>,
    tail: &str,
) -> (String, String) {
    let may = |name: &String| rights.insert || rights.insert_columns.contains(name);
    let counted = |name: &String| {
        table
            .column(name)
            .is_some_and(|column| column.sequence || column.identity != Identity::None)
    };
    let grants: Vec<&String> = columns
        .keys()
        .filter(|name| !may(name) && counted(name))
        .collect();
    let prelude = if grants.is_empty() {
        String::new()
    } else {
        format!(
            "grant insert ({}) on {} to {}",
            idents(grants.iter().map(|name| name.as_str())),
            table.sql(),
            ident(role)
        )
    };
    let chosen: Vec<(&String, &String)> = columns
        .iter()
        .filter(|(name, _)| may(name) || counted(name))
        .collect();
    let sql = format!(
        "insert into {} ({}) overriding system value values ({}){tail}",
        table.sql(),
        idents(chosen.iter().map(|(name, _)| name.as_str())),
        chosen
            .iter()
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    );
    (sql, prelude)
}
