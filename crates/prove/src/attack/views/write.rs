//! Tries to write through views to the tables beneath.

use crate::attack::Attempt;
use crate::catalog::Relation;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::plan::{By, Class};
use crate::rules::{self, Rule};
use crate::seed::{Belongs, Draft, Row};
use crate::sql::{ident, idents, typed};

/// What `pg_relation_is_updatable` says.
const UPDATES: i32 = 4;
const INSERTS: i32 = 8;
const DELETES: i32 = 16;

impl Context<'_> {
    pub(super) fn writes_through(&self, view: RelationId) -> Vec<Attempt> {
        let relation = &self.catalog.relations[view];
        let Some(base) = self.base(view) else {
            return Vec::new();
        };
        let table = &self.catalog.relations[base];
        let shared = |name: &str| relation.column(name).is_some() && table.column(name).is_some();
        let mut attempts = Vec::new();
        for (n, persona) in self.personas.with_ids() {
            let rights = relation.rights(&persona.role);
            let may = |name: &str| shared(name) && rights.updates_column(name);
            if relation.updatable & UPDATES != 0 && rights.updates() {
                attempts.extend(self.update_through(view, base, n, &may));
                attempts.extend(self.move_through(view, base, n, &may));
                attempts.extend(self.rename_through(view, base, n, &may));
            }
            if relation.updatable & DELETES != 0 && rights.deletes() {
                attempts.push(self.delete_through(view, base, n));
            }
            if relation.updatable & INSERTS != 0 && rights.inserts() {
                attempts.extend(self.insert_through(view, base, n));
            }
        }
        attempts
    }

    fn update_through(
        &self,
        view: RelationId,
        base: RelationId,
        persona: PersonaId,
        may: &dyn Fn(&str) -> bool,
    ) -> Option<Attempt> {
        let (column, value) = self.payload_of(base, may)?;
        let sql = format!(
            "update {} set {} = {value} where {}",
            self.catalog.relations[view].sql(),
            ident(&column),
            self.is_others(view, base)
        );
        let message = "changes another tenant's rows through {}";
        Some(self.write_through(base, rules::CROSS_TENANT_UPDATE, persona, message, sql))
    }

    fn delete_through(&self, view: RelationId, base: RelationId, persona: PersonaId) -> Attempt {
        let sql = format!(
            "delete from {} where {}",
            self.catalog.relations[view].sql(),
            self.is_others(view, base)
        );
        let message = "deletes another tenant's rows through {}";
        self.write_through(base, rules::CROSS_TENANT_DELETE, persona, message, sql)
    }

    /// A write that shows on other tenants' rows of the table beneath.
    fn write_through(
        &self,
        base: RelationId,
        rule: &'static Rule,
        persona: PersonaId,
        message: &str,
        sql: String,
    ) -> Attempt {
        Attempt {
            judge: Some(self.written(&self.foreign(base))),
            passed_if_constrained: true,
            ..Attempt::new(rule, persona, message, sql)
        }
    }

    /// A condition on a view's columns that finds other tenants' rows of the table beneath.
    fn is_others(&self, view: RelationId, base: RelationId) -> String {
        let relation = &self.catalog.relations[view];
        let foreign = self.foreign(base);
        let named: Vec<String> = foreign
            .iter()
            .filter_map(|row| self.named(relation, row))
            .collect();
        if named.is_empty() {
            "false".to_owned()
        } else {
            named.join(" or ")
        }
    }

    /// The table beneath that a view's columns are most likely of.
    fn base(&self, view: RelationId) -> Option<RelationId> {
        let relation = &self.catalog.relations[view];
        let matching = |n: &RelationId| {
            self.catalog.relations[*n]
                .columns
                .iter()
                .filter(|column| relation.column(&column.name).is_some())
                .count()
        };
        let tenants = self.catalog.beneath(view).into_iter().filter(|n| {
            self.catalog.relations[*n].is_table()
                && matches!(self.plan.classes[*n], Class::Tenant { .. } | Class::Internal)
                && !self.foreign(*n).is_empty()
        });
        tenants.max_by_key(matching)
    }

    /// A condition on a view's columns that finds a row of the table beneath.
    fn named(&self, view: &Relation, row: &Row) -> Option<String> {
        let table = &self.catalog.relations[row.relation];
        let key = table
            .key()
            .filter(|key| key.iter().all(|name| view.column(name).is_some()));
        let tests: Vec<String> = table
            .columns
            .iter()
            .filter(|column| {
                key.as_ref().is_none_or(|key| key.contains(&column.name.as_str()))
                    && column.comparable
                    && view
                        .column(&column.name)
                        .is_some_and(|shown| shown.base == column.base)
            })
            .filter_map(|column| {
                let value = row.values.get(&column.name)?.as_deref();
                Some(match value {
                    Some(_) => format!("{} = {}", ident(&column.name), typed(value, &column.base)),
                    None => format!("{} is null", ident(&column.name)),
                })
            })
            .collect();
        (!tests.is_empty()).then(|| format!("({})", tests.join(" and ")))
    }

    fn payload_of(&self, base: RelationId, may: &dyn Fn(&str) -> bool) -> Option<(String, String)> {
        let columns = self.changeable(base, may);
        let column = columns.first()?;
        Some((column.name.clone(), self.payload(base, column)?))
    }

    fn move_through(
        &self,
        view: RelationId,
        base: RelationId,
        persona: PersonaId,
        may: &dyn Fn(&str) -> bool,
    ) -> Option<Attempt> {
        let relation = &self.catalog.relations[view];
        let (column, by) = self.plan.tenant_column(base)?;
        let own = self.own(base);
        let row = own
            .first()
            .filter(|_| persona == PersonaId::PLAIN && by != By::Parent && may(column))?;
        let kind = &self.catalog.relations[base].column(column)?.base;
        let target = if by == By::User {
            &self.people.other.user
        } else {
            &self.people.other.tenant
        };
        let value = typed(Some(target), kind);
        let condition = self.named(relation, row)?;
        Some(Attempt {
            judge: Some(self.made(base, &format!("{} = {value}", ident(column)))),
            ..Attempt::new(
                rules::MOVE_AWAY,
                persona,
                "gives a row to another tenant through {}",
                format!(
                    "update {} set {} = {value} where {condition}",
                    relation.sql(),
                    ident(column)
                ),
            )
        })
    }

    /// A row of one's own is given another's key: what finds the row by its new key changes that one.
    fn rename_through(
        &self,
        view: RelationId,
        base: RelationId,
        persona: PersonaId,
        may: &dyn Fn(&str) -> bool,
    ) -> Option<Attempt> {
        let (relation, table) = (&self.catalog.relations[view], &self.catalog.relations[base]);
        let own = self.own(base);
        let row = own.first().filter(|_| persona == PersonaId::PLAIN)?;
        let other = self.fixtures.of(base, Belongs::Other).find(|row| !row.existing)?;
        let [key] = table.key()?[..] else { return None };
        let (column, value) = self.payload_of(base, &|name| name != key && may(name))?;
        let other_key = self.value(other, key).filter(|_| may(key))?;
        let condition = self.named(relation, row)?;
        Some(Attempt {
            judge: Some(self.written(&[other])),
            ..Attempt::new(
                rules::CROSS_TENANT_UPDATE,
                persona,
                "changes another tenant's row through {} by giving its key to a row of their own",
                format!(
                    "update {} set {} = {other_key}, {} = {value} where {condition}",
                    relation.sql(),
                    ident(key),
                    ident(&column)
                ),
            )
        })
    }

    fn insert_through(&self, view: RelationId, base: RelationId, persona: PersonaId) -> Vec<Attempt> {
        let kinds = [
            (
                Belongs::Other,
                rules::CROSS_TENANT_INSERT,
                "creates a row for another tenant through {}",
            ),
            (
                Belongs::Nobody,
                rules::NULL_TENANT_INSERT,
                "creates a row for no tenant through {}",
            ),
        ];
        let made = kinds.into_iter().filter_map(|(belongs, rule, message)| {
            let spare = self.spare(base, belongs)?;
            let condition = self.is_made(base, spare, persona)?;
            let sql = self.insertion_through(view, spare, persona)?;
            Some(Attempt {
                judge: Some(self.made(base, &condition)),
                ..Attempt::new(rule, persona, message, sql)
            })
        });
        made.collect()
    }

    /// What holds of a row in the table beneath that was made for another tenant or for none.
    fn is_made(&self, base: RelationId, spare: &Draft, persona: PersonaId) -> Option<String> {
        let who = self.personas[persona].who.as_ref();
        let own = who.is_some_and(|who| who.marker == spare.marker);
        if own && spare.belongs == Belongs::Other || self.plan.is_identity(self.catalog, base) {
            return None;
        }
        let Some((column, _)) = self.plan.tenant_column(base) else {
            return Some("true".to_owned());
        };
        if spare.belongs == Belongs::Nobody {
            return Some(format!("{} is null", ident(column)));
        }
        Some(format!("{} = {}", ident(column), spare.columns.get(column)?))
    }

    /// What makes a row of the columns that a view shows and the role may set.
    fn insertion_through(&self, view: RelationId, spare: &Draft, persona: PersonaId) -> Option<String> {
        let relation = &self.catalog.relations[view];
        let rights = relation.rights(&self.personas[persona].role);
        let may = |name: &String| rights.insert || rights.insert_columns.contains(name);
        let columns = spare.columns.iter();
        let (names, values): (Vec<&str>, Vec<&str>) = columns
            .filter(|(name, _)| relation.column(name).is_some() && may(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .unzip();
        (!names.is_empty()).then(|| {
            format!(
                "insert into {} ({}) values ({})",
                relation.sql(),
                idents(names.into_iter()),
                values.join(", ")
            )
        })
    }
}
