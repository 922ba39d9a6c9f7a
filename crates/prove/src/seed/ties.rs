//! What checks tie together: a column that is another's doubled, or comes after it, has candidates that depend on that one.

use std::collections::BTreeMap;

use sqlparser::ast::{BinaryOperator, Expr};

use super::lawful::names;
use crate::catalog::{Category, Relation};
use crate::conditions::body::expression;
use crate::sql::ident;

/// Candidates of columns, as expressions over others.
pub(super) type Ties = BTreeMap<String, Vec<String>>;

/// What the checks say of columns by others of the same list.
pub(super) fn ties(table: &Relation, checks: &[String], columns: &[String]) -> Ties {
    let mut found = Ties::new();
    for check in checks {
        if let Some(expr) = expression(check) {
            of(&expr, table, columns, &mut found);
        }
    }
    found
}

/// The columns in an order in which every one that is tied comes after what it is tied to.
pub(super) fn in_order(columns: &[String], ties: &mut Ties) -> Vec<String> {
    let (mut rest, mut placed): (Vec<String>, Vec<String>) = (columns.to_vec(), Vec::new());
    while !rest.is_empty() {
        let waits = |name: &String| {
            let of = |on: &&String| {
                *on != name
                    && ties
                        .get(name)
                        .is_some_and(|ties| ties.iter().any(|tie| names(tie, on)))
            };
            rest.iter().any(|on| of(&on))
        };
        let at = rest.iter().position(|name| !waits(name)).unwrap_or_else(|| {
            // A circle: this one is no longer tied.
            ties.remove(&rest[0]);
            0
        });
        placed.push(rest.remove(at));
    }
    placed
}

fn of(expr: &Expr, table: &Relation, columns: &[String], found: &mut Ties) {
    match expr {
        Expr::Nested(inner) => of(inner, table, columns, found),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And | BinaryOperator::Or,
            right,
        } => {
            of(left, table, columns, found);
            of(right, table, columns, found);
        }
        Expr::BinaryOp { left, op, right } => {
            let known = |expr| column(expr).filter(|name| columns.contains(name));
            match (known(left), op, known(right)) {
                (Some(a), BinaryOperator::Lt | BinaryOperator::LtEq, Some(b))
                | (Some(b), BinaryOperator::Gt | BinaryOperator::GtEq, Some(a)) => {
                    let after = after(table, &a, &b);
                    found.entry(b).or_default().extend(after);
                }
                (Some(name), BinaryOperator::Eq, _) => equal(name, right, columns, found),
                (None, BinaryOperator::Eq, Some(name)) => equal(name, left, columns, found),
                _ => {}
            }
        }
        _ => {}
    }
}

fn equal(name: String, value: &Expr, columns: &[String], found: &mut Ties) {
    let value = value.to_string();
    let others = columns
        .iter()
        .filter(|other| **other != name && names(&value, other));
    if others.count() > 0 && !names(&value, &name) {
        found.entry(name).or_default().push(value);
    }
}

/// What comes a little after another value.
fn after(table: &Relation, column: &str, of: &str) -> Vec<String> {
    let name = ident(column);
    match table
        .column(of)
        .map(|column| (column.category, column.base_name.as_str()))
    {
        Some((Category::Numeric, _) | (Category::Date, "date")) => vec![format!("{name} + 1"), name],
        Some((Category::Date, _)) => vec![
            format!("{name} + interval '1 hour'"),
            format!("{name} + interval '1 day'"),
        ],
        _ => Vec::new(),
    }
}

/// A column by itself, cast or not.
fn column(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => column(inner),
        Expr::Cast { expr, .. } => column(expr),
        Expr::Identifier(name) => Some(name.value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tied_comes_last() {
        let mut ties = Ties::from([
            (
                "ends".to_owned(),
                vec!["\"starts\" + interval '1 hour'".to_owned()],
            ),
            ("total".to_owned(), vec!["(ends - starts)".to_owned()]),
        ]);
        let columns = ["total", "ends", "starts"].map(str::to_owned);
        assert_eq!(in_order(&columns, &mut ties), ["starts", "ends", "total"]);
        let mut circle = Ties::from([
            ("a".to_owned(), vec!["b".to_owned()]),
            ("b".to_owned(), vec!["a".to_owned()]),
        ]);
        assert_eq!(in_order(&["a", "b"].map(str::to_owned), &mut circle), ["a", "b"]);
    }
}
