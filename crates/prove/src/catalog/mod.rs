//! Reads what is there: relations, functions and roles as the catalog holds them, in one round trip.

mod category;
mod function;
pub(crate) mod relation;
mod split;

use std::collections::HashMap;

use serde::Deserialize;

use crate::Error;
use crate::extensions::{self, InReach};
use crate::ids::{ById, FunctionId, RelationId};
use crate::model::Model;
use crate::script::Outcome;
use crate::session::Session;
use crate::sql::{Oid, array};

pub(crate) use category::Category;
pub(crate) use function::{Argument, Function, Role, Volatility};
pub(crate) use relation::{
    CONTROLS, Column, Command, Elsewhere, ForeignKey, Identity, Index, Policy, Relation, RelationKind, Rights,
};
pub(crate) use split::named_buckets;

/// The database's catalog, as far as tenancy is concerned.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) relations: ById<RelationId, Relation>,
    by_oid: HashMap<Oid, RelationId>,
    pub(crate) functions: ById<FunctionId, Function>,
    pub(crate) roles: Vec<Role>,
    pub(crate) extensions: Vec<InReach>,
    /// Tables outside the schemas that policies open to API roles.
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// Schema, name and roles of free sequences that an API role may use.
    pub(crate) sequences: Vec<(String, String, String)>,
    /// Schemas that extend an API request's search path.
    pub(crate) has_extensions_schema: bool,
    /// A login that becomes the API roles: PostgREST's or the service's.
    pub(crate) login: Option<String>,
    /// More of them.
    pub(crate) other_logins: Vec<String>,
    /// What PostgREST calls before each request, as SQL.
    pub(crate) before_requests: Option<String>,
    /// Views and functions over rows that lie on other nodes.
    pub(crate) away: Vec<String>,
}

/// A statement with what it is about.
fn filled(sql: &str, schemas: &[&str], named: &[String], model: &Model) -> String {
    extensions::fill(sql)
        .replace("{schemas}", &array(schemas.iter().copied()))
        .replace("{named}", &array(named.iter().map(String::as_str)))
        .replace("{roles}", &array(model.roles.iter().map(String::as_str)))
}

/// Where relations are; of several parts the first.
fn by_oid(relations: &ById<RelationId, Relation>) -> HashMap<Oid, RelationId> {
    let places = relations.with_ids().rev();
    places.map(|(n, relation)| (relation.oid, n)).collect()
}

impl Catalog {
    /// Reads it.
    pub(crate) async fn load(session: &Session<'_>, model: &Model) -> Result<Self, Error> {
        let schemas: Vec<&str> = model.schemas.iter().map(String::as_str).collect();
        let fill = |sql: &str| filled(sql, &schemas, &model.named_elsewhere(), model);
        let surroundings = fill(include_str!("../../sql/surroundings.sql"));
        let mut answers = session
            .all(vec![
                fill(include_str!("../../sql/relations.sql")),
                fill(include_str!("../../sql/functions.sql")),
                fill(include_str!("../../sql/roles.sql")),
                fill(include_str!("../../sql/extensions.sql")),
                fill(include_str!("../../sql/elsewhere.sql")),
                fill(include_str!("../../sql/sequences.sql")),
                surroundings,
            ])
            .await
            .into_iter();
        let mut next = || answers.next().unwrap_or_else(|| Ok(Vec::new()));
        let mut relations = split::split(documents(next())?, model);
        let mut functions = documents(next())?;
        let away = session.here.keep(&mut relations, &mut functions);
        let (relations, functions) = (ById::from(relations), ById::from(functions));
        let roles = documents(next())?;
        let extensions = documents(next())?;
        let elsewhere = documents(next())?;
        let text = |value: Option<String>| value.unwrap_or_default();
        let sequences = rows(next())?
            .into_iter()
            .filter_map(|row| {
                let mut row = row.into_iter();
                Some((text(row.next()?), text(row.next()?), text(row.next()?)))
            })
            .collect();
        let surroundings = rows(next())?.pop().unwrap_or_default();
        let logins = surroundings.get(1).cloned().flatten().unwrap_or_default();
        let mut logins = serde_json::from_str::<Vec<String>>(&logins)
            .unwrap_or_default()
            .into_iter();
        Ok(Self {
            by_oid: by_oid(&relations),
            relations,
            functions,
            roles,
            extensions,
            elsewhere,
            sequences,
            has_extensions_schema: surroundings.first().cloned().flatten().as_deref() == Some("t"),
            login: logins.next(),
            other_logins: logins.collect(),
            before_requests: surroundings.get(2).cloned().flatten(),
            away,
        })
    }

