//! Which rows are there to be attacked? Makes up rows for two tenants in every relation, so that not-null, check,
//! domain, enum, foreign-key, unique, generated and identity columns are satisfied; falls back on existing rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::catalog::{Catalog, Column, Relation};
use crate::model::Names;
use crate::people::{People, Who};
use crate::plan::{By, Class, Plan};
use crate::session::{Outcome, Session};
use crate::sql::{ident, idents, typed};
use crate::values::{self, Seed};

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
}

/// Everything that was made.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) rows: Vec<Row>,
    /// Why a relation has no row of the other tenant's.
    pub(crate) failures: HashMap<usize, String>,
    /// Rows that an attacker may try to insert, for another, for nobody and for itself; valid, as tried by the owner.
    pub(crate) spares: HashMap<(usize, Belongs), Draft>,
    /// Why no row could be made to insert.
    pub(crate) spareless: HashMap<usize, String>,
    /// Why attacks would be judged wrongly.
    pub(crate) unsettled: Option<String>,
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
}

impl Maker<'_> {
    /// The rows that are there before the other tenant comes.
    pub(crate) async fn own_rows(&self, world: &mut World) {
        for level in self.levels() {
            let wishes = level
                .iter()
                .flat_map(|relation| self.wishes_of_own(*relation))
                .collect();
            self.grant(world, wishes).await;
        }
    }

    /// The other tenant's rows, and nobody's.
    pub(crate) async fn others_rows(&self, world: &mut World) {
        let levels = self.levels();
        for level in &levels {
            let wishes = level
                .iter()
                .flat_map(|relation| self.wishes_of_others(*relation))
                .collect();
            self.grant(world, wishes).await;
            self.fall_back(world, level).await;
        }
        self.settle(world).await;
        self.refresh(world).await;
        for level in &levels {
            self.spares(world, level).await;
        }
    }

    /// Deferred constraints are decided now, so that they don't speak up in the middle of an attack.
    async fn settle(&self, world: &mut World) {
        if let Some(Err(refusal)) = self
            .session
            .keep(vec!["set constraints all immediate".to_owned()])
            .await
            .pop()
        {
            world.unsettled = Some(format!(
                "the made-up rows violate a deferred constraint: {} [{}]",
                refusal.message, refusal.code
            ));
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
                format!(
                    "select {columns}, ctid from only {} where {} limit 1",
                    home.sql(),
                    predicate(home, &row.values)
                )
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

    fn wishes_of_own(&self, relation: usize) -> Vec<Wish> {
        let people = self.people;
        let wish = |belongs, who: &Who, variant| Wish {
            relation,
            belongs,
            who: who.clone(),
            variant,
            tenant: None,
            named: None,
        };
        if !self.can_insert(relation) {
            return Vec::new();
        }
        let mut wishes = Vec::new();
        if self
            .plan
            .membership
            .as_ref()
            .is_some_and(|(at, ..)| *at == relation)
        {
            wishes.push(wish(Belongs::Own, &people.own, 0));
            wishes.extend(
                people
                    .colleagues
                    .iter()
                    .enumerate()
                    .map(|(n, who)| wish(Belongs::Own, who, 3 + n)),
            );
            wishes.push(wish(Belongs::Own, &people.two, 0));
            let elsewhere = Who {
                tenant: people.third.tenant.clone(),
                ..people.two.clone()
            };
            wishes.push(wish(Belongs::Shared, &elsewhere, 0));
            return wishes;
        }
        if self.names_people(relation) {
            let belongs = |who: &Who| {
                if *who == people.third || *who == people.two {
                    Belongs::Shared
                } else {
                    Belongs::Own
                }
            };
            let known = [&people.own, &people.two, &people.third]
                .into_iter()
                .chain(&people.colleagues);
            wishes.extend(known.map(|who| wish(belongs(who), who, 0)));
            if self.plan.classes[relation] == Class::Outside {
                wishes.push(wish(Belongs::Shared, &people.nobody, 0));
            }
            return wishes;
        }
        match &self.plan.classes[relation] {
            Class::Tenant { .. } => {
                wishes.push(wish(Belongs::Own, &people.own, 0));
                wishes.push(wish(Belongs::Own, &people.own, 0));
            }
            _ => wishes.push(wish(Belongs::Shared, &people.shared, 0)),
        }
        wishes
    }

    fn wishes_of_others(&self, relation: usize) -> Vec<Wish> {
        let people = self.people;
        let wish = |belongs, who: &Who, variant| Wish {
            relation,
            belongs,
            who: who.clone(),
            variant,
            tenant: None,
            named: None,
        };
        if !self.can_insert(relation) {
            return Vec::new();
        }
        if self
            .plan
            .membership
            .as_ref()
            .is_some_and(|(at, ..)| *at == relation)
        {
            let mut wishes = vec![wish(Belongs::Other, &people.other, 0)];
            if let Some(leave) = self.leaver(relation) {
                wishes.push(Wish {
                    tenant: Some(leave),
                    ..wish(Belongs::Other, &people.removed, 0)
                });
            }
            return wishes;
        }
        if self.names_people(relation) {
            return vec![
                wish(Belongs::Other, &people.other, 0),
                wish(Belongs::Shared, &people.removed, 0),
                wish(Belongs::Shared, &people.spare, 0),
            ];
        }
        let Class::Tenant { column, .. } = &self.plan.classes[relation] else {
            return if self.plan.classes[relation] == Class::Internal {
                vec![wish(Belongs::Other, &people.other, 0)]
            } else {
                Vec::new()
            };
        };
        let named = if self.plan.membership.is_some() {
            &people.removed
        } else {
            &people.own
        };
        let mut wishes: Vec<_> = (0..self.variants(relation))
            .map(|variant| Wish {
                named: (variant % 2 == 1).then(|| named.clone()),
                ..wish(Belongs::Other, &people.other, variant)
            })
            .collect();
        let tenant = self.catalog.relations[relation].column(column);
        if tenant.is_some_and(|column| !column.not_null) {
            wishes.push(Wish {
                tenant: Some("null"),
                ..wish(Belongs::Nobody, &people.other, 0)
            });
        }
        if tenant.is_some_and(|column| matches!(column.base_name.as_str(), "text" | "varchar" | "citext")) {
            wishes.push(Wish {
                tenant: Some("''"),
                ..wish(Belongs::Nobody, &people.other, 0)
            });
        }
        wishes
    }

    /// Whether its rows are people or tenants themselves, so that one is made for each of them.
    fn names_people(&self, relation: usize) -> bool {
        let table = &self.catalog.relations[relation];
        match &self.plan.classes[relation] {
            Class::Tenant { .. } => self.plan.is_identity(self.catalog, relation) && self.is_target(relation),
            Class::Outside => table.columns.iter().any(|column| {
                self.plan.meaning(relation, &column.name).is_some() && is_unique(table, column)
            }),
            Class::Public | Class::Internal | Class::Unclassified(_) => {
                table
                    .columns
                    .iter()
                    .any(|column| self.plan.meaning(relation, &column.name).is_some())
                    && self.is_target(relation)
            }
        }
    }

    fn is_target(&self, relation: usize) -> bool {
        let oid = self.catalog.relations[relation].oid;
        self.catalog
            .relations
            .iter()
            .any(|other| other.foreign_keys.iter().any(|key| key.target == oid))
    }

    fn can_insert(&self, relation: usize) -> bool {
        let table = &self.catalog.relations[relation];
        table.is_table()
            && table.insertable
            && !self.is_split(relation)
            && self.catalog.outward_trigger(table).is_none()
    }

    /// A partitioned table whose partitions are looked at themselves.
    fn is_split(&self, relation: usize) -> bool {
        let table = &self.catalog.relations[relation];
        table.kind == 'p'
            && self
                .catalog
                .relations
                .iter()
                .any(|child| child.is_partition && child.parents.contains(&table.oid))
    }

    /// The change that makes a membership one of the past, where the table knows such.
    fn leaver(&self, relation: usize) -> Option<&'static str> {
        self.departure(relation).map(|_| "left")
    }

    /// The column and value that say that a membership has ended.
    pub(crate) fn departure(&self, relation: usize) -> Option<(&Column, String)> {
        const PAST: [&str; 9] = [
            "removed_at",
            "deleted_at",
            "revoked_at",
            "left_at",
            "deactivated_at",
            "disabled_at",
            "archived_at",
            "ended_at",
            "suspended_at",
        ];
        const PRESENT: [&str; 4] = ["active", "is_active", "enabled", "is_enabled"];
        const ENDED: [&str; 8] = [
            "removed",
            "is_removed",
            "deleted",
            "is_deleted",
            "revoked",
            "is_revoked",
            "disabled",
            "suspended",
        ];
        self.catalog.relations[relation]
            .columns
            .iter()
            .find_map(|column| {
                let name = column.name.as_str();
                match column.category {
                    'D' if PAST.contains(&name) => Some((column, "'2024-02-01'".to_owned())),
                    'B' if PRESENT.contains(&name) => Some((column, "false".to_owned())),
                    'B' if ENDED.contains(&name) => Some((column, "true".to_owned())),
                    'E' | 'S' if name == "status" || name == "state" => {
                        let words = self.words_about(relation, column);
                        let past = [
                            "removed",
                            "inactive",
                            "revoked",
                            "left",
                            "disabled",
                            "deleted",
                            "suspended",
                            "former",
                        ];
                        past.iter()
                            .find(|past| words.iter().chain(&column.labels).any(|word| word == **past))
                            .map(|past| (column, typed(Some(past), &column.base)))
                    }
                    _ => None,
                }
            })
    }

    /// How many rows of the other tenant's it takes to try out what policies may distinguish.
    fn variants(&self, relation: usize) -> usize {
        let table = &self.catalog.relations[relation];
        let most = table
            .columns
            .iter()
            .map(|column| self.constants(relation, column).len())
            .max();
        4 + most.unwrap_or(0).min(4)
    }

    /// Constants that policies, views and functions may compare a column with.
    fn constants(&self, relation: usize, column: &Column) -> Vec<String> {
        if self.plan.meaning(relation, &column.name).is_some() {
            return Vec::new();
        }
        let words = self.words_about(relation, column);
        match column.category {
            'S' => words,
            'E' => words
                .into_iter()
                .filter(|word| column.labels.contains(word))
                .collect(),
            'N' => {
                let numbers = self
                    .mentions
                    .iter()
                    .filter(|text| text.contains(&column.name))
                    .flat_map(|text| values::numbers_in(text));
                numbers.take(4).collect()
            }
            _ => Vec::new(),
        }
    }

    fn words_about(&self, relation: usize, column: &Column) -> Vec<String> {
        const CLAIMS: [&str; 9] = [
            "sub",
            "role",
            "request.jwt.claims",
            "app_metadata",
            "user_metadata",
            "authenticated",
            "anon",
            "request.headers",
            "",
        ];
        let table = &self.catalog.relations[relation];
        let mut words: Vec<String> = self
            .mentions
            .iter()
            .filter(|text| text.contains(&column.name) && (text.contains(&table.name)))
            .flat_map(|text| values::words_in(text))
            .chain(
                table
                    .checks
                    .iter()
                    .filter(|check| check.columns.contains(&column.name))
                    .flat_map(|check| values::words_in(&check.expression)),
            )
            .filter(|word| !CLAIMS.contains(&word.as_str()) && word.len() < 40)
            .collect();
        let mut seen = BTreeSet::new();
        words.retain(|word| seen.insert(word.clone()));
        words.truncate(6);
        words
    }

    /// Relations in the order in which they can be filled: what is referred to first.
    fn levels(&self) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.catalog.relations.len())
            .filter(|n| self.catalog.relations[*n].is_table())
            .collect();
        let mut done: BTreeSet<usize> = BTreeSet::new();
        let mut levels = Vec::new();
        // First every reference counts; where that leads in circles, only those that can't be left empty.
        while done.len() < all.len() {
            let open = || all.iter().copied().filter(|n| !done.contains(n));
            let ready = |strict: bool| -> Vec<usize> {
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

    fn needs(&self, relation: usize, strict: bool) -> Vec<usize> {
        let table = &self.catalog.relations[relation];
        let mut needs: Vec<usize> = table
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

    fn partitions(&self, relation: usize) -> Vec<usize> {
        let oid = self.catalog.relations[relation].oid;
        (0..self.catalog.relations.len())
            .filter(|n| self.catalog.relations[*n].parents.contains(&oid))
            .collect()
    }

    /// Makes rows, as far as the database lets the owner.
    async fn grant(&self, world: &mut World, wishes: Vec<Wish>) {
        let drafts = self.draft(world, wishes).await;
        let scripts = drafts.iter().map(|draft| self.insertion(draft)).collect();
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
        let mut found = Vec::new();
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
            let sql = format!(
                "select {}, ctid from only {} where {} = {value} limit 1",
                idents(table.columns.iter().map(|c| c.name.as_str())),
                table.sql(),
                ident(&column)
            );
            found.push((draft, sql));
        }
        let outcomes = self
            .session
            .attempt(found.iter().map(|(_, sql)| sql.clone()).collect())
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
                let condition = self
                    .plan
                    .tenant_column(*n)
                    .map(|(column, _)| format!(" where {} is not null", ident(column)));
                format!(
                    "select {}, ctid from only {}{} limit 1",
                    idents(table.columns.iter().map(|column| column.name.as_str())),
                    table.sql(),
                    condition.unwrap_or_default()
                )
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
                };
                self.note(world, &draft, rows, true);
            }
        }
    }

    /// Rows that could still be inserted, tried by the owner and taken back.
    async fn spares(&self, world: &mut World, level: &[usize]) {
        let mut wishes = Vec::new();
        for relation in level.iter().copied().filter(|n| self.can_insert(*n)) {
            let wish = |belongs, who: &Who, tenant| Wish {
                relation,
                belongs,
                who: who.clone(),
                variant: 0,
                tenant,
                named: None,
            };
            let people = self.people;
            match &self.plan.classes[relation] {
                Class::Tenant { .. } => {
                    wishes.extend([
                        wish(Belongs::Other, &people.other, None),
                        wish(Belongs::Other, &people.spare, None),
                        wish(Belongs::Other, &people.nobody, None),
                        wish(Belongs::Nobody, &people.own, Some("null")),
                        wish(Belongs::Own, &people.own, None),
                    ]);
                }
                Class::Internal => wishes.push(wish(Belongs::Other, &people.other, None)),
                _ => {}
            }
        }
        let drafts = self.draft(world, wishes).await;
        let outcomes = self
            .session
            .attempt(drafts.iter().map(|draft| self.insertion(draft)).collect())
            .await;
        let mut taken = BTreeSet::new();
        for (draft, outcome) in drafts.into_iter().zip(outcomes) {
            match outcome {
                Ok(rows) if !rows.is_empty() => {
                    world
                        .spares
                        .entry((draft.relation, draft.belongs))
                        .or_insert(draft);
                }
                // A unique key that is taken keeps an attacker out as well.
                Err(refusal) if refusal.code == "23505" => {
                    taken.insert(draft.relation);
                }
                Err(refusal) if draft.belongs == Belongs::Other => {
                    world.spareless.insert(
                        draft.relation,
                        format!(
                            "no row could be made to try an insert with: {} [{}]",
                            refusal.message, refusal.code
                        ),
                    );
                }
                _ => {}
            }
        }
        world.spareless.retain(|relation, _| !taken.contains(relation));
    }

    /// Remembers a row, in its own relation and in those that it is also part of.
    fn note(&self, world: &mut World, draft: &Draft, mut rows: Vec<crate::session::Row>, existing: bool) {
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

    /// Chooses values for rows; one round trip, for the checks that choose among candidates.
    async fn draft(&self, world: &mut World, wishes: Vec<Wish>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let mut questions: Vec<String> = Vec::new();
        let mut askers: Vec<(usize, Vec<String>)> = Vec::new();
        for wish in wishes {
            world.number += 1;
            let table = &self.catalog.relations[wish.relation];
            let mut choices: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for column in table.columns.iter().filter(|column| !column.generated) {
                if let Some(values) = self.choices(world, &wish, table, column) {
                    choices.insert(column.name.clone(), values);
                }
            }
            for (expressions, columns) in components(table, &choices) {
                questions.push(question(&expressions, &columns, &choices));
                askers.push((drafts.len(), columns));
            }
            let columns = choices
                .into_iter()
                .filter_map(|(name, values)| Some((name, values.into_iter().next()?)))
                .collect();
            drafts.push(Draft {
                relation: wish.relation,
                belongs: wish.belongs,
                marker: wish.who.marker,
                columns,
            });
        }
        let answers: Vec<Outcome> = self.session.attempt(questions).await;
        for ((draft, columns), answer) in askers.into_iter().zip(answers) {
            let Ok(Some(row)) = answer.map(|rows| rows.into_iter().next()) else {
                continue;
            };
            let draft: &mut Draft = &mut drafts[draft];
            let table = &self.catalog.relations[draft.relation];
            for (name, value) in columns.into_iter().zip(row) {
                if let Some(column) = table.column(&name) {
                    draft.columns.insert(name, typed(value.as_deref(), &column.base));
                }
            }
        }
        drafts
    }

    /// What a column may hold in this row, best first; none if the database should decide.
    fn choices(
        &self,
        world: &mut World,
        wish: &Wish,
        table: &Relation,
        column: &Column,
    ) -> Option<Vec<String>> {
        let relation = wish.relation;
        let tenant = self.plan.tenant_column(relation);
        let is_tenant = tenant.is_some_and(|(name, _)| name == column.name);
        if wish.tenant == Some("left") {
            if let Some((_, value)) = self
                .departure(relation)
                .filter(|(past, _)| past.name == column.name)
            {
                return Some(vec![value]);
            }
        } else if is_tenant && let Some(value) = wish.tenant {
            return Some(vec![value.to_owned()]);
        }
        let by = if is_tenant { tenant.map(|(_, by)| by) } else { None };
        match (by, self.plan.meaning(relation, &column.name)) {
            (Some(By::User), _) => return Some(vec![typed(Some(&wish.who.user), &column.base)]),
            (Some(By::Tenant), _) => return Some(vec![typed(Some(&wish.who.tenant), &column.base)]),
            (None, Some(Names::User)) => {
                let user = wish.named.as_ref().map_or(&wish.who.user, |named| &named.user);
                return Some(vec![typed(Some(user), &column.base)]);
            }
            (None, Some(Names::Tenant)) => return Some(vec![typed(Some(&wish.who.tenant), &column.base)]),
            _ => {}
        }
        if let Some(value) = world
            .promised
            .remove(&(relation, column.name.clone(), wish.who.marker.clone()))
        {
            return Some(vec![value]);
        }
        if let Some(values) = self.reference(world, wish, table, column) {
            return Some(values);
        }
        // A user's column that no foreign key tells of.
        if by.is_none() && tenant.is_some() && self.sounds_like_a_user(relation, column) {
            let user = wish.named.as_ref().map_or(&wish.who.user, |named| &named.user);
            return Some(vec![typed(Some(user), &column.base)]);
        }
        let unique = !column.identity.is_empty() || column.sequence || is_unique(table, column);
        let seed = Seed {
            marker: &wish.who.marker,
            number: world.number,
            nonce: self.people.nonce,
            variant: wish.variant,
            unique,
        };
        let mut hints: Vec<&str> = table
            .checks
            .iter()
            .filter(|check| check.columns.contains(&column.name))
            .map(|check| check.expression.as_str())
            .collect();
        hints.extend(column.domain_checks.iter().map(String::as_str));
        hints.extend(
            table
                .partition_constraint
                .as_deref()
                .filter(|text| text.contains(&column.name)),
        );
        let mut values = values::candidates(column, seed, &hints);
        if wish.variant >= 3 {
            let constants = self.constants(relation, column);
            if let Some(constant) = constants.get((wish.variant - 3) % constants.len().max(1)) {
                values.insert(0, typed(Some(constant), &column.base));
            } else if !column.not_null && wish.variant % 2 == 0 && !unique {
                values.insert(0, typed(None, &column.base));
            }
        }
        if !column.not_null {
            // Among the first, since few are tried where many columns are decided together.
            values.insert(
                if wish.variant == 2 && !unique {
                    0
                } else {
                    values.len().min(2)
                },
                typed(None, &column.base),
            );
        }
        (!values.is_empty()).then_some(values)
    }

    fn sounds_like_a_user(&self, relation: usize, column: &Column) -> bool {
        let name = column.name.to_lowercase();
        let same_type = self.plan.tenant_column(relation).is_some_and(|(tenant, _)| {
            self.plan.membership.is_some() && column.base_name == "uuid"
                || self.catalog.relations[relation]
                    .column(tenant)
                    .is_some_and(|t| t.base_name == column.base_name)
        });
        same_type
            && matches!(column.base_name.as_str(), "uuid" | "text" | "int8" | "int4")
            && [
                "user_id",
                "owner",
                "author",
                "created_by",
                "creator",
                "uploaded_by",
                "member_id",
                "profile_id",
                "account_id",
                "assigned_to",
                "assignee",
                "sender",
                "recipient",
                "shared_with",
            ]
            .iter()
            .any(|part| name.contains(part))
    }

    /// The value of a column that refers to another relation's row.
    fn reference(
        &self,
        world: &mut World,
        wish: &Wish,
        table: &Relation,
        column: &Column,
    ) -> Option<Vec<String>> {
        let key = table
            .foreign_keys
            .iter()
            .find(|key| key.columns.contains(&column.name))?;
        let n = key.columns.iter().position(|name| *name == column.name)?;
        let target = self.catalog.position(key.target)?;
        let name = key.target_columns.get(n)?;
        let null = || (!column.not_null).then(|| vec![typed(None, &column.base)]);
        if target == wish.relation {
            return null();
        }
        let rows: Vec<&Row> = world.rows.iter().filter(|row| row.relation == target).collect();
        let of = |test: &dyn Fn(&Row) -> bool| -> Vec<&Row> {
            rows.iter().copied().filter(|row| test(row)).collect()
        };
        let mut found = of(&|row| row.marker == wish.who.marker && row.belongs != Belongs::Nobody);
        if found.is_empty() && wish.belongs == Belongs::Own {
            found = of(&|row| row.belongs == Belongs::Own);
        }
        if found.is_empty() && wish.belongs != Belongs::Own {
            found = of(&|row| row.belongs == Belongs::Other);
        }
        if found.is_empty() {
            found = of(&|row| row.belongs == Belongs::Shared);
        }
        if found.is_empty() {
            found = rows;
        }
        // Rows that must each have one of their own start with different ones.
        let turn = if is_unique(table, column) {
            usize::try_from(world.number).unwrap_or(0)
        } else {
            wish.variant
        };
        let value = found
            .get(turn % found.len().max(1))
            .and_then(|row| row.values.get(name))
            .cloned()
            .flatten();
        drop(found);
        match value {
            Some(value) => Some(vec![typed(Some(&value), &column.base)]),
            None => null().or_else(|| {
                // A circle: the row that is referred to comes later, with the key that is promised here.
                let seed = Seed {
                    marker: &wish.who.marker,
                    number: world.number + 500_000,
                    nonce: self.people.nonce,
                    variant: 0,
                    unique: true,
                };
                let place = (target, name.clone(), wish.who.marker.clone());
                if let Some(value) = world.promised.get(&place) {
                    return Some(vec![value.clone()]);
                }
                let value = values::candidates(self.catalog.relations[target].column(name)?, seed, &[])
                    .into_iter()
                    .next()?;
                world.promised.insert(place, value.clone());
                Some(vec![value])
            }),
        }
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

/// Checks that share columns are decided together: their expressions, and the columns to decide.
fn components(table: &Relation, choices: &BTreeMap<String, Vec<String>>) -> Vec<(Vec<String>, Vec<String>)> {
    let mut groups: Vec<(Vec<String>, BTreeSet<String>)> = Vec::new();
    let mut add = |expression: String, columns: BTreeSet<String>| {
        let (mut joined, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut groups)
            .into_iter()
            .partition(|(_, others)| !others.is_disjoint(&columns));
        let mut merged = (vec![expression], columns);
        for (expressions, columns) in joined.drain(..) {
            merged.0.extend(expressions);
            merged.1.extend(columns);
        }
        groups = rest;
        groups.push(merged);
    };
    for check in &table.checks {
        add(check.expression.clone(), check.columns.iter().cloned().collect());
    }
    for column in &table.columns {
        for definition in &column.domain_checks {
            if let Some(expression) = values::domain_check(definition, &column.name) {
                add(expression, BTreeSet::from([column.name.clone()]));
            }
        }
    }
    if let Some(constraint) = &table.partition_constraint {
        let columns = table
            .columns
            .iter()
            .filter(|column| constraint.contains(&column.name))
            .map(|column| column.name.clone());
        add(constraint.clone(), columns.collect());
    }
    groups
        .into_iter()
        .map(|(expressions, columns)| {
            // A generated column is no choice; a check on it is left to the insert.
            (
                expressions,
                columns
                    .into_iter()
                    .filter(|name| choices.contains_key(name))
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, columns)| !columns.is_empty())
        .collect()
}

/// Asks the database for the first combination of candidates that satisfies the checks.
fn question(expressions: &[String], columns: &[String], choices: &BTreeMap<String, Vec<String>>) -> String {
    // Too many combinations take too long: fewer candidates for each column then.
    let most = match columns.len() {
        0..=2 => 40,
        3 => 20,
        4 => 10,
        5 | 6 => 5,
        _ => 2,
    };
    let lists: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let values = choices.get(name).map_or(&[][..], Vec::as_slice);
            let rows: Vec<String> = values
                .iter()
                .take(most)
                .enumerate()
                .map(|(o, value)| format!("({value}, {o})"))
                .collect();
            format!(
                "(values {}) as v{n}({}, \"mako {n}\")",
                rows.join(", "),
                ident(name)
            )
        })
        .collect();
    let order: Vec<String> = (0..columns.len()).map(|n| format!("\"mako {n}\"")).collect();
    format!(
        "select {} from {} where {} order by {} limit 1",
        idents(columns.iter().map(String::as_str)),
        lists.join(", "),
        expressions
            .iter()
            .map(|expression| format!("(({expression}) is not false)"))
            .collect::<Vec<_>>()
            .join(" and "),
        order.join(" + ")
    )
}
