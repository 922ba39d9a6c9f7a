//! Tries to make more of oneself: a row of their own that policies elsewhere ask (a profile, a role) is
//! changed or added to, and then the other tenant's rows are read.

use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target, any_of};
use crate::catalog::{Category, Column, Rights};
use crate::constants::words_in;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::naming::Names;
use crate::plan::Class;
use crate::rules::{self, Rule};
use crate::sql::{ident, typed};
use crate::values::{is_power, numbers_in};

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
                let acts = self.acts(relation, &rights, &column.name, &value);
                for (act, prelude) in acts {
                    let gives = format!("gives themselves {} = {value}", column.name);
                    let read = askers
                        .iter()
                        .map(|asker| self.read_after(*asker, &gives, &act, &prelude));
                    attempts.extend(read);
                }
            }
        }
        attempts.truncate(200);
        attempts
    }

    /// A row of one's own is changed to hold a value, or made with it; with what the owner must do before.
    fn acts(
        &self,
        relation: RelationId,
        rights: &Rights,
        column: &str,
        value: &str,
    ) -> Vec<(String, String)> {
        let table = &self.catalog.relations[relation];
        let may = |all: bool, some: &[String]| all || some.iter().any(|name| name == column);
        let mut acts = Vec::new();
        let own = self.own(relation);
        if let (true, Some(own)) = (may(rights.update, &rights.update_columns), own.first()) {
            let update = format!(
                "update {} set {} = {value} where {}",
                table.sql(),
                ident(column),
                own.predicate
            );
            acts.push((update, String::new()));
        }
        let drafts = self.own_drafts(relation);
        for draft in drafts.filter(|_| may(rights.insert, &rights.insert_columns)) {
            let mut columns = draft.columns.clone();
            // Of several rows of one's own, the one that goes on for longest may be the one that is asked.
            for end in columns.values_mut() {
                *end = end.replace("'2124-", "'2125-");
            }
            columns.insert(column.to_owned(), value.to_owned());
            let role = &self.personas[PersonaId::PLAIN].role;
            acts.push(insertion(table, role, rights, &columns, ""));
        }
        acts
    }

    fn read_after(&self, asker: RelationId, gives: &str, act: &str, prelude: &str) -> Attempt {
        let target = &self.catalog.relations[asker];
        let rows = any_of(&self.secret(asker));
        let read = format!("select count(*) from {} where {rows}", target.sql());
        let message = format!(
            "{gives} in {{}} and then reads another tenant's rows of {}",
            target.label()
        );
        Attempt {
            prelude: prelude.to_owned(),
            first: act.to_owned(),
            ..Attempt::new(rules::ESCALATION, PersonaId::PLAIN, &message, read)
        }
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

    /// The key of another's row, where the column refers to a relation that asks: to share it with oneself.
    fn others_key(&self, relation: RelationId, column: &Column, askers: &[RelationId]) -> Option<String> {
        let mut keys = self.catalog.relations[relation].foreign_keys.iter();
        let key = keys.find(|key| key.columns == [column.name.as_str()])?;
        let target = self.catalog.position(key.target);
        let target = target.filter(|target| askers.contains(target))?;
        let secret = self.secret(target);
        self.value(secret.first()?, key.target_columns.first()?)
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
        let texts = self.texts_about(&column.name, askers);
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
        if let Some(others) = self.others_key(relation, column, askers) {
            return vec![others];
        }
        let mut words = words_for(column, &texts);
        words.retain(|word| column.category != Category::Enum || column.labels.contains(word));
        words.sort_by_key(|word| !is_power(word));
        words.dedup();
        words.truncate(5);
        words.iter().map(|word| typed(Some(word), &column.base)).collect()
    }

    /// What policies, themselves or by functions, say where they name a column.
    fn texts_about(&self, column: &str, askers: &[RelationId]) -> Vec<String> {
        let policies = askers.iter().flat_map(|n| &self.catalog.relations[*n].policies);
        let texts = policies.flat_map(|policy| {
            let functions = policy
                .functions
                .iter()
                .filter_map(|oid| self.catalog.function(*oid));
            functions
                .map(|function| function.source.clone())
                .chain([policy.text()])
        });
        texts.filter(|text| text.contains(column)).collect()
    }
}

/// Values of a column's type that texts speak of, or that grant something by their name.
fn words_for(column: &Column, texts: &[String]) -> Vec<String> {
    let texts = texts.iter();
    match column.category {
        Category::Boolean => vec!["true".to_owned(), "false".to_owned()],
        Category::String | Category::Enum => {
            let powers = column.labels.iter().filter(|label| is_power(label));
            texts
                .flat_map(|text| words_in(text))
                .chain(powers.cloned())
                .collect()
        }
        Category::Numeric => texts
            .flat_map(|text| numbers_in(text))
            .chain(["1000".to_owned()])
            .collect(),
        _ => Vec::new(),
    }
}
