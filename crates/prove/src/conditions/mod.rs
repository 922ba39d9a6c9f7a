//! Finds the rows that policies, views and functions single out by content. Their expressions are parsed, and solved
//! for the columns of a table: each way to make one true is a row to be made.

pub(crate) mod body;
mod constant;
mod fact;
mod logic;
mod operator;
mod scope;
mod solve;
mod target;
mod user;

use std::collections::{BTreeMap, HashMap};

use crate::catalog::{Catalog, Column, Identity, Relation, RelationKind};
use crate::ids::RelationId;
use crate::plan::{Class, Plan};
use crate::values::is_power;
use fact::Holder;
use logic::{Alternatives, alternatives, any_of_query};
use scope::Scope;

pub(crate) use logic::is_always_true;
pub(crate) use user::is_user;

/// The most rows that are made for one relation by its content.
const MOST: usize = 6;

/// Columns and the SQL of what they hold.
pub(crate) type Content = BTreeMap<String, String>;

/// What rows must hold to be singled out, by relation.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    all: HashMap<RelationId, Vec<Content>>,
    /// By the relation's own policies.
    own: HashMap<RelationId, Vec<Content>>,
    claims: Vec<Claims>,
}

/// Claims of a token that together meet a policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claims {
    pub(crate) relation: RelationId,
    /// The policy's name.
    pub(crate) policy: String,
    /// JSON, by the path that leads to it.
    pub(crate) values: BTreeMap<String, String>,
}

impl Claims {
    /// Whether users can give themselves all of them.
    pub(crate) fn are_free(&self) -> bool {
        self.values.keys().all(|path| {
            path.starts_with("user_metadata.") || ["aal", "is_anonymous"].contains(&path.as_str())
        })
    }
}

impl Contents {
    /// Reads every expression of the catalog.
    pub(crate) fn of(catalog: &Catalog, plan: &Plan) -> Self {
        let mut contents = Self::default();
        for (n, relation) in catalog.relations.with_ids() {
            for policy in &relation.policies {
                for text in [&policy.using_expression, &policy.check_expression]
                    .into_iter()
                    .flatten()
                {
                    if let Some(expression) = body::expression(text) {
                        let found = alternatives(&expression, true, &Scope::of_table(catalog, n));
                        contents.claim(n, &policy.name, &found);
                        contents.add(catalog, plan, Some(n), found);
                    }
                }
            }
            for query in relation.definition.iter().flat_map(|text| body::queries(text)) {
                contents.add(
                    catalog,
                    plan,
                    None,
                    any_of_query(&query, &Scope::outermost(catalog)),
                );
            }
        }
        for function in catalog.functions.iter().filter(|function| function.is_callable()) {
            let scope = Scope::outermost(catalog);
            for piece in body::pieces(&function.source) {
                contents.add(catalog, plan, None, piece.alternatives(true, &scope));
            }
        }
        contents
    }

    /// What rows of a relation are to hold.
    pub(crate) fn about(&self, relation: RelationId) -> &[Content] {
        self.all.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// The same of the attacker's own rows: what makes a row more powerful, in a table of roles say, it must not hold.
    pub(crate) fn about_own(&self, relation: RelationId) -> &[Content] {
        self.own.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// Claims that policies ask for beside who it is.
    pub(crate) fn claims(&self) -> &[Claims] {
        &self.claims
    }

    fn claim(&mut self, relation: RelationId, policy: &str, found: &Alternatives) {
        // What decides the role of the database isn't the attacker's to choose.
        const FIXED: [&str; 6] = ["", "role", "sub", "iss", "aud", "exp"];
        for facts in found {
            let claims = facts
                .iter()
                .filter(|fact| fact.holder == Holder::Claims && !FIXED.contains(&fact.column.as_str()));
            let values: BTreeMap<String, String> = claims
                .map(|fact| (fact.column.clone(), fact.value.clone()))
                .collect();
            let claims = Claims {
                relation,
                policy: policy.to_owned(),
                values,
            };
            if !claims.values.is_empty() && !self.claims.contains(&claims) {
                self.claims.push(claims);
            }
        }
    }

    /// `home` is the relation whose policy is read.
    fn add(&mut self, catalog: &Catalog, plan: &Plan, home: Option<RelationId>, found: Alternatives) {
        for facts in found {
            let mut by_relation: BTreeMap<RelationId, Content> = BTreeMap::new();
            for fact in facts {
                if let Holder::Relation(relation) = fact.holder
                    && is_content(catalog, plan, relation, &fact.column)
                {
                    by_relation
                        .entry(relation)
                        .or_default()
                        .insert(fact.column, fact.value);
                }
            }
            for (relation, content) in by_relation {
                let Some(content) = catalog.relations[relation].content_in_part(content) else {
                    continue;
                };
                let harmless = !content.values().any(|value| is_power(value));
                for holder in holders(catalog, relation) {
                    remember(&mut self.all, holder, &content);
                    let meets = content.values().any(|value| target::is_alike(value));
                    if (home == Some(relation) || meets) && harmless {
                        remember(&mut self.own, holder, &content);
                    }
                }
            }
        }
    }
}

/// The column, and its content, that makes a generated column hold a value.
pub(crate) fn source(
    catalog: &Catalog,
    relation: RelationId,
    generated: &Column,
    value: &str,
) -> Option<(String, String)> {
    let made = generated.default.as_ref().filter(|_| generated.generated)?;
    let equal = body::expression(&format!("({made}) = {value}"))?;
    let ways = alternatives(&equal, true, &Scope::of_table(catalog, relation));
    let fact = ways.into_iter().flatten().next()?;
    Some((fact.column, fact.value))
}

fn remember(contents: &mut HashMap<RelationId, Vec<Content>>, relation: RelationId, content: &Content) {
    let known = contents.entry(relation).or_default();
    if known.len() < MOST && !known.contains(content) {
        known.push(content.clone());
    }
}

/// Whether a column may be chosen: what names users and tenants says whose a row is.
fn is_content(catalog: &Catalog, plan: &Plan, relation: RelationId, column: &str) -> bool {
    let table: &Relation = &catalog.relations[relation];
    table.is_table()
        && !table.is_planted()
        && matches!(plan.classes[relation], Class::Tenant { .. } | Class::Internal)
        && plan
            .tenant_column(relation)
            .is_none_or(|(name, _)| name != column)
        && plan.meaning(relation, column).is_none()
        && table
            .column(column)
            .is_some_and(|column| !column.generated && column.identity == Identity::None)
}

/// A table, or the partitions that hold its rows.
fn holders(catalog: &Catalog, relation: RelationId) -> Vec<RelationId> {
    let table = &catalog.relations[relation];
    let mut holders = vec![relation];
    if table.kind == RelationKind::Partitioned {
        holders.extend(catalog.relations.ids().filter(|n| {
            let child = &catalog.relations[*n];
            child.is_partition && child.parents.contains(&table.oid)
        }));
    }
    holders
}
