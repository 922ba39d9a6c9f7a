//! Classifies every relation by the model, and finds out which columns name a user or a tenant.

mod classify;
mod meaning;

use std::collections::HashMap;

use crate::catalog::Catalog;
use crate::ids::{ById, RelationId};
use crate::model::{Model, ThirdParty};
use crate::naming::{Names, Naming};
use crate::part::Part;
use crate::sql::typed;
use classify::classify;

/// What the model says of a relation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// Rows belong to the tenant that this column names.
    Tenant {
        /// The column.
        column: String,
        /// What it names.
        by: By,
    },
    /// Everybody may read it.
    Public,
    /// No API role may reach it.
    Internal,
    /// Outside the schemas; only there because others refer to it.
    Outside,
    /// Nobody said.
    Unclassified(String),
}

/// What a tenant column names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum By {
    /// A user.
    User,
    /// A tenant with members.
    Tenant,
    /// A row of another relation, whose tenant it is.
    Parent,
}

/// The classification, and what columns mean.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) classes: ById<RelationId, Class>,
    meanings: HashMap<(RelationId, String), Names>,
    /// Position of the membership table with its user and tenant columns.
    pub(crate) membership: Option<(RelationId, String, String)>,
    /// Columns that name users who may read a row that isn't theirs, by relation.
    readers: HashMap<RelationId, Vec<String>>,
    /// Columns whose content nobody knows for whom the row isn't, by relation.
    secrets: HashMap<RelationId, Vec<String>>,
    /// Conditions on rows that everybody may read, by relation.
    pub(crate) public_where: HashMap<RelationId, String>,
    /// How the tenant column names whose a row is, where that isn't by an id alone.
    namings: HashMap<RelationId, Naming>,
    /// How far apps reach that users let in, by relation.
    third_party: HashMap<RelationId, ThirdParty>,
}

type Place = (RelationId, String);

impl Plan {
    pub(crate) fn new(catalog: &Catalog, model: &Model) -> Self {
        let membership = model.tenant.membership.as_ref().and_then(|membership| {
            let at = catalog.named(&membership.table)?;
            let table = &catalog.relations[at];
            table.column(&membership.user)?;
            table.column(&membership.tenant)?;
            Some((at, membership.user.clone(), membership.tenant.clone()))
        });
        let mut plan = Self {
            classes: Vec::new().into(),
            meanings: HashMap::new(),
            membership,
            readers: HashMap::new(),
            secrets: secrets(catalog, model),
            public_where: HashMap::new(),
            namings: namings(catalog, model),
            third_party: third_party(catalog, model),
        };
        plan.classes = catalog
            .relations
            .iter()
            .map(|relation| classify(catalog, model, relation, 0))
            .collect();
        plan.mean(catalog, model);
        plan.read_by_others(catalog, model);
        plan
    }

    /// How the tenant column of a relation names whose a row is, if not by an id alone.
    pub(crate) fn naming(&self, relation: RelationId) -> Option<&Naming> {
        self.namings.get(&relation)
    }

    /// Whom a text of the tenant column names, as SQL.
    pub(crate) fn whose(&self, relation: RelationId, text: &str) -> String {
        self.naming(relation)
            .map_or_else(|| text.to_owned(), |naming| naming.id_in(text))
    }

