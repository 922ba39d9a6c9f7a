//! Tries to write through views to the tables beneath.

use crate::attack::Attempt;
use crate::catalog::Relation;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::plan::{By, Class};
use crate::rules;
use crate::seed::{Belongs, Row};
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
        let foreign = self.foreign(base);
        let shared = |name: &str| relation.column(name).is_some() && table.column(name).is_some();
        let mut attempts = Vec::new();
        for (n, persona) in self.personas.with_ids() {
            let rights = relation.rights(&persona.role);
            let may = |name: &str| shared(name) && rights.updates_column(name);
            let named: Vec<String> = foreign
                .iter()
                .filter_map(|row| self.named(relation, row))
                .collect();
            let condition = if named.is_empty() {
                "false".to_owned()
            } else {
                named.join(" or ")
            };
            if relation.updatable & UPDATES != 0 && rights.updates() {
                if let Some((column, value)) = self.payload_of(base, &may) {
                    attempts.push(Attempt {
                        judge: Some(self.written(&foreign)),
                        passed_if_constrained: true,
                        ..Attempt::new(
                            rules::CROSS_TENANT_UPDATE,
                            n,
                            "changes another tenant's rows through {}",
                            format!(
                                "update {} set {} = {value} where {condition}",
                                relation.sql(),
                                ident(&column)
                            ),
                        )
                    });
                }
                attempts.extend(self.move_through(view, base, n, &may));
                attempts.extend(self.rename_through(view, base, n, &may));
            }
            if relation.updatable & DELETES != 0 && rights.deletes() {
                attempts.push(Attempt {
                    judge: Some(self.written(&foreign)),
                    passed_if_constrained: true,
                    ..Attempt::new(
                        rules::CROSS_TENANT_DELETE,
                        n,
                        "deletes another tenant's rows through {}",
                        format!("delete from {} where {condition}", relation.sql()),
                    )
                });
            }
            if relation.updatable & INSERTS != 0 && rights.inserts() {
                attempts.extend(self.insert_through(view, base, n));
            }
        }
        attempts
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
        let relation = &self.catalog.relations[view];
        let rights = relation.rights(&self.personas[persona].role);
        let mut attempts = Vec::new();
        for (belongs, rule, message) in [
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
        ] {
            let Some(spare) = self.spare(base, belongs) else {
                continue;
            };
            let own = self.personas[persona]
                .who
                .as_ref()
                .is_some_and(|who| who.marker == spare.marker);
            if own && belongs == Belongs::Other || self.plan.is_identity(self.catalog, base) {
                continue;
            }
            let condition = match (self.plan.tenant_column(base), belongs) {
                (Some((column, _)), Belongs::Nobody) => format!("{} is null", ident(column)),
                (Some((column, _)), _) => match spare.columns.get(column) {
                    Some(value) => format!("{} = {value}", ident(column)),
                    None => continue,
                },
                (None, _) => "true".to_owned(),
            };
            let columns: Vec<(&String, &String)> = spare
                .columns
                .iter()
                .filter(|(name, _)| {
                    relation.column(name).is_some() && (rights.insert || rights.insert_columns.contains(name))
                })
                .collect();
            if columns.is_empty() {
                continue;
            }
            let sql = format!(
                "insert into {} ({}) values ({})",
                relation.sql(),
                idents(columns.iter().map(|(name, _)| name.as_str())),
                columns
                    .iter()
                    .map(|(_, value)| value.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            attempts.push(Attempt {
                judge: Some(self.made(base, &condition)),
                ..Attempt::new(rule, persona, message, sql)
            });
        }
        attempts
    }
}
