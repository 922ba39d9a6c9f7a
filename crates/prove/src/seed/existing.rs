//! Finds rows that are there already: those that a trigger was faster to make, and else those of real tenants.

use std::collections::BTreeMap;

use super::{Belongs, Draft, Fixtures, Row, Seeder};
use crate::conditions::Content;
use crate::ids::RelationId;
use crate::naming::Names;
use crate::plan::Class;
use crate::script::Script;
use crate::sql::{ident, idents};

impl Seeder<'_> {
    /// Rows that a trigger was faster to make, found by the person that they name.
    pub(super) async fn adopt(&self, fixtures: &mut Fixtures, drafts: Vec<Draft>) {
        let found: Vec<(Draft, String)> = drafts
            .into_iter()
            .filter_map(|draft| {
                let found_by = self.found_by(&draft)?;
                Some((draft, found_by))
            })
            .collect();
        self.change_to_be_theirs(fixtures, &found).await;
        let scripts = found
            .iter()
            .map(|(draft, found_by)| self.look_for(draft.relation, found_by))
            .collect();
        let outcomes = self.session.attempt(scripts).await;
        for ((draft, _), outcome) in found.into_iter().zip(outcomes) {
            if let Ok(rows) = outcome
                && !rows.is_empty()
                && !is_known(fixtures, &draft)
            {
                self.note(fixtures, &draft, rows, false);
            }
        }
    }

    /// A condition that finds the row that was made instead of a draft's.
    fn found_by(&self, draft: &Draft) -> Option<String> {
        let column = self.naming_column(draft.relation)?;
        let value = draft.columns.get(&column)?;
        Some(format!("{} = {value}", ident(&column)))
    }

    /// Gives them the keys and the content of the rows that they stand for, as far as the database lets the owner.
    async fn change_to_be_theirs(&self, fixtures: &mut Fixtures, found: &[(Draft, String)]) {
        let mut changes = Vec::new();
        for (draft, found_by) in found {
            let table = self.catalog.relations[draft.relation].sql();
            for content in [self.given_key(fixtures, draft), draft.content.clone()] {
                let set: Vec<String> = content
                    .iter()
                    .map(|(name, value)| format!("{} = {value}", ident(name)))
                    .collect();
                if !set.is_empty() {
                    let change = format!("update {table} set {} where {found_by}", set.join(", "));
                    changes.push((draft.relation, change));
                }
            }
        }
        let scripts = changes
            .iter()
            .map(|(_, change)| Script::default().act(change))
            .collect();
        let outcomes = self.session.keep(scripts).await;
        for ((relation, change), outcome) in changes.into_iter().zip(outcomes) {
            if outcome.is_ok() {
                fixtures.remember(relation, change);
            }
        }
    }

    /// Asks for the first row of a relation of which something holds.
    fn look_for(&self, relation: RelationId, condition: &str) -> Script {
        let table = &self.catalog.relations[relation];
        Script::default().ask(format!(
            "select {}, ctid from only {} where {condition} limit 1",
            idents(table.columns.iter().map(|column| column.name.as_str())),
            table.sql()
        ))
    }

    /// The key that a trigger's row was to have: one that is drawn at random is another when the row is made again.
    fn given_key(&self, fixtures: &Fixtures, draft: &Draft) -> Content {
        if is_known(fixtures, draft) {
            return Content::new();
        }
        let found_by = self.naming_column(draft.relation);
        let key = self.catalog.relations[draft.relation].key().unwrap_or_default();
        let given = key.into_iter().filter(|name| found_by.as_deref() != Some(*name));
        given
            .filter_map(|name| Some((name.to_owned(), draft.columns.get(name)?.clone())))
            .collect()
    }

    /// The column by which rows of a relation name somebody: their tenant, or else a user or a tenant.
    fn naming_column(&self, relation: RelationId) -> Option<String> {
        let tenant = self
            .plan
            .tenant_column(relation)
            .map(|(column, _)| column.to_owned());
        let names = |names| {
            let mut columns = self.catalog.relations[relation].columns.iter();
            let column = columns.find(|column| self.plan.meaning(relation, &column.name) == Some(names));
            column.map(|column| column.name.clone())
        };
        tenant
            .or_else(|| names(Names::User))
            .or_else(|| names(Names::Tenant))
    }

    /// Existing rows of real tenants, where none could be made.
    pub(super) async fn fall_back(&self, fixtures: &mut Fixtures, level: &[RelationId]) {
        let wanting: Vec<RelationId> = level
            .iter()
            .copied()
            .filter(|n| {
                matches!(self.plan.classes[*n], Class::Tenant { .. } | Class::Internal) && !self.is_split(*n)
            })
            .filter(|n| fixtures.of(*n, Belongs::Other).next().is_none())
            .collect();
        let scripts = wanting
            .iter()
            .map(|n| self.look_for(*n, &self.is_a_strangers(fixtures, *n)))
            .collect();
        for (n, outcome) in wanting.iter().zip(self.session.attempt(scripts).await) {
            if let Ok(rows) = outcome
                && !rows.is_empty()
            {
                let draft = Draft {
                    relation: *n,
                    belongs: Belongs::Other,
                    marker: String::new(),
                    columns: BTreeMap::new(),
                    content: Content::new(),
                };
                self.note(fixtures, &draft, rows, true);
            }
        }
    }

    /// Real rows only: those that were made up for the attacker, or by triggers then, are no stranger's.
    fn is_a_strangers(&self, fixtures: &Fixtures, relation: RelationId) -> String {
        let made: Vec<String> = fixtures
            .rows
            .iter()
            .filter(|row| row.home == relation)
            .map(|row| format!("\"{}\"", row.ctid))
            .collect();
        let real = format!(
            "ctid <> all ('{{{}}}'::tid[]) and age(xmin) > age(pg_current_xact_id()::xid) and not ({})",
            made.join(","),
            self.is_public(relation)
        );
        let condition = match self.plan.tenant_column(relation) {
            Some((column, _)) => format!("{real} and {} is not null", ident(column)),
            None => real,
        };
        self.catalog.relations[relation].of_part(condition)
    }
}

/// Whether a row that stands for a draft's was noted.
fn is_known(fixtures: &Fixtures, draft: &Draft) -> bool {
    let is_it = |row: &Row| row.relation == draft.relation && row.marker == draft.marker;
    fixtures.rows.iter().any(is_it)
}
