//! Finds candidates that satisfy the checks of a table. The database is asked, for all columns that share a check
//! together.

use std::collections::{BTreeMap, BTreeSet};

use super::lawful::names;
use super::ties::{Ties, in_order, ties};
use crate::catalog::Relation;
use crate::sql::{ident, idents, typed};
use crate::values;

/// An expression that must hold, and the columns that decide it.
type Demand = (String, BTreeSet<String>);

/// Checks that share columns, and what else is wanted, are decided together: their expressions, and the columns to decide.
pub(super) fn components(
    table: &Relation,
    choices: &BTreeMap<String, Vec<String>>,
    wanted: Option<String>,
) -> Vec<(Vec<String>, Vec<String>)> {
    let mut groups: Vec<(Vec<String>, BTreeSet<String>)> = Vec::new();
    for (expression, columns) in demands(table, wanted) {
        let (joined, rest): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|(_, others)| !others.is_disjoint(&columns));
        let mut merged = (vec![expression], columns);
        for (expressions, columns) in joined {
            merged.0.extend(expressions);
            merged.1.extend(columns);
        }
        groups = rest;
        groups.push(merged);
    }
    // A generated column is no choice; a check on it is left to the insert.
    let chosen = |columns: BTreeSet<String>| columns.into_iter().filter(|name| choices.contains_key(name));
    groups
        .into_iter()
        .map(|(expressions, columns)| (expressions, chosen(columns).collect::<Vec<_>>()))
        .filter(|(_, columns)| !columns.is_empty())
        .collect()
}

/// Checks of the table, of its columns' domains and of a partition, and what else is wanted.
fn demands(table: &Relation, wanted: Option<String>) -> Vec<Demand> {
    let mut demands: Vec<Demand> = Vec::new();
    for check in &table.checks {
        demands.push((check.expression.clone(), check.columns.iter().cloned().collect()));
    }
    for column in &table.columns {
        let checks = column.domain_checks.iter();
        let expressions = checks.filter_map(|check| values::domain_check(check, &column.name));
        demands.extend(expressions.map(|expression| (expression, BTreeSet::from([column.name.clone()]))));
    }
    let columns = || table.columns.iter().map(|column| column.name.clone());
    if let Some(constraint) = &table.partition_constraint {
        let named = columns().filter(|name| constraint.contains(name));
        demands.push((constraint.clone(), named.collect()));
    }
    if let Some(expression) = wanted {
        let named = columns().filter(|name| names(&expression, name)).collect();
        demands.push((expression, named));
    }
    demands
}

/// Asks the database whether the best candidates of all columns satisfy the checks together; mostly they do, and no other
/// combination has to be planned.
pub(super) fn best(
    table: &Relation,
    expressions: &[String],
    columns: &[String],
    choices: &BTreeMap<String, Vec<String>>,
) -> String {
    let best: Vec<String> = columns
        .iter()
        .map(|name| {
            let kind = table.column(name).map_or("text", |column| column.base.as_str());
            let value = choices.get(name).and_then(|values| values.first());
            value.map_or_else(|| typed(None, kind), Clone::clone)
        })
        .collect();
    format!(
        "select {0} from (values ({1})) as v({0}) where {2}",
        idents(columns.iter().map(String::as_str)),
        best.join(", "),
        all_of(expressions)
    )
}

fn all_of(expressions: &[String]) -> String {
    let parts: Vec<String> = expressions
        .iter()
        .map(|expression| format!("(({expression}) is not false)"))
        .collect();
    parts.join(" and ")
}

/// Asks the database for the first combination of candidates that satisfies the checks; the best of each column are
/// mostly enough, and quick to try.
pub(super) fn question(
    table: &Relation,
    expressions: &[String],
    columns: &[String],
    choices: &BTreeMap<String, Vec<String>>,
) -> String {
    // Too many combinations take too long: fewer candidates for each column then.
    let most = match columns.len() {
        0..=2 => 40,
        3 => 20,
        4 => 10,
        5 | 6 => 5,
        _ => 2,
    };
    let ties = ties(table, expressions, columns);
    let among = |most: usize| combinations(table, expressions, columns, choices, ties.clone(), most);
    if columns.len() < 3 || most <= FEW {
        return among(most);
    }
    format!("({}) union all ({}) limit 1", among(FEW), among(most))
}

/// Candidates of each column that are tried first.
const FEW: usize = 2;

/// Sums of more than that might be too large for a column.
const LARGE: f64 = 1e6;

fn combinations(
    table: &Relation,
    expressions: &[String],
    columns: &[String],
    choices: &BTreeMap<String, Vec<String>>,
    mut ties: Ties,
    most: usize,
) -> String {
    let small = |value: &&String| ties.is_empty() || !is_large(value);
    let few: BTreeMap<&String, Vec<String>> = columns
        .iter()
        .map(|name| {
            let values = choices.get(name).map_or(&[][..], Vec::as_slice);
            (name, values.iter().filter(small).take(most).cloned().collect())
        })
        .collect();
    let ordered = in_order(columns, &mut ties);
    let lists: Vec<String> = ordered
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let kind = table.column(name).map_or("text", |column| column.base.as_str());
            let by_others = ties.get(name).into_iter().flatten();
            let rows: Vec<String> = by_others
                .map(|tie| format!("({tie})::{kind}"))
                .chain(few.get(name).into_iter().flatten().cloned())
                .enumerate()
                .map(|(o, value)| format!("({value}, {o})"))
                .collect();
            format!(
                "lateral (values {}) as v{n}({}, \"mako {n}\")",
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
        all_of(expressions),
        order.join(" + ")
    )
}

fn is_large(value: &str) -> bool {
    let number = value.split('\'').nth(1).and_then(|text| text.parse::<f64>().ok());
    number.is_some_and(|number| number.abs() > LARGE)
}
