//! Chooses a function's arguments: the other tenant's ids, words and rows, those first that its names suggest.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Argument, Catalog, Category, Column, Function, Relation};
use crate::context::Context;
use crate::ids::RelationId;
use crate::seed::{Belongs, Row};
use crate::sql::typed;

/// The distance of relations of which a function doesn't speak.
const FAR: usize = 2;

/// The most calls for one function and attacker.
const MOST: usize = 36;

impl Context<'_> {
    /// Values for all arguments, the likeliest to tell something first.
    pub(super) fn argument_lists(&self, function: &Function) -> Vec<String> {
        let known = self.rows_in_question(function);
        let rows: Vec<&Row> = known.iter().collect();
        let choices: Vec<Vec<String>> = function
            .types
            .iter()
            .map(|argument| self.values_for(argument, function, &rows))
            .collect();
        let mut lists = Vec::new();
        let required = function.types.len() - function.defaults.min(function.types.len());
        lists.extend(combinations(&choices));
        if required < choices.len() {
            lists.extend(combinations(&choices[..required]));
        }
        let variadic = |values: &[String]| -> String {
            let mut values = values.to_vec();
            if function.variadic
                && values.len() == function.types.len()
                && let Some(last) = values.last_mut()
            {
                *last = format!("variadic {last}");
            }
            values.join(", ")
        };
        let mut lists: Vec<String> = lists.iter().map(|values| variadic(values)).collect();
        let mut seen = std::collections::HashSet::new();
        lists.retain(|list| seen.insert(list.clone()));
        lists
    }

    /// The other tenant's rows as far as others can know them, of relations that the function speaks of first; then the
    /// attacker's own.
    pub(super) fn rows_in_question(&self, function: &Function) -> Vec<Row> {
        let mut of: BTreeMap<(usize, usize, RelationId), Vec<&Row>> = BTreeMap::new();
        let distances = self.distances(function);
        let whole = self.fixtures.rows.iter().filter(|row| row.relation == row.home);
        for row in whole.filter(|row| !self.catalog.relations[row.relation].is_planted()) {
            let turns = [Belongs::Other, Belongs::Nobody, Belongs::Own];
            if let Some(turn) = turns.iter().position(|belongs| *belongs == row.belongs) {
                let distance = distances.get(&row.relation).copied().unwrap_or(FAR);
                of.entry((turn, distance, row.relation)).or_default().push(row);
            }
        }
        let few = of.iter().flat_map(|((turn, distance, _), rows)| {
            // Of each relation a few: they differ in what policies may distinguish, the last by their content.
            let (first, last) = if *turn == 0 && *distance < FAR {
                (2, 3)
            } else {
                (1, 0)
            };
            rows.iter()
                .take(first)
                .chain(rows.iter().skip(first).rev().take(last))
        });
        few.map(|row| self.as_known(row)).collect()
    }

    /// How far relations are from what a function speaks of: named by it, or by what is.
    fn distances(&self, function: &Function) -> BTreeMap<RelationId, usize> {
        let relations = self.catalog.relations.with_ids();
        let named: Vec<_> = relations
            .filter(|(_, relation)| function.source.contains(relation.name.as_str()))
            .collect();
        let keys = named.iter().flat_map(|(_, relation)| &relation.foreign_keys);
        let referred = keys.filter_map(|key| self.catalog.position(key.target));
        let mut distances: BTreeMap<RelationId, usize> = referred.map(|n| (n, 1)).collect();
        distances.extend(named.iter().map(|(n, _)| (*n, 0)));
        distances
    }

    /// A row without what only those know for whom it is.
    fn as_known(&self, row: &Row) -> Row {
        let mut row = row.clone();
        if row.belongs != Belongs::Own {
            for column in self.plan.secrets(row.relation) {
                row.values.remove(column);
            }
        }
        row
    }

    pub(super) fn values_for(&self, argument: &Argument, function: &Function, rows: &[&Row]) -> Vec<String> {
        if argument.relation != 0 {
            return self.row_values(argument, rows);
        }
        let (others, own): (Vec<&Row>, Vec<&Row>) =
            rows.iter().copied().partition(|row| row.belongs != Belongs::Own);
        let name = plain_name(&argument.name);
        let mut texts = self.by_name(&name, &others);
        // One of the attacker's own among the first: what is theirs may take them further.
        let second = texts.len().min(2);
        texts.splice(second..second, self.by_name(&name, &own).into_iter().take(1));
        match (argument.base_name.as_str(), argument.category) {
            ("uuid", _) => {
                let people = self.people;
                texts.extend(self.keys(argument, &firsts(&others)));
                texts.extend(self.keys(argument, &firsts(&own)));
                texts.extend([people.other.user.clone(), people.other.tenant.clone()]);
                texts.extend(self.keys(argument, &others));
                texts.extend([
                    people.own.user.clone(),
                    people.own.tenant.clone(),
                    people.spare.user.clone(),
                ]);
                texts.extend(self.by_name(&name, &own));
                texts.extend(self.keys(argument, &own));
                texts.retain(|text| text.len() == 36);
            }
            (_, Category::String) => texts.extend(self.words(argument, function, &others)),
            (_, Category::Numeric) => {
                texts.extend(self.numbers(argument, &others, &own));
                texts.retain(|text| fits(&argument.base_name, text));
            }
            (_, Category::Boolean) => texts.extend(["true", "false"].map(str::to_owned)),
            (_, Category::Enum) => texts.extend(argument.labels.clone()),
            (_, Category::Date) => texts.extend(["1970-01-01", "2200-01-01"].map(str::to_owned)),
            (_, Category::Timespan) => texts.extend(["100 years", "0"].map(str::to_owned)),
            ("json" | "jsonb", _) => texts.extend(self.documents(function, &others)),
            (_, Category::Array) => {
                if let Some(element) = element(argument) {
                    let values = self.values_for(&element, function, rows);
                    let few: Vec<String> = values.into_iter().take(8).collect();
                    let filled = format!("array[{}]::{}", few.join(", "), argument.sql_type);
                    return vec![filled, typed(Some("{}"), &argument.sql_type)];
                }
            }
            _ => {}
        }
        let mut known = std::collections::HashSet::new();
        texts.retain(|text| known.insert(text.clone()));
        texts.truncate(24);
        let values = texts.iter().map(|text| typed(Some(text), &argument.sql_type));
        values.chain([typed(None, &argument.sql_type)]).collect()
    }

    /// What a column of that name holds, or the id of a relation of that name.
    fn by_name(&self, name: &str, rows: &[&Row]) -> Vec<String> {
        let mut found = Vec::new();
        for row in rows {
            let relation = &self.catalog.relations[row.relation];
            found.extend(held(row, name));
            let stem = name
                .strip_suffix("_id")
                .or_else(|| name.strip_suffix("id"))
                .unwrap_or(name);
            let of_relation = stem.len() > 1 && relation.name.to_lowercase().starts_with(stem);
            if of_relation && let Some([key]) = relation.key().as_deref() {
                found.extend(held(row, key));
            }
        }
        found
    }

    /// The keys of rows, where they are of the argument's type.
    fn keys(&self, argument: &Argument, rows: &[&Row]) -> Vec<String> {
        let key = |row: &&Row| {
            let relation = &self.catalog.relations[row.relation];
            let key = relation.key().filter(|key| key.len() == 1)?;
            let same = relation.column(key[0])?.base_name == argument.base_name
                || argument.category == Category::String;
            same.then(|| held(row, key[0])).flatten()
        };
        rows.iter().filter_map(key).collect()
    }

    /// The other tenant's ids and words, names of relations and columns, what matches everything.
    fn words(&self, argument: &Argument, function: &Function, others: &[&Row]) -> Vec<String> {
        let mut texts = names_wanted(argument, function, others, self.catalog);
        texts.extend([self.people.other.user.clone(), self.people.other.tenant.clone()]);
        let marked = others.iter().flat_map(|row| {
            let values = row.values.values().flatten();
            values
                .filter(|value| !row.marker.is_empty() && value.contains(&row.marker))
                .take(2)
        });
        texts.extend(marked.take(6).cloned());
        let says = |words: &[&str]| {
            words
                .iter()
                .any(|word| self.catalog.says(&function.source, word, 0))
        };
        let names_things = says(&["execute", "regclass", "_to_xml"]);
        if names_things {
            let relations = others.iter().map(|row| &self.catalog.relations[row.relation]);
            texts.extend(relations.clone().map(|relation| relation.name.clone()).take(3));
            texts.extend(relations.map(Relation::label).take(1));
        }
        texts.extend(self.keys(argument, others).into_iter().take(3));
        texts.extend(["", "true"].map(str::to_owned));
        if names_things {
            texts.extend(["user_id", "id"].map(str::to_owned));
        }
        if names_things || says(&["like", "~", "similar"]) {
            texts.push("%".to_owned());
        }
        if function.source.contains("role") {
            texts.extend(["service_role", "postgres"].map(str::to_owned));
        }
        let said = crate::constants::words_in(&function.source);
        texts.extend(said.into_iter().filter(|word| word.len() < 30).take(4));
        texts
    }

    fn numbers(&self, argument: &Argument, others: &[&Row], own: &[&Row]) -> Vec<String> {
        let ids = [&self.people.other.user, &self.people.other.tenant];
        let mut texts = self.keys(argument, others);
        texts.extend(ids.into_iter().filter(|id| id.parse::<i64>().is_ok()).cloned());
        texts.extend(["1", "0", "1000"].map(str::to_owned));
        texts.extend(self.keys(argument, own));
        texts
    }

    /// The other tenant's rows as JSON, and every key that the function reads.
    pub(super) fn documents(&self, function: &Function, others: &[&Row]) -> Vec<String> {
        let mut documents: Vec<String> = others
            .iter()
            .take(4)
            .filter_map(|row| serde_json::to_string(&row.values).ok())
            .collect();
        let keys: Vec<String> = crate::constants::words_in(&function.source);
        for value in [&self.people.other.user, &self.people.other.tenant] {
            let object: BTreeMap<&str, &str> =
                keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
            documents.extend(serde_json::to_string(&object));
        }
        if let Ok(all) =
            serde_json::to_string(&others.iter().take(3).map(|row| &row.values).collect::<Vec<_>>())
        {
            documents.push(all);
        }
        documents.push("{}".to_owned());
        documents
    }

    pub(super) fn row_values(&self, argument: &Argument, rows: &[&Row]) -> Vec<String> {
        let of = rows.iter().filter(|row| {
            let relation = &self.catalog.relations[row.relation];
            argument.sql_type == relation.name
                || argument.sql_type.ends_with(&format!(".{}", relation.name))
                || argument.sql_type.contains(&format!("\"{}\"", relation.name))
        });
        let mut values: Vec<String> = of
            .take(3)
            .map(|row| {
                let relation = &self.catalog.relations[row.relation];
                let fields: Vec<String> = relation
                    .columns
                    .iter()
                    .map(|column| {
                        typed(
                            row.values.get(&column.name).and_then(Option::as_deref),
                            &column.base,
                        )
                    })
                    .collect();
                format!("row({})::{}", fields.join(", "), relation.sql())
            })
            .collect();
        values.push(typed(None, &argument.sql_type));
        values
    }
}

