//! Makes up rows for two tenants in every relation, so that not-null, check,
//! domain, enum, foreign-key, unique, generated and identity columns are satisfied; falls back on existing rows.

mod checks;
mod choose;
mod existing;
mod fixtures;
mod insert;
mod lawful;
mod lookups;
mod memberships;
mod order;
mod settle;
mod spares;
mod specs;
mod strangers;
mod ties;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Column, Relation};
use crate::conditions::Contents;
use crate::ids::RelationId;
use crate::people::{People, Who};
use crate::plan::Plan;
use crate::script::Script;
use crate::session::Session;
use crate::sql::idents;

pub(crate) use fixtures::{Belongs, Draft, Fixtures, Made, Row, RowSpec};
use insert::predicate;

/// Makes rows.
pub(crate) struct Seeder<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) people: &'a People,
    /// Texts of policies, views and functions that mention a relation.
    pub(crate) mentions: &'a [String],
    /// What rows must hold to be singled out.
    pub(crate) contents: &'a Contents,
    deferrable: Vec<settle::Deferrable>,
    /// References from which other references lead back.
    circles: BTreeSet<(RelationId, RelationId)>,
    /// Relations that get no rows, since those that they got violated a deferred constraint.
    unsettled: BTreeMap<RelationId, String>,
}

impl<'a> Seeder<'a> {
    pub(crate) fn new(
        session: &'a Session<'a>,
        catalog: &'a Catalog,
        plan: &'a Plan,
        people: &'a People,
        mentions: &'a [String],
        contents: &'a Contents,
    ) -> Self {
        Self {
            session,
            catalog,
            plan,
            people,
            mentions,
            contents,
            deferrable: Vec::new(),
            circles: BTreeSet::new(),
            unsettled: BTreeMap::new(),
        }
    }

    /// The rows that are there before the other tenant comes.
    async fn own_rows(&self, fixtures: &mut Fixtures) {
        self.lookups(fixtures).await;
        self.grounds(fixtures).await;
        for level in self.levels() {
            let specs = level
                .iter()
                .filter(|relation| {
                    !self.is_lookup(**relation) || fixtures.of(**relation, Belongs::Shared).next().is_none()
                })
                .flat_map(|relation| self.specs_of_own(*relation))
                .collect();
            self.insert(fixtures, specs).await;
        }
    }

    /// What parts of relations stand on: buckets.
    async fn grounds(&self, fixtures: &mut Fixtures) {
        let relations = self.catalog.relations.with_ids();
        let (parts, grounds): (Vec<RelationId>, Vec<String>) = relations
            .filter_map(|(n, relation)| Some((n, relation.part.as_ref()?.ground()?)))
            .unzip();
        let scripts = grounds
            .iter()
            .map(|ground| Script::default().act(ground))
            .collect();
        let outcomes = self.session.keep(scripts).await;
        for ((part, ground), outcome) in parts.into_iter().zip(grounds).zip(outcomes) {
            if outcome.is_ok() {
                fixtures.remember(part, ground);
            }
        }
    }

    /// The other tenant's rows, and nobody's.
    async fn others_rows(&self, fixtures: &mut Fixtures) {
        fixtures.others = true;
        for level in self.levels() {
            let specs = level
                .iter()
                .flat_map(|relation| self.specs_of_others(*relation))
                .collect();
            self.insert(fixtures, specs).await;
            self.fall_back(fixtures, &level).await;
        }
    }

    /// What is known of rows only when all are there.
    async fn finish(&self, fixtures: &mut Fixtures) {
        fixtures.complete = true;
        self.refresh(fixtures).await;
        for level in self.levels() {
            self.spares(fixtures, &level).await;
        }
    }

    /// Later rows may have changed earlier ones, by triggers: where are they now, and what do they hold?
    async fn refresh(&self, fixtures: &mut Fixtures) {
        let scripts = fixtures
            .rows
            .iter()
            .map(|row| {
                let home = &self.catalog.relations[row.home];
                let columns = idents(home.columns.iter().map(|column| column.name.as_str()));
                Script::default().ask(format!(
                    "select {columns}, {}, ctid from only {} where {} limit 1",
                    self.is_public(row.home),
                    home.sql(),
                    predicate(home, &row.values)
                ))
            })
            .collect();
        let mut outcomes = self.session.attempt(scripts).await.into_iter();
        fixtures.rows.retain_mut(|row| {
            let Some(Ok(mut rows)) = outcomes.next() else {
                return true;
            };
            let Some(mut values) = rows.pop() else {
                return false;
            };
            row.ctid = values.pop().flatten().unwrap_or_default();
            row.public = values.pop().flatten().as_deref() == Some("t");
            if !row.public && row.belongs == Belongs::Other && row.marker == self.people.third.marker {
                // It was to be public, and can't be: then it is some tenant's, who may have members among the attackers.
                row.belongs = Belongs::Shared;
            }
            let home = &self.catalog.relations[row.home];
            row.values = home
                .columns
                .iter()
                .map(|column| column.name.clone())
                .zip(values)
                .collect();
            true
        });
    }
}

fn is_unique(table: &Relation, column: &Column) -> bool {
    table.indexes.iter().any(|index| {
        (index.unique || index.exclusion)
            && (index.columns.iter().flatten().any(|name| *name == column.name) || index.expression)
    })
}
