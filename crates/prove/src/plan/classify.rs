//! Says what a relation is: by the model, by the tenant column's name, or by what it is part of.

use super::{By, Class};
use crate::catalog::{Catalog, Relation, Rights};
use crate::extensions;
use crate::model::{self, Model};
use crate::part::Part;

/// How deep partitions and children are followed to their parents.
const DEPTH: usize = 10;

pub(super) fn classify(catalog: &Catalog, model: &Model, relation: &Relation, depth: usize) -> Class {
    if relation.is_planted() {
        return by_column("tenant");
    }
    if !relation.in_scope {
        // Behind a view or function a tenant's rows are a tenant's rows, wherever they are kept.
        let column = model.tenant.column();
        return match relation.column(column) {
            Some(_) if relation.is_table() => by_column(column),
            _ => Class::Outside,
        };
    }
    if let Some(class) = as_the_model_says(model, relation) {
        return class;
    }
    // A partition or child is what its parent is.
    if depth < DEPTH
        && let Some(parent) = relation.parents.first().and_then(|oid| catalog.relation(*oid))
        && parent.in_scope
    {
        return classify(catalog, model, parent, depth + 1);
    }
    by_itself(model, relation)
}

fn as_the_model_says(model: &Model, relation: &Relation) -> Option<Class> {
    if let Some(entry) = model.entry_of(relation) {
        return Some(match entry {
            entry if entry.public => Class::Public,
            entry if entry.internal => Class::Internal,
            entry => tenant(
                relation,
                entry.column.as_deref().unwrap_or(usual(model, relation, entry)),
            ),
        });
    }
    match &relation.part {
        Some(Part::Topic(_)) => return Some(tenant(relation, "topic")),
        Some(Part::Bucket(name)) => {
            return Some(Class::Unclassified(format!(
                "[buckets] of the model doesn't say whose the files of bucket {name} are, which policies name"
            )));
        }
        None => {}
    }
    let membership = model.tenant.membership.as_ref()?;
    model::is_name(&membership.table, &relation.schema, &relation.name)
        .then(|| tenant(relation, &membership.tenant))
}

/// The column that an entry means which names none.
fn usual<'m>(model: &'m Model, relation: &Relation, entry: &model::Relation) -> &'m str {
    match &relation.part {
        Some(Part::Bucket(_)) if entry.names.is_some() => "name",
        Some(Part::Bucket(_)) => "owner_id",
        _ => model.tenant.column(),
    }
}

fn by_itself(model: &Model, relation: &Relation) -> Class {
    if relation.column(model.tenant.column()).is_some() {
        return by_column(model.tenant.column());
    }
    if let Some(extension) = &relation.extension
        && (extensions::is_known(extension) || !relation.rights.values().any(Rights::any))
    {
        return Class::Outside;
    }
    Class::Unclassified(format!(
        "{} is not classified: it has no column {}, and the model doesn't name it",
        relation.label(),
        model.tenant.column()
    ))
}

fn tenant(relation: &Relation, column: &str) -> Class {
    if relation.column(column).is_some() {
        return by_column(column);
    }
    Class::Unclassified(format!(
        "the model names column {column}, which {} doesn't have",
        relation.label()
    ))
}

/// What the column names is found out later.
fn by_column(column: &str) -> Class {
    Class::Tenant {
        column: column.to_owned(),
        by: By::User,
    }
}