/// One row of each of the first relations.
fn firsts<'r>(rows: &[&'r Row]) -> Vec<&'r Row> {
    let mut known = BTreeSet::new();
    let firsts = rows.iter().copied().filter(|row| known.insert(row.relation));
    firsts.take(2).collect()
}

/// What a text must be that a function quotes as a name: a relation's, or a column's, the plainest first.
fn names_wanted(argument: &Argument, function: &Function, rows: &[&Row], catalog: &Catalog) -> Vec<String> {
    const RELATIONS: [&str; 6] = ["table", "tbl", "relation", "kind", "entity", "resource"];
    const COLUMNS: [&str; 7] = ["column", "col", "field", "sort", "order", "attribute", "key"];
    let quotes = ["%I", "quote_ident("]
        .iter()
        .any(|way| function.source.contains(way));
    let Some(row) = rows.first().filter(|_| quotes) else {
        return Vec::new();
    };
    let relation = &catalog.relations[row.relation];
    let name = argument.name.to_lowercase();
    let is_one_of = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if is_one_of(&RELATIONS) {
        return vec![relation.name.clone()];
    }
    let mut columns: Vec<&Column> = relation.columns.iter().filter(|_| is_one_of(&COLUMNS)).collect();
    columns.sort_by_key(|column| (column.category != Category::String, column.not_null));
    columns
        .into_iter()
        .map(|column| column.name.clone())
        .take(3)
        .collect()
}

