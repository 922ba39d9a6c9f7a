//! Reads what a table's rights, columns and indexes say by themselves.

use super::asked::{flag, may, of_catalog};
use crate::assessment::Assessment;
use crate::catalog::{Catalog, Command, Identity, Index, Relation};
use crate::ids::RelationId;
use crate::plan::Plan;
use crate::rules;
use crate::sql::{ident, literal};

pub(super) fn grants(relation: &Relation, about: &mut Assessment) {
    for (role, rights) in relation.rights.iter().filter(|(_, rights)| rights.usage) {
        if relation.is_table() && rights.truncate {
            about.find(
                rules::TRUNCATE_GRANTED,
                format!("{role} may TRUNCATE {}, to which no policy applies; neither PostgREST nor Mako offers it, but a function could", relation.label()),
                may(role, relation, "truncate"),
            );
        }
        if relation.is_table() && (rights.references || rights.trigger) {
            about.find(
                rules::LEGACY_GRANTS,
                format!(
                    "{role} has REFERENCES or TRIGGER on {}, a leftover of GRANT ALL",
                    relation.label()
                ),
                may(role, relation, "references, trigger"),
            );
        }
    }
}

pub(super) fn public(relation: &Relation, about: &mut Assessment) {
    for (role, rights) in &relation.rights {
        let bound = relation.rls && !rights.owner;
        let writable = |command| {
            !bound
                || relation
                    .policies
                    .iter()
                    .any(|policy| policy.permissive && policy.applies && policy.is_for(command))
        };
        if relation.is_table()
            && (rights.inserts() && writable(Command::Insert)
                || rights.updates() && writable(Command::Update)
                || rights.deletes() && writable(Command::Delete))
        {
            about.find(
                rules::PUBLIC_RELATION_WRITABLE,
                format!("{role} may write {}, which everybody reads", relation.label()),
                may(role, relation, "insert, update, delete"),
            );
        }
    }
}

pub(super) fn tenant_table(
    relation: &Relation,
    column: &str,
    plan: &Plan,
    n: RelationId,
    catalog: &Catalog,
    about: &mut Assessment,
) {
    no_index(relation, column, about);
    if relation.rls && !relation.forced && !relation.owner_bypasses {
        about.find(
            rules::NOT_FORCED,
            format!(
                "{} belongs to {}, whom policies don't bind without FORCE",
                relation.label(),
                relation.owner
            ),
            flag("not relforcerowsecurity", relation),
        );
    }
    if relation.column(column).is_some_and(|column| !column.not_null) {
        about.find(
            rules::NULLABLE_TENANT,
            format!(
                "{column} of {} may be null: rows may belong to nobody",
                relation.label()
            ),
            format!(
                "select not attnotnull from pg_attribute where attrelid = {}::regclass and attname = {}",
                literal(&relation.sql()),
                literal(column)
            ),
        );
    }
    if !plan.is_identity(catalog, n) {
        unscoped(relation, column, plan, n, about);
    }
}

/// Without an index that is led by the tenant column every statement reads everybody's rows.
fn no_index(relation: &Relation, column: &str, about: &mut Assessment) {
    let leads = |first: &Option<String>| first.as_deref() == Some(column);
    let led = |index: &Index| !index.partial && index.columns.first().is_some_and(leads);
    if !relation.indexes.iter().any(led) {
        about.find(
            rules::NO_TENANT_INDEX,
            format!(
                "No index of {} is led by {column}: every statement of a tenant's reads the whole table",
                relation.label()
            ),
            format!(
                "select not exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] \
                 where i.indrelid = {}::regclass and i.indpred is null and a.attname = {})",
                literal(&relation.sql()),
                literal(column)
            ),
        );
    }
}

/// What no two rows may hold alike, whosever they are.
fn unscoped(relation: &Relation, column: &str, plan: &Plan, n: RelationId, about: &mut Assessment) {
    let named = relation.label();
    for index in relation
        .indexes
        .iter()
        .filter(|index| (index.unique || index.exclusion) && !index.primary)
    {
        let columns: Vec<&str> = index.columns.iter().flatten().map(String::as_str).collect();
        let scoped = columns.contains(&column)
            || columns.iter().any(|name| {
                plan.meaning(n, name).is_some()
                    || relation
                        .column(name)
                        .is_some_and(|c| c.base_name == "uuid" || c.sequence || c.identity != Identity::None)
            });
        let what = if index.unique {
            "is unique"
        } else {
            "excludes what is alike"
        };
        if !scoped {
            about.find(rules::UNSCOPED_UNIQUE, format!("Index {} of {named} {what} over all tenants: an insert that is refused tells that another has the value", index.name), of_catalog("indisunique or indisexclusion, pg_get_indexdef(indexrelid)", "pg_index", &format!("{}.{}", ident(&relation.schema), ident(&index.name)), "regclass"));
        }
    }
}
