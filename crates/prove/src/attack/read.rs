//! Tries to read and count rows that aren't one's own.

use super::{Attack, Attempt, Evidence, Stage, Target, any_of};
use crate::assessment::Assessment;
use crate::catalog::Relation;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::plan::{By, Class};
use crate::rules::{self, Rule};
use crate::script::Script;
use crate::seed::{Belongs, Row};
use crate::sql::{ident, typed};

/// Reads everything at once, as each attacker.
pub(super) struct Read;

impl Attack for Read {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::CROSS_TENANT_READ, rules::NULL_TENANT_READ]
    }

    fn stage(&self) -> Stage {
        Stage::Read
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.reads(target.relation)
    }
}

impl Context<'_> {
    /// Reads, and looks closer where something was read.
    pub(super) async fn read(&self, relation: RelationId, about: &mut Assessment) {
        let target = Target {
            relation,
            known: about,
            closed: &[],
            real: &[],
        };
        let attempts = self.attempts(Stage::Read, target);
        let read = self.try_all(relation, attempts, about).await;
        let read = self.confirmed(relation, read).await;
        let in_detail = read
            .iter()
            .take(3)
            .flat_map(|attempt| self.reads_in_detail(relation, attempt.persona))
            .collect();
        self.run(relation, in_detail, about).await;
        for attempt in read
            .into_iter()
            .filter(|attempt| attempt.evidence != Evidence::Preliminary)
        {
            self.note(relation, &attempt, about);
        }
    }

    /// One try for each attacker, at everything at once.
    fn reads(&self, relation: RelationId) -> Vec<Attempt> {
        let personas: Vec<PersonaId> = self.attackers(relation).map(|(n, _)| n).collect();
        personas
            .into_iter()
            .flat_map(|n| {
                self.read_of(
                    relation,
                    n,
                    rules::CROSS_TENANT_READ,
                    &self.foreign_to(relation, n),
                    "",
                )
                .map(|attempt| Attempt {
                    evidence: Evidence::Preliminary,
                    ..attempt
                })
                .into_iter()
                .chain(self.read_of_strangers(relation, n))
            })
            .collect()
    }

    /// What exactly did they read?
    fn reads_in_detail(&self, relation: RelationId, persona: PersonaId) -> Vec<Attempt> {
        let (nobodys, others): (Vec<&Row>, Vec<&Row>) = self
            .foreign_to(relation, persona)
            .into_iter()
            .partition(|row| row.belongs == Belongs::Nobody);
        let read = |rule, rows: &[&Row], message| self.read_of(relation, persona, rule, rows, message);
        let others = read(
            rules::CROSS_TENANT_READ,
            &others,
            "reads another tenant's rows of {}",
        );
        others
            .into_iter()
            .chain(read(
                rules::NULL_TENANT_READ,
                &nobodys,
                "reads rows of {} that belong to no tenant",
            ))
            .collect()
    }

    pub(super) fn read_of(
        &self,
        relation: RelationId,
        persona: PersonaId,
        rule: &'static Rule,
        rows: &[&Row],
        message: &str,
    ) -> Option<Attempt> {
        let table = &self.catalog.relations[relation];
        let rights = table.rights(&self.personas[persona].role);
        let rows: Vec<&Row> = rows.iter().copied().filter(|row| !row.public).collect();
        let rows = rows.as_slice();
        if !rights.reads() || rows.is_empty() {
            return None;
        }
        let condition = if rights.select {
            Some(any_of(rows))
        } else {
            narrow(table, &rights.select_columns, rows)
        };
        let sql = match condition {
            Some(condition) => format!("select count(*) from {} where {condition}", table.sql()),
            // No column that they may read tells rows apart, but their number does.
            None => format!("select count(*) > {} from {}", self.shared(relation), table.sql()),
        };
        Some(Attempt::new(rule, persona, message, sql))
    }

    /// How many rows of it they may read.
    fn shared(&self, relation: RelationId) -> usize {
        let lawful = |row: &&Row| matches!(row.belongs, Belongs::Own | Belongs::Shared) || row.public;
        let rows = self.fixtures.rows.iter();
        rows.filter(|row| row.relation == relation).filter(lawful).count()
    }

    /// Rows of real tenants may be what the made-up ones aren't: published, archived, shared.
    fn read_of_strangers(&self, relation: RelationId, persona: PersonaId) -> Option<Attempt> {
        let (_, condition) = self.strangers(relation, persona)?;
        let table = &self.catalog.relations[relation];
        let sql = format!(
            "select count(*) from (select from {} where {condition} limit 1) as mako_row",
            table.sql()
        );
        Some(Attempt {
            evidence: Evidence::Strangers,
            ..Attempt::new(
                rules::CROSS_TENANT_READ,
                persona,
                "reads rows of {} that aren't theirs",
                sql,
            )
        })
    }

    /// The tenant column of a relation, and which rows are strangers' to a persona.
    fn strangers(&self, relation: RelationId, persona: PersonaId) -> Option<(&str, String)> {
        let table = &self.catalog.relations[relation];
        let who = self.personas[persona].who.as_ref();
        let plain = persona == PersonaId::PLAIN || who.is_none();
        let Class::Tenant { column, by } = &self.plan.classes[relation] else {
            return None;
        };
        let wanted = if self.plan.membership.is_some() {
            By::Tenant
        } else {
            By::User
        };
        let rights = table.rights(&self.personas[persona].role);
        if !plain || *by != wanted || !(rights.select || rights.select_columns.contains(column)) {
            return None;
        }
        // Without an index this would read the whole table.
        let indexed = table.indexes.iter().any(|index| {
            index
                .columns
                .first()
                .is_some_and(|first| first.as_deref() == Some(column))
        });
        if table.rows > 50_000.0 && !indexed {
            return None;
        }
        let kind = &table.column(column)?.base;
        let id = who.map(|who| if *by == By::User { &who.user } else { &who.tenant });
        let whose = self.plan.whose(relation, &ident(column));
        let condition = match id {
            Some(id) => {
                let kind = self.plan.type_of_whose(relation, kind);
                format!("{whose} is distinct from {}", typed(Some(id), kind))
            }
            None if self.personas[persona].label == crate::persona::EMPTY_USER => return None,
            None => "true".to_owned(),
        };
        let condition = match self.plan.public_where.get(&relation) {
            Some(public) => format!("{condition} and ({public}) is not true"),
            None => condition,
        };
        Some((column, table.of_part(condition)))
    }

    /// Of attempts that read, those that really read: rows that triggers made for who was made up are no strangers'.
    async fn confirmed(&self, relation: RelationId, read: Vec<Attempt>) -> Vec<Attempt> {
        let (strange, mut read): (Vec<_>, Vec<_>) = read
            .into_iter()
            .partition(|attempt| attempt.evidence == Evidence::Strangers);
        let scripts = strange
            .iter()
            .filter_map(|attempt| self.whose(relation, attempt.persona))
            .collect();
        let outcomes = self.session.attempt(scripts).await;
        read.extend(
            strange
                .into_iter()
                .zip(outcomes)
                .filter(|(_, outcome)| outcome.as_ref().is_ok_and(|rows| super::says_yes(rows)))
                .map(|(attempt, _)| attempt),
        );
        read
    }

    /// Asks whether the tenants whose rows a persona sees have any that were there before this transaction.
    fn whose(&self, relation: RelationId, persona: PersonaId) -> Option<Script> {
        let (column, condition) = self.strangers(relation, persona)?;
        let table = &self.catalog.relations[relation];
        let (sql, name) = (table.sql(), ident(column));
        let kind = &table.column(column)?.base;
        let script = Script::default()
            .be(self.settings(&self.personas[persona], table))
            .act(format!(
                "select set_config('mako.seen', coalesce(json_agg(distinct tenant::text)::text, '[]'), true) \
                 from (select {name} as tenant from {sql} where {condition} limit 1000) as mako_row"
            ))
            .act(self.session.back())
            .ask(format!(
                "select exists (select from {sql} where age(xmin) > age(pg_current_xact_id()::xid) and ({name} = any (array( \
                 select v::{kind} from json_array_elements_text(current_setting('mako.seen')::json) as mako_value(v) where v is not null)) \
                 or {name} is null and current_setting('mako.seen')::jsonb @> '[null]'))"
            ));
        Some(script)
    }
}

