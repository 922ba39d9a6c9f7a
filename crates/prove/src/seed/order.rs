//! Orders the making of rows. What is referred to comes first; circles are broken where a reference may be empty.

use crate::ids::RelationId;
use std::collections::BTreeSet;

use super::Seeder;

impl Seeder<'_> {
    /// Relations in the order in which they can be filled: what is referred to first.
    pub(super) fn levels(&self) -> Vec<Vec<RelationId>> {
        let all: Vec<RelationId> = self
            .catalog
            .relations
            .ids()
            .filter(|n| self.catalog.relations[*n].is_table())
            .collect();
        let mut done: BTreeSet<RelationId> = BTreeSet::new();
        let mut levels = Vec::new();
        // First every reference counts; where that leads in circles, only those that can't be left empty.
        while done.len() < all.len() {
            let open = || all.iter().copied().filter(|n| !done.contains(n));
            let ready = |strict: bool| -> Vec<RelationId> {
                open()
                    .filter(|n| self.needs(*n, strict).iter().all(|m| done.contains(m)))
                    .collect()
            };
            let mut level = ready(true);
            if level.is_empty() {
                level = ready(false).into_iter().take(1).collect();
            }
            if level.is_empty() {
                level = open().take(1).collect();
            }
            done.extend(&level);
            levels.push(level);
        }
        levels
    }

    pub(super) fn needs(&self, relation: RelationId, strict: bool) -> Vec<RelationId> {
        let table = &self.catalog.relations[relation];
        let mut needs: Vec<RelationId> = table
            .foreign_keys
            .iter()
            .filter(|key| {
                strict
                    || key
                        .columns
                        .iter()
                        .all(|name| table.column(name).is_some_and(|column| column.not_null))
            })
            .filter_map(|key| self.catalog.position(key.target))
            .filter(|target| *target != relation)
            .flat_map(|target| {
                if self.is_split(target) {
                    self.partitions(target)
                } else {
                    vec![target]
                }
            })
            .collect();
        needs.retain(|target| *target != relation);
        needs
    }

    pub(super) fn partitions(&self, relation: RelationId) -> Vec<RelationId> {
        let oid = self.catalog.relations[relation].oid;
        self.catalog
            .relations
            .ids()
            .filter(|n| self.catalog.relations[*n].parents.contains(&oid))
            .collect()
    }
}
