//! What of a spread database lies on the node that a session is connected to.
//!
//! Citus dials a node anew for every role, and that session doesn't see what another made up in this transaction. A shard is
//! a table with the policies and rights of the whole, so it is attacked where it lies, as a table of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Function, Relation, RelationKind};
use crate::model::Model;
use crate::sql::Oid;

/// A table whose rows lie in shards.
#[derive(Debug)]
pub(super) struct Spread {
    pub(super) schema: String,
    pub(super) name: String,
    /// Each node has all its rows.
    pub(super) copied: bool,
    /// Those of its shards that lie here, with their schema and name.
    pub(super) shards: BTreeMap<Oid, (String, String)>,
}

/// The spread tables, and their shards on this node.
#[derive(Debug, Default)]
pub(crate) struct Here {
    pub(super) tables: BTreeMap<Oid, Spread>,
    /// Shards that don't say what their table says.
    pub(crate) differing: Vec<String>,
}

impl Here {
    /// The model, with each shard classified as its table is.
    pub(crate) fn classified(&self, model: &Model) -> Model {
        let mut classified = model.clone();
        for table in self.tables.values() {
            let Some(entry) = model.entry(&table.schema, &table.name) else {
                continue;
            };
            for (schema, name) in table.shards.values() {
                let name = format!("{schema}.{name}");
                classified.relations.insert(name, entry.clone());
            }
        }
        classified
    }

    /// Leaves shards in place of spread tables, and no view or function over rows that lie elsewhere; names those.
    pub(crate) fn keep(&self, relations: &mut Vec<Relation>, functions: &mut Vec<Function>) -> Vec<String> {
        if self.tables.is_empty() {
            return Vec::new();
        }
        relations.retain(|relation| !self.tables.contains_key(&relation.oid));
        let mut away = self.leave_views(relations);
        away.extend(self.leave_functions(relations, functions));
        for relation in relations.iter_mut() {
            let reads = std::mem::take(&mut relation.reads).into_iter();
            relation.reads = reads.flat_map(|oid| self.instead_of(oid)).collect();
        }
        away
    }

    fn leave_views(&self, relations: &mut Vec<Relation>) -> Vec<String> {
        let mut away: BTreeSet<Oid> = self.away().map(|(oid, _)| oid).collect();
        let mut names = Vec::new();
        let mut before = usize::MAX;
        while relations.len() < before {
            before = relations.len();
            relations.retain(|relation| {
                let leave = relation.kind == RelationKind::View
                    && relation.reads.iter().any(|oid| away.contains(oid));
                if leave {
                    away.insert(relation.oid);
                    names.push(relation.label());
                }
                !leave
            });
        }
        names
    }

    /// Of functions that speak of rows elsewhere those stay that speak of rows here as well.
    fn leave_functions(&self, relations: &[Relation], functions: &mut Vec<Function>) -> Vec<String> {
        let says = |function: &Function, schema: &str, name: &str| {
            function.source.contains(&format!("{schema}.{name}"))
        };
        let mut names = Vec::new();
        functions.retain(|function| {
            let leave = function.is_callable()
                && self
                    .away()
                    .any(|(_, table)| says(function, &table.schema, &table.name))
                && !relations
                    .iter()
                    .any(|relation| says(function, &relation.schema, &relation.name));
            if leave {
                names.push(function.label());
            }
            !leave
        });
        names
    }

    /// Tables of which nothing lies here.
    fn away(&self) -> impl Iterator<Item = (Oid, &Spread)> {
        let tables = self.tables.iter().map(|(oid, table)| (*oid, table));
        tables.filter(|(_, table)| table.shards.is_empty())
    }

    fn instead_of(&self, oid: Oid) -> Vec<Oid> {
        self.tables
            .get(&oid)
            .map_or_else(|| vec![oid], |table| table.shards.keys().copied().collect())
    }

    /// Whether nothing is spread.
    pub(crate) fn is_all(&self) -> bool {
        self.tables.is_empty()
    }
}
