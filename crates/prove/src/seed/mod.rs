//! Makes up rows for two tenants in every relation, so that not-null, check,
//! domain, enum, foreign-key, unique, generated and identity columns are satisfied; falls back on existing rows.

mod checks;
mod choose;
mod lookups;
mod order;
mod settle;
mod spares;
mod wishes;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::catalog::{Catalog, Column, Relation};
use crate::conditions::{Content, Contents};
use crate::model::Names;
use crate::people::{People, Who};
use crate::plan::{Class, Plan};
use crate::script::Script;
use crate::session::Session;
use crate::sql::{ident, idents, typed};

/// Whose a made-up row is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Belongs {
    /// The attacker's.
    Own,
    /// Another tenant's.
    Other,
    /// Nobody's: the tenant column is null or empty.
    Nobody,
    /// Everybody's, or of no concern.
    Shared,
}

/// A row that is there.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) relation: usize,
    pub(crate) belongs: Belongs,
    /// The marker of its maker.
    pub(crate) marker: String,
    /// What the columns hold, as text.
    pub(crate) values: BTreeMap<String, Option<String>>,
    /// Finds exactly this row.
    pub(crate) predicate: String,
    /// The table that holds it, and where: a version of a row has a place of its own, so any write moves it.
    pub(crate) home: usize,
    pub(crate) ctid: String,
    /// It was there before, and is a real tenant's.
    pub(crate) existing: bool,
}

/// A row that could be there: columns and SQL expressions.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) relation: usize,
    pub(crate) belongs: Belongs,
    pub(crate) marker: String,
    pub(crate) columns: BTreeMap<String, String>,
    /// Those of the columns by which policies single it out.
    pub(crate) content: Content,
}

/// A row that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    relation: usize,
    belongs: Belongs,
    who: Who,
    variant: usize,
    /// Instead of the tenant's id.
    tenant: Option<&'static str>,
    /// Whom columns name that name a user but not the tenant.
    named: Option<Who>,
    /// What columns hold, so that policies single the row out by its content.
    content: Content,
    /// Which of a parent's rows it refers to, counted from the last.
    parent: Option<usize>,
}

/// Everything that was made.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) rows: Vec<Row>,
    /// Why a relation has no row of the other tenant's.
    pub(crate) failures: HashMap<usize, String>,
    /// Rows that an attacker may try to insert, for another, for nobody and for itself; valid, as tried by the owner.
    pub(crate) spares: HashMap<(usize, Belongs), Draft>,
    /// The same for another tenant, with content that policies single out.
    pub(crate) singled_out: HashMap<usize, Vec<Draft>>,
    /// Why no row could be made to insert.
    pub(crate) spareless: HashMap<usize, String>,
    /// Why attacks would be judged wrongly.
    pub(crate) unsettled: Option<String>,
    /// No more rows come.
    complete: bool,
    number: u64,
    /// Keys that rows of a circle of references have been promised: relation, column, and whose row.
    promised: HashMap<(usize, String, String), String>,
}

impl World {
    pub(crate) fn of(&self, relation: usize, belongs: Belongs) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |row| row.relation == relation && row.belongs == belongs)
    }

    /// Rows that an attacker must not reach.
    pub(crate) fn foreign(&self, relation: usize, class: &Class) -> Vec<&Row> {
        let closed = *class == Class::Internal;
        self.rows
            .iter()
            .filter(|row| row.relation == relation)
            .filter(|row| matches!(row.belongs, Belongs::Other | Belongs::Nobody) || closed)
            .collect()
    }
}

/// Makes rows.
pub(crate) struct Maker<'a> {
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
    circles: BTreeSet<(usize, usize)>,
    /// Relations that get no rows, since those that they got violated a deferred constraint.
    unsettled: BTreeMap<usize, String>,
}

impl<'a> Maker<'a> {
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
    async fn own_rows(&self, world: &mut World) {
        self.lookups(world).await;
        for level in self.levels() {
            let wishes = level
                .iter()
                .filter(|relation| {
                    !self.is_lookup(**relation) || world.of(**relation, Belongs::Shared).next().is_none()
                })
                .flat_map(|relation| self.wishes_of_own(*relation))
                .collect();
            self.grant(world, wishes).await;
        }
    }