/// A condition on those columns alone that finds the rows, if they differ there from all others.
fn narrow(table: &Relation, readable: &[String], rows: &[&Row]) -> Option<String> {
    let has = |name: &&str| readable.iter().any(|column| column == name);
    if table.key().is_some_and(|key| key.iter().all(has)) {
        return Some(any_of(rows));
    }
    let columns: Vec<_> = table
        .columns
        .iter()
        .filter(|column| readable.contains(&column.name) && column.comparable)
        .collect();
    let telling = |row: &Row| {
        columns.iter().any(|column| {
            row.values
                .get(&column.name)
                .cloned()
                .flatten()
                .is_some_and(|value| {
                    column.base_name == "uuid"
                        || (!row.marker.is_empty() && value.to_lowercase().contains(&row.marker))
                })
        })
    };
    if !rows.iter().all(|row| telling(row)) {
        return None;
    }
    let parts: Vec<String> = rows
        .iter()
        .map(|row| {
            let tests = columns.iter().filter_map(|column| {
                let value = row.values.get(&column.name)?.as_deref();
                Some(match value {
                    Some(_) => format!("{} = {}", ident(&column.name), typed(value, &column.base)),
                    None => format!("{} is null", ident(&column.name)),
                })
            });
            format!("({})", tests.collect::<Vec<_>>().join(" and "))
        })
        .collect();
    Some(parts.join(" or "))
}