    /// Reads what has been planted.
    pub(crate) async fn add_controls(&mut self, session: &Session<'_>, model: &Model) -> Result<(), Error> {
        let planted = filled(include_str!("../../sql/relations.sql"), &[CONTROLS], &[], model);
        let mut answers = session.all(vec![planted]).await;
        let planted: Vec<Relation> = documents(answers.pop().unwrap_or_else(|| Ok(Vec::new())))?;
        self.relations.extend(planted);
        self.by_oid = by_oid(&self.relations);
        Ok(())
    }

    /// The position of a relation.
    pub(crate) fn position(&self, oid: Oid) -> Option<RelationId> {
        self.by_oid.get(&oid).copied()
    }

    pub(crate) fn relation(&self, oid: Oid) -> Option<&Relation> {
        Some(&self.relations[self.position(oid)?])
    }

    /// The position of a relation by its name in the model.
    pub(crate) fn named(&self, name: &str) -> Option<RelationId> {
        self.relations
            .position(|relation| crate::model::is_name(name, &relation.schema, &relation.name))
    }

    /// A trigger of a table's that acts outside the database, and how: whoever writes sets it off, rollback or not.
    pub(crate) fn outward_trigger(&self, relation: &Relation) -> Option<(String, &'static str)> {
        relation.triggers.iter().find_map(|trigger| {
            Some((
                trigger.name.clone(),
                self.acts_outside(self.function(trigger.function)?, 0)?,
            ))
        })
    }

    /// Whether no row can be there: a check is always false, of the table itself or of one that each row refers to.
    pub(crate) fn admits_no_row(&self, at: RelationId, depth: usize) -> bool {
        let table = &self.relations[at];
        let is_set = |name: &String| table.column(name).is_some_and(|column| column.not_null);
        table
            .checks
            .iter()
            .any(|check| check.valid && check.expression == "false")
            || depth < 4
                && table.foreign_keys.iter().any(|key| {
                    let target = self.position(key.target);
                    key.columns.iter().all(is_set)
                        && target.is_some_and(|next| self.admits_no_row(next, depth + 1))
                })
    }

    pub(crate) fn function(&self, oid: Oid) -> Option<&Function> {
        self.functions.iter().find(|function| function.oid == oid)
    }

    /// Whether a body says a word, itself or by a function that it names.
    pub(crate) fn says(&self, source: &str, word: &str, depth: usize) -> bool {
        source.to_lowercase().contains(word)
            || depth < 4
                && self.functions.iter().any(|other| {
                    source != other.source
                        && source.contains(&format!("{}(", other.name))
                        && self.says(&other.source, word, depth + 1)
                })
    }

    /// Whether policies of a relation speak of another, themselves or by a function that they call.
    pub(crate) fn asks(&self, relation: RelationId, asked: RelationId) -> bool {
        let name = self.relations[asked].name.as_str();
        self.relations[relation].policies.iter().any(|policy| {
            let mut functions = policy.functions.iter().filter_map(|oid| self.function(*oid));
            policy.text().contains(name) || functions.any(|function| function.source.contains(name))
        })
    }

    /// Whether a policy calls what isn't here to be read: an extension's function.
    pub(crate) fn has_opaque_policies(&self) -> bool {
        let policies = self.relations.iter().flat_map(|relation| &relation.policies);
        policies
            .flat_map(|policy| &policy.functions)
            .any(|oid| self.function(*oid).is_none())
    }

    /// Texts in which policies, views and functions say what they distinguish.
    pub(crate) fn mentions(&self) -> Vec<String> {
        let policies = self.relations.iter().flat_map(|relation| {
            relation
                .policies
                .iter()
                .map(move |policy| format!("{} {}", relation.name, policy.text()))
        });
        let views = self
            .relations
            .iter()
            .filter_map(|relation| relation.definition.clone());
        let functions = self.functions.iter().map(|function| function.source.clone());
        policies.chain(views).chain(functions).collect()
    }

    /// Everything that a relation leads to: through a view's tables, and further.
    pub(crate) fn beneath(&self, start: RelationId) -> Vec<RelationId> {
        let mut found = Vec::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            for next in self.relations[at]
                .reads
                .iter()
                .filter_map(|oid| self.position(*oid))
            {
                if !found.contains(&next) && next != start {
                    found.push(next);
                    open.push(next);
                }
            }
        }
        found
    }
}

fn rows(outcome: Outcome) -> Result<Vec<crate::script::Row>, Error> {
    outcome.map_err(|refusal| Error::Database {
        code: refusal.code,
        message: refusal.message,
    })
}

fn documents<T: for<'de> Deserialize<'de>>(outcome: Outcome) -> Result<Vec<T>, Error> {
    rows(outcome)?
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .map(|text| serde_json::from_str(&text).map_err(|error| Error::Catalog(error.to_string())))
        .collect()
}