    /// The type of what [`Self::whose`] answers.
    pub(crate) fn type_of_whose<'k>(&self, relation: RelationId, kind: &'k str) -> &'k str {
        if self.naming(relation).is_some() {
            "text"
        } else {
            kind
        }
    }

    /// What the tenant column holds for somebody, as SQL; `rest` makes a longer text one of its own.
    pub(crate) fn tenant_value(&self, relation: RelationId, id: &str, rest: &str, kind: &str) -> String {
        let text = self
            .naming(relation)
            .map_or_else(|| id.to_owned(), |naming| naming.text(id, rest));
        typed(Some(&text), kind)
    }

    /// Whether everybody may read every row.
    pub(crate) fn is_read_by_all(&self, relation: RelationId) -> bool {
        let condition = self.public_where.get(&relation);
        condition.is_some_and(|condition| condition.trim().eq_ignore_ascii_case("true"))
    }

    /// Columns that name users who may read a row that isn't theirs.
    pub(crate) fn readers(&self, relation: RelationId) -> &[String] {
        self.readers.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// Columns whose content nobody knows for whom the row isn't.
    pub(crate) fn secrets(&self, relation: RelationId) -> &[String] {
        self.secrets.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// How far an app reaches that a user let in, where the model says so.
    pub(crate) fn third_party(&self, relation: RelationId) -> Option<ThirdParty> {
        self.third_party.get(&relation).copied()
    }

    /// What others may read on purpose: what the model says of it, and shares: rows that each give one user another
    /// tenant's row.
    fn read_by_others(&mut self, catalog: &Catalog, model: &Model) {
        for (at, relation) in catalog.relations.with_ids() {
            let Some((column, by)) = self.tenant_column(at) else {
                continue;
            };
            let entry = model.entry_of(relation);
            let mut readers = entry.map(|entry| entry.readers.clone()).unwrap_or_default();
            readers.retain(|name| relation.column(name).is_some());
            if readers.is_empty() && by == By::Parent {
                let pairs = relation
                    .indexes
                    .iter()
                    .filter_map(|index| index.pair_with(column));
                readers.extend(
                    pairs
                        .filter(|name| self.meaning(at, name) == Some(Names::User))
                        .map(str::to_owned)
                        .take(1),
                );
            }
            let public_where = entry.and_then(|entry| entry.public_where.clone());
            self.readers.insert(at, readers);
            self.public_where
                .extend(public_where.map(|condition| (at, condition)));
        }
    }

    /// What a column names, if it names a user or tenant.
    pub(crate) fn meaning(&self, relation: RelationId, column: &str) -> Option<Names> {
        self.meanings.get(&(relation, column.to_owned())).copied()
    }

    /// The tenant column of a relation.
    pub(crate) fn tenant_column(&self, relation: RelationId) -> Option<(&str, By)> {
        match &self.classes[relation] {
            Class::Tenant { column, by } => Some((column, *by)),
            _ => None,
        }
    }

    /// Whether each row of it is a user or tenant, rather than belonging to one.
    pub(crate) fn is_identity(&self, catalog: &Catalog, relation: RelationId) -> bool {
        let Some((column, by)) = self.tenant_column(relation) else {
            return false;
        };
        by != By::Parent
            && catalog.relations[relation].indexes.iter().any(|index| {
                index.unique
                    && !index.partial
                    && index.columns.len() == 1
                    && index.columns[0].as_deref() == Some(column)
            })
    }

    /// Columns with a type, of each meaning.
    pub(crate) fn places(&self, names: Names) -> impl Iterator<Item = &Place> {
        self.meanings
            .iter()
            .filter(move |(_, meaning)| **meaning == names)
            .map(|(place, _)| place)
    }
}

fn secrets(catalog: &Catalog, model: &Model) -> HashMap<RelationId, Vec<String>> {
    let relations = catalog.relations.with_ids();
    let secrets =
        relations.filter_map(|(at, relation)| Some((at, model.entry_of(relation)?.secrets.clone())));
    secrets.filter(|(_, columns)| !columns.is_empty()).collect()
}

fn third_party(catalog: &Catalog, model: &Model) -> HashMap<RelationId, ThirdParty> {
    let relations = catalog.relations.with_ids();
    let kept = relations.filter_map(|(at, relation)| Some((at, model.entry_of(relation)?.third_party?)));
    kept.collect()
}

/// How tenant columns name whose a row is, where that isn't by an id alone.
fn namings(catalog: &Catalog, model: &Model) -> HashMap<RelationId, Naming> {
    let relations = catalog.relations.with_ids();
    let namings = relations.filter_map(|(at, relation)| {
        let said = || model.entry_of(relation)?.names.as_ref();
        match &relation.part {
            Some(Part::Topic(naming)) => Some((at, naming)),
            _ => Some((at, said()?)),
        }
    });
    namings
        .filter(|(_, naming)| !naming.is_plain())
        .map(|(at, naming)| (at, naming.clone()))
        .collect()
}
