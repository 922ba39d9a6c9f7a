//! Tries to make more of oneself: a row of their own that policies elsewhere ask (a profile, a role) is
//! changed or added to, and then the other tenant's rows are read.

use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target, any_of};
use crate::catalog::{Category, Column};
use crate::constants::words_in;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::naming::Names;
use crate::plan::Class;
use crate::rules::{self, Rule};
use crate::seed::Belongs;
use crate::sql::{ident, typed};
use crate::values::is_power;

/// Gives oneself what policies elsewhere ask for.
pub(super) struct Escalation;

impl Attack for Escalation {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::ESCALATION]
    }

    fn stage(&self) -> Stage {
        Stage::Escalation
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.escalations(target.relation, target.closed)
    }
}

impl Context<'_> {
    fn escalations(&self, relation: RelationId, closed: &[RelationId]) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        let mut askers = self.askers(relation);
        askers.retain(|asker| closed.contains(asker));
        let rights = table.rights(&self.personas[PersonaId::PLAIN].role);
        if askers.is_empty() || !(rights.inserts() || rights.updates()) {
            return Vec::new();
        }
        let mut attempts = Vec::new();
        for column in table.columns.iter().filter(|column| !column.generated) {
            for value in self.powers(relation, column, &askers) {
                let may = |all: bool, some: &[String]| all || some.contains(&column.name);
                let mut acts = Vec::new();
                if let (true, Some(own)) = (
                    may(rights.update, &rights.update_columns),
                    self.own(relation).first(),
                ) {
                    acts.push((
                        format!(
                            "update {} set {} = {value} where {}",
                            table.sql(),
                            ident(&column.name),
                            own.predicate
                        ),
                        String::new(),
                    ));
                }
                if let (true, Some(spare)) = (
                    may(rights.insert, &rights.insert_columns),
                    self.spare(relation, Belongs::Own),
                ) {
                    let mut columns = spare.columns.clone();
                    columns.insert(column.name.clone(), value.clone());
                    acts.push(insertion(
                        table,
                        &self.personas[PersonaId::PLAIN].role,
                        &rights,
                        &columns,
                        "",
                    ));
                }
                for (act, prelude) in acts {
                    attempts.extend(askers.iter().map(|asker| {
                        let target = &self.catalog.relations[*asker];
                        let read = format!("select count(*) from {} where {}", target.sql(), any_of(&self.secret(*asker)));
                        let message = format!("gives themselves {} = {value} in {{}} and then reads another tenant's rows of {}", column.name, target.label());
                        Attempt { prelude: prelude.clone(), first: act.clone(), ..Attempt::new(rules::ESCALATION, PersonaId::PLAIN, &message, read) }
                    }));
                }
            }
        }
        attempts.truncate(200);
        attempts
    }

    /// Relations that can be read, whose policies ask this one.
    fn askers(&self, relation: RelationId) -> Vec<RelationId> {
        self.catalog
            .relations
            .ids()
            .filter(|n| *n != relation)
            .filter(|n| {
                let table = &self.catalog.relations[*n];
                table.in_scope
                    && table.is_table()
                    && matches!(self.plan.classes[*n], Class::Tenant { .. } | Class::Internal)
                    && table.rights(&self.personas[PersonaId::PLAIN].role).select
                    && !self.secret(*n).is_empty()
                    && self.catalog.asks(*n, relation)
            })
            .collect()
    }

    /// Values of a column that may mean something to whoever asks.
    fn powers(&self, relation: RelationId, column: &Column, askers: &[RelationId]) -> Vec<String> {
        if self
            .plan
            .tenant_column(relation)
            .is_some_and(|(name, _)| name == column.name)
        {
            return Vec::new();
        }
        let texts: Vec<String> = askers
            .iter()
            .flat_map(|n| &self.catalog.relations[*n].policies)
            .flat_map(|policy| {
                let functions = policy
                    .functions
                    .iter()
                    .filter_map(|oid| self.catalog.function(*oid))
                    .map(|function| function.source.clone());
                functions.chain([policy.text()]).collect::<Vec<_>>()
            })
            .filter(|text| text.contains(&column.name))
            .collect();
        if texts.is_empty() {
            return Vec::new();
        }
        if let Some(names) = self.plan.meaning(relation, &column.name) {
            let other = &self.people.other;
            let id = match names {
                Names::User => &other.user,
                Names::Tenant => &other.tenant,
            };
            return vec![typed(Some(id), &column.base)];
        }
        let mut words: Vec<String> = match column.category {
            Category::Boolean => vec!["true".to_owned(), "false".to_owned()],
            Category::String | Category::Enum => texts
                .iter()
                .flat_map(|text| words_in(text))
                .chain(column.labels.iter().filter(|label| is_power(label)).cloned())
                .collect(),
            Category::Numeric => texts
                .iter()
                .flat_map(|text| crate::values::numbers_in(text))
                .chain(["1000".to_owned()])
                .collect(),
            _ => Vec::new(),
        };
        words.retain(|word| column.category != Category::Enum || column.labels.contains(word));
        words.sort_by_key(|word| !is_power(word));
        words.dedup();
        words.truncate(5);
        words.iter().map(|word| typed(Some(word), &column.base)).collect()
    }
}