/// An argument's name without the prefixes that keep it apart from columns.
fn plain_name(name: &str) -> String {
    let name = name
        .trim_start_matches("p_")
        .trim_start_matches("in_")
        .trim_start_matches("arg_");
    name.trim_matches('_').to_lowercase()
}

fn held(row: &Row, column: &str) -> Option<String> {
    row.values.get(column).cloned().flatten()
}

/// Whether a text is a number of that type.
fn fits(base_name: &str, text: &str) -> bool {
    match base_name {
        "int2" => text.parse::<i16>().is_ok(),
        "int4" => text.parse::<i32>().is_ok(),
        "int8" => text.parse::<i64>().is_ok(),
        _ => text.parse::<f64>().is_ok(),
    }
}

/// An array's element as if it were an argument.
fn element(array: &Argument) -> Option<Argument> {
    let sql_type = array.element.clone()?;
    let (base_name, category) = match sql_type.as_str() {
        "text" | "character varying" => ("text", Category::String),
        "smallint" => ("int2", Category::Numeric),
        "integer" => ("int4", Category::Numeric),
        "bigint" => ("int8", Category::Numeric),
        "numeric" => ("numeric", Category::Numeric),
        "uuid" | "json" | "jsonb" => (sql_type.as_str(), Category::User),
        _ => return None,
    };
    let base_name = base_name.to_owned();
    Some(Argument {
        sql_type,
        base_name,
        category,
        ..array.clone()
    })
}

/// Every combination if there are few, else one argument after the other.
fn combinations(choices: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut lists: Vec<Vec<String>> = vec![Vec::new()];
    let product: usize = choices.iter().map(Vec::len).product();
    let each = match choices.len() {
        0 | 1 => MOST,
        2 => 6,
        3 => 3,
        _ => 2,
    };
    for values in choices {
        let most = if product <= MOST { values.len() } else { each };
        lists = lists
            .into_iter()
            .flat_map(|list| {
                values
                    .iter()
                    .take(most)
                    .map(move |value| [list.clone(), vec![value.clone()]].concat())
            })
            .collect();
        lists.truncate(MOST);
    }
    let base: Vec<String> = choices
        .iter()
        .filter_map(|values| values.first().cloned())
        .collect();
    if product > MOST && base.len() == choices.len() {
        for (at, values) in choices.iter().enumerate() {
            for value in values.iter().take(12) {
                let mut list = base.clone();
                list[at].clone_from(value);
                lists.push(list);
            }
        }
    }
    lists
}
