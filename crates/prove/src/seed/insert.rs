//! Makes rows as their owner, as far as the database lets them be made, and remembers them.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{Draft, Fixtures, Row, RowSpec, Seeder};
use crate::catalog::{Category, Relation};
use crate::ids::RelationId;
use crate::script::{Refusal, Script};
use crate::sql::{ident, idents, typed};

impl Seeder<'_> {
    /// Makes rows, as far as the database lets the owner.
    pub(super) async fn insert(&self, fixtures: &mut Fixtures, specs: Vec<RowSpec>) {
        let drafts = self.draft(fixtures, specs).await;
        let refused = self.make(fixtures, drafts).await;
        let (mut again, mut unmet) = (Vec::new(), Vec::new());
        for (draft, refusal) in refused {
            match self.as_triggers_want(&draft, &refusal) {
                Some(draft) => again.push(draft),
                None => unmet.push((draft, refusal)),
            }
        }
        if !again.is_empty() {
            unmet.extend(self.make(fixtures, again).await);
        }
        let mut taken = Vec::new();
        for (draft, refusal) in unmet {
            let why = self.cause(fixtures, &draft, &refusal);
            fixtures.failures.entry(draft.relation).or_insert(why);
            if refusal.code == "23505" {
                taken.push(draft);
            }
        }
        self.adopt(fixtures, taken).await;
    }

    /// Makes rows, and answers with what was refused.
    async fn make(&self, fixtures: &mut Fixtures, drafts: Vec<Draft>) -> Vec<(Draft, Refusal)> {
        let scripts = drafts
            .iter()
            .map(|draft| {
                let place = self.place(fixtures, draft.relation);
                Script::default().ask(self.insertion(draft, &place))
            })
            .collect();
        let outcomes = self.session.keep(scripts).await;
        let mut refused = Vec::new();
        for (draft, outcome) in drafts.into_iter().zip(outcomes) {
            match outcome {
                Ok(rows) if !rows.is_empty() => {
                    let made = self.as_made(draft.clone(), &rows);
                    let key = self.key_of(draft.relation, &rows);
                    fixtures.remember_row(draft.relation, self.statement(&made), draft.marker.clone(), key);
                    self.note(fixtures, &draft, rows, false);
                }
                Ok(_) => {
                    let name = self.catalog.relations[draft.relation].label();
                    fixtures
                        .failures
                        .entry(draft.relation)
                        .or_insert(format!("a trigger or rule keeps rows out of {name}"));
                }
                Err(refusal) => refused.push((draft, refusal)),
            }
        }
        refused
    }

    /// The same with everything in its documents that triggers read there, where one raised an error of its own or had
    /// nothing to write: sign-up triggers demand a name in `raw_user_meta_data`.
    fn as_triggers_want(&self, draft: &Draft, refusal: &Refusal) -> Option<Draft> {
        if !["P0001", "23502"].contains(&refusal.code.as_str()) {
            return None;
        }
        let table = &self.catalog.relations[draft.relation];
        let functions = table
            .triggers
            .iter()
            .filter_map(|trigger| self.catalog.function(trigger.function));
        let sources: Vec<&str> = functions.map(|function| function.source.as_str()).collect();
        let mut wanted = draft.clone();
        let documents = table
            .columns
            .iter()
            .filter(|column| matches!(column.base_name.as_str(), "json" | "jsonb"));
        for column in documents {
            let keys: BTreeSet<String> = sources
                .iter()
                .flat_map(|source| keys_read(source, &column.name))
                .collect();
            let document: BTreeMap<String, &String> =
                keys.into_iter().map(|key| (key, &draft.marker)).collect();
            if let (false, Ok(text)) = (document.is_empty(), serde_json::to_string(&document)) {
                wanted
                    .columns
                    .insert(column.name.clone(), typed(Some(&text), &column.base));
            }
        }
        (wanted.columns != draft.columns).then_some(wanted)
    }

    /// What the key of a row that was made holds.
    fn key_of(&self, relation: RelationId, rows: &[crate::script::Row]) -> Vec<String> {
        let table = &self.catalog.relations[relation];
        let key = table.key().unwrap_or_default();
        let held = table.columns.iter().zip(rows.last().into_iter().flatten());
        held.filter(|(column, _)| key.contains(&column.name.as_str()))
            .filter_map(|(_, value)| value.clone())
            .collect()
    }

    /// The same with the moments that the row holds: it is made again, later, to show what was found by them.
    fn as_made(&self, mut draft: Draft, rows: &[crate::script::Row]) -> Draft {
        let columns = &self.catalog.relations[draft.relation].columns;
        for (column, value) in columns.iter().zip(rows.last().into_iter().flatten()) {
            if let (Category::Date, Some(chosen)) = (column.category, draft.columns.get_mut(&column.name)) {
                *chosen = typed(value.as_deref(), &column.base);
            }
        }
        draft
    }

    /// Why a row couldn't be made: where it refers to one that couldn't, why not that one.
    fn cause(&self, fixtures: &Fixtures, draft: &Draft, refusal: &Refusal) -> String {
        let keys = &self.catalog.relations[draft.relation].foreign_keys;
        let missing = keys
            .iter()
            .find(|key| refusal.code == "23503" && refusal.constraint.as_ref() == Some(&key.name))
            .and_then(|key| self.catalog.position(key.target));
        if let Some((target, why)) = missing.and_then(|at| Some((at, fixtures.failures.get(&at)?))) {
            let name = self.catalog.relations[target].label();
            return if why.contains(" because of ") {
                why.clone()
            } else {
                format!("no row could be made because of {name}: {why}")
            };
        }
        Self::refused_as_public(&refusal.message)
            .unwrap_or_else(|| format!("no row could be made: {} [{}]", refusal.message, refusal.code))
    }

    /// Remembers a row, in its own relation and in those that it is also part of.
    pub(super) fn note(
        &self,
        fixtures: &mut Fixtures,
        draft: &Draft,
        mut rows: Vec<crate::script::Row>,
        existing: bool,
    ) {
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
            fixtures.rows.push(Row {
                relation,
                belongs: draft.belongs,
                marker: draft.marker.clone(),
                values: values.clone(),
                predicate,
                home: draft.relation,
                ctid: ctid.clone(),
                existing,
                public: false,
            });
        }
    }

    fn statement(&self, draft: &Draft) -> String {
        format!(
            "insert into {} ({}) overriding system value values ({})",
            self.catalog.relations[draft.relation].sql(),
            idents(draft.columns.keys().map(String::as_str)),
            draft.columns.values().cloned().collect::<Vec<_>>().join(", ")
        )
    }

    /// The statement that makes a row, and answers with it.
    pub(super) fn insertion(&self, draft: &Draft, place: &str) -> String {
        let table = &self.catalog.relations[draft.relation];
        format!(
            "{} returning {}, {place}",
            self.statement(draft),
            idents(table.columns.iter().map(|column| column.name.as_str()))
        )
    }
}

/// Finds exactly this row.
pub(super) fn predicate(table: &Relation, values: &BTreeMap<String, Option<String>>) -> String {
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

/// The keys of a document that a trigger's function reads as text. What it casts may have to be anything.
fn keys_read(source: &str, column: &str) -> Vec<String> {
    let name = regex::escape(column);
    let Ok(reads) = Regex::new(&format!(r"(?i)\bnew\.{name}\s*->>\s*'([^']+)'(\s*\)\s*::)?")) else {
        return Vec::new();
    };
    let found = reads.captures_iter(source).filter(|found| found.get(2).is_none());
    found.map(|found| found[1].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::keys_read;

    #[test]
    fn what_a_trigger_reads_as_text_is_found() {
        let source = "if NEW.meta->>'name' is null then raise exception 'who?'; end if; \
            insert into p values (coalesce(new.meta ->> 'title', ''), (new.meta->>'org')::uuid, new.other->>'x');";
        assert_eq!(keys_read(source, "meta"), ["name", "title"]);
    }
}