    /// The other tenant's rows, and nobody's.
    async fn others_rows(&self, world: &mut World) {
        for level in self.levels() {
            let wishes = level
                .iter()
                .flat_map(|relation| self.wishes_of_others(*relation))
                .collect();
            self.grant(world, wishes).await;
            self.fall_back(world, &level).await;
        }
    }

    /// What is known of rows only when all are there.
    async fn finish(&self, world: &mut World) {
        world.complete = true;
        self.refresh(world).await;
        for level in self.levels() {
            self.spares(world, &level).await;
        }
    }

    /// Later rows may have changed earlier ones, by triggers: where are they now, and what do they hold?
    async fn refresh(&self, world: &mut World) {
        let scripts = world
            .rows
            .iter()
            .map(|row| {
                let home = &self.catalog.relations[row.home];
                let columns = idents(home.columns.iter().map(|column| column.name.as_str()));
                Script::default().ask(format!(
                    "select {columns}, ctid from only {} where {} limit 1",
                    home.sql(),
                    predicate(home, &row.values)
                ))
            })
            .collect();
        let mut outcomes = self.session.attempt(scripts).await.into_iter();
        world.rows.retain_mut(|row| {
            let Some(Ok(mut rows)) = outcomes.next() else {
                return true;
            };
            let Some(mut values) = rows.pop() else {
                return false;
            };
            row.ctid = values.pop().flatten().unwrap_or_default();
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

    /// Makes rows, as far as the database lets the owner.
    async fn grant(&self, world: &mut World, wishes: Vec<Wish>) {
        let drafts = self.draft(world, wishes).await;
        let scripts = drafts
            .iter()
            .map(|draft| Script::default().ask(self.insertion(draft)))
            .collect();
        let outcomes = self.session.keep(scripts).await;
        let mut again = Vec::new();
        for (draft, outcome) in drafts.into_iter().zip(outcomes) {
            match outcome {
                Ok(rows) if !rows.is_empty() => self.note(world, &draft, rows, false),
                Ok(_) => {
                    let name = self.catalog.relations[draft.relation].label();
                    world
                        .failures
                        .entry(draft.relation)
                        .or_insert(format!("a trigger or rule keeps rows out of {name}"));
                }
                Err(refusal) => {
                    world.failures.entry(draft.relation).or_insert(format!(
                        "no row could be made: {} [{}]",
                        refusal.message, refusal.code
                    ));
                    if refusal.code == "23505" {
                        again.push(draft);
                    }
                }
            }
        }
        self.adopt(world, again).await;
    }

    /// Rows that a trigger was faster to make, found by the person that they name.
    async fn adopt(&self, world: &mut World, drafts: Vec<Draft>) {
        let (mut found, mut changes) = (Vec::new(), Vec::new());
        for draft in drafts {
            let table = &self.catalog.relations[draft.relation];
            let names = |names| {
                table
                    .columns
                    .iter()
                    .find(|column| self.plan.meaning(draft.relation, &column.name) == Some(names))
                    .map(|column| column.name.clone())
            };
            let tenant = self
                .plan
                .tenant_column(draft.relation)
                .map(|(column, _)| column.to_owned());
            let Some(column) = tenant
                .or_else(|| names(Names::User))
                .or_else(|| names(Names::Tenant))
            else {
                continue;
            };
            let Some(value) = draft.columns.get(&column) else {
                continue;
            };
            let found_by = format!("{} = {value}", ident(&column));
            let sql = format!(
                "select {}, ctid from only {} where {found_by} limit 1",
                idents(table.columns.iter().map(|c| c.name.as_str())),
                table.sql(),
            );
            if !draft.content.is_empty() {
                let set: Vec<String> = draft
                    .content
                    .iter()
                    .map(|(name, value)| format!("{} = {value}", ident(name)))
                    .collect();
                changes.push(Script::default().act(format!(
                    "update {} set {} where {found_by}",
                    table.sql(),
                    set.join(", ")
                )));
            }
            found.push((draft, sql));
        }
        self.session.keep(changes).await;
        let outcomes = self
            .session
            .attempt(found.iter().map(|(_, sql)| Script::default().ask(sql)).collect())
            .await;
        for ((draft, _), outcome) in found.into_iter().zip(outcomes) {
            if let Ok(rows) = outcome
                && !rows.is_empty()
                && !world
                    .rows
                    .iter()
                    .any(|row| row.relation == draft.relation && row.marker == draft.marker)
            {
                self.note(world, &draft, rows, false);
            }
        }
    }

    /// Existing rows of real tenants, where none could be made.
    async fn fall_back(&self, world: &mut World, level: &[usize]) {
        let wanting: Vec<usize> = level
            .iter()
            .copied()
            .filter(|n| {
                matches!(self.plan.classes[*n], Class::Tenant { .. } | Class::Internal) && !self.is_split(*n)
            })
            .filter(|n| world.of(*n, Belongs::Other).next().is_none())
            .collect();
        let scripts = wanting
            .iter()
            .map(|n| {
                let table = &self.catalog.relations[*n];
                // Real rows only: those that were made up for the attacker are no stranger's.
                let made: Vec<String> = world
                    .rows
                    .iter()
                    .filter(|row| row.home == *n)
                    .map(|row| format!("\"{}\"", row.ctid))
                    .collect();
                let real = format!("ctid <> all ('{{{}}}'::tid[])", made.join(","));
                let condition = match self.plan.tenant_column(*n) {
                    Some((column, _)) => format!("{real} and {} is not null", ident(column)),
                    None => real,
                };
                Script::default().ask(format!(
                    "select {}, ctid from only {} where {condition} limit 1",
                    idents(table.columns.iter().map(|column| column.name.as_str())),
                    table.sql()
                ))
            })
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
                self.note(world, &draft, rows, true);
            }
        }
    }

    /// Remembers a row, in its own relation and in those that it is also part of.
    fn note(&self, world: &mut World, draft: &Draft, mut rows: Vec<crate::script::Row>, existing: bool) {
        let Some(mut values) = rows.pop() else { return };
        let ctid = values.pop().flatten().unwrap_or_default();
        let table = &self.catalog.relations[draft.relation];
        let values: BTreeMap<_, _> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .zip(values)
            .collect();
        let mut places = vec![draft.relation];
        let mut n = 0;
        while n < places.len() {
            for parent in self.catalog.relations[places[n]]
                .parents
                .iter()
                .filter_map(|oid| self.catalog.position(*oid))
            {
                if !places.contains(&parent) {
                    places.push(parent);
                }
            }
            n += 1;
        }
        for relation in places {
            let table = &self.catalog.relations[relation];
            let predicate = predicate(table, &values);
            world.rows.push(Row {
                relation,
                belongs: draft.belongs,
                marker: draft.marker.clone(),
                values: values.clone(),
                predicate,
                home: draft.relation,
                ctid: ctid.clone(),
                existing,
            });
        }
    }

    /// The statement that makes a row.
    pub(crate) fn insertion(&self, draft: &Draft) -> String {
        let table = &self.catalog.relations[draft.relation];
        format!(
            "insert into {} ({}) overriding system value values ({}) returning {}, ctid",
            table.sql(),
            idents(draft.columns.keys().map(String::as_str)),
            draft.columns.values().cloned().collect::<Vec<_>>().join(", "),
            idents(table.columns.iter().map(|column| column.name.as_str()))
        )
    }
}

fn is_unique(table: &Relation, column: &Column) -> bool {
    table.indexes.iter().any(|index| {
        index.unique && (index.columns.iter().flatten().any(|name| *name == column.name) || index.expression)
    })
}

/// Finds exactly this row.
fn predicate(table: &Relation, values: &BTreeMap<String, Option<String>>) -> String {
    let names: Vec<&str> = table.key().unwrap_or_else(|| {
        let comparable = table
            .columns
            .iter()
            .filter(|column| column.comparable && !matches!(column.base_name.as_str(), "float4" | "float8"));
        comparable.map(|column| column.name.as_str()).collect()
    });
    let parts: Vec<String> = names
        .into_iter()
        .filter_map(|name| {
            let column = table.column(name)?;
            Some(match values.get(name)? {
                Some(value) => format!("{} = {}", ident(name), typed(Some(value), &column.base)),
                None => format!("{} is null", ident(name)),
            })
        })
        .collect();
    if parts.is_empty() {
        "true".to_owned()
    } else {
        parts.join(" and ")
    }
}
