//! Solves comparisons for what a column must hold: `price > 100`, `'public' = any (tags)`, `meta ->> 'k' = 'v'`,
//! `published_at < now()`: the answer is SQL, so that times and casts are the database's.

use sqlparser::ast::{BinaryOperator, Expr, InTarget};

use super::constant::{bare, constant, like, text};
use super::fact::{Fact, Holder};
use super::logic::{Alternatives, answered, unknown};
use super::operator::{flipped, opposite};
use super::scope::Scope;
use super::target::{Target, View, target};
use crate::catalog::Category;
use crate::pattern::sample;
use crate::sql::literal;

/// How to make what isn't logic true, or false.
pub(super) fn solve(expr: &Expr, yes: bool, scope: &Scope<'_>) -> Alternatives {
    let one = |target: Option<Target<'_>>, value: Option<String>| match (target, value) {
        (Some(target), Some(value)) => vec![vec![target.hold(&value)]],
        _ => unknown(),
    };
    match expr {
        Expr::IsNull(expr) if yes => match target(expr, scope) {
            Some(target) if matches!(target.view, View::Whole) => vec![vec![target.hold("null")]],
            _ => unknown(),
        },
        Expr::BinaryOp { left, op, right } => {
            compare(left, &if yes { op.clone() } else { opposite(op) }, right, scope)
        }
        Expr::IsNotDistinctFrom(left, right) if yes => compare(left, &BinaryOperator::Eq, right, scope),
        Expr::AnyOp { left, right, .. } if yes => any_of(left, right, scope),
        Expr::In {
            expr,
            target: InTarget::List(list),
            negated,
            ..
        } if yes != *negated => list
            .iter()
            .take(3)
            .flat_map(|value| one(target(expr, scope), constant(value, scope)))
            .collect(),
        Expr::Between {
            expr, low, negated, ..
        } if yes != *negated => one(target(expr, scope), constant(low, scope)),
        Expr::Like {
            expr,
            pattern,
            negated,
            ..
        }
        | Expr::ILike {
            expr,
            pattern,
            negated,
            ..
        } if yes != *negated => one(target(expr, scope), like(pattern)),
        _ => boolean(expr, yes, scope),
    }
}

/// A boolean by itself.
fn boolean(expr: &Expr, yes: bool, scope: &Scope<'_>) -> Alternatives {
    let is_boolean = |target: &Target<'_>| {
        target.column.category == Category::Boolean || matches!(target.view, View::Member { .. })
    };
    let target = target(expr, scope).filter(is_boolean);
    target.map_or_else(unknown, |target| {
        vec![vec![target.hold(if yes { "'true'" } else { "'false'" })]]
    })
}

/// A comparison, with the column on either side and constants around it.
pub(super) fn compare(left: &Expr, op: &BinaryOperator, right: &Expr, scope: &Scope<'_>) -> Alternatives {
    let empty = |list: &Expr| {
        let target = target(list, scope).filter(|target| target.column.category == Category::Array)?;
        Some(target.hold("'{}'"))
    };
    let found = match (constant(left, scope), constant(right, scope)) {
        // An empty list is within every other.
        (None, _) if *op == BinaryOperator::ArrowAt => empty(left),
        (_, None) if *op == BinaryOperator::AtArrow && constant(left, scope).is_none() => empty(right),
        (None, Some(value)) => against(left, op, &value, right, scope),
        (Some(value), None) => against(right, &flipped(op), &value, left, scope),
        (None, None) if *op == BinaryOperator::Eq => return alike(left, right, scope),
        _ => None,
    };
    found.map_or_else(unknown, |fact| vec![vec![fact]])
}

/// Rows that meet by what they hold, where no key ties them to each other: a view that joins on a code that each tenant
/// has for itself.
fn alike(left: &Expr, right: &Expr, scope: &Scope<'_>) -> Alternatives {
    let (Some(left), Some(right)) = (target(left, scope), target(right, scope)) else {
        return unknown();
    };
    if left.holder == right.holder || left.column.category != right.column.category {
        return unknown();
    }
    match (left.natural(scope), right.natural(scope)) {
        (Some(value), Some(_)) => vec![vec![left.hold(value), right.hold(value)]],
        _ => unknown(),
    }
}

/// The column within a sum, a difference or a mask.
fn reckoned(subject: &Expr, op: &BinaryOperator, value: &str, raw: &Expr, scope: &Scope<'_>) -> Option<Fact> {
    let Expr::BinaryOp {
        left,
        op: sign,
        right,
    } = subject
    else {
        return None;
    };
    let of = |column: &Expr, op: &BinaryOperator, value: &str| against(column, op, value, raw, scope);
    match (sign, constant(left, scope), constant(right, scope)) {
        // What is added to the column is taken from the constant.
        (BinaryOperator::Plus, None, Some(term)) => of(left, op, &format!("({value} - {term})")),
        (BinaryOperator::Plus, Some(term), None) => of(right, op, &format!("({value} - {term})")),
        (BinaryOperator::Minus, None, Some(term)) => of(left, op, &format!("({value} + {term})")),
        (BinaryOperator::Minus, Some(term), None) => of(right, &flipped(op), &format!("({term} - {value})")),
        (BinaryOperator::BitwiseAnd, None, Some(mask)) => {
            of(left, &BinaryOperator::Eq, bits(op, value, &mask))
        }
        (BinaryOperator::BitwiseAnd, Some(mask), None) => {
            of(right, &BinaryOperator::Eq, bits(op, value, &mask))
        }
        _ => None,
    }
}

/// What leaves a value under a mask, or else anything.
fn bits<'v>(op: &BinaryOperator, value: &'v str, mask: &'v str) -> &'v str {
    if *op == BinaryOperator::Eq { value } else { mask }
}

fn against(subject: &Expr, op: &BinaryOperator, value: &str, raw: &Expr, scope: &Scope<'_>) -> Option<Fact> {
    if let Expr::BinaryOp {
        op: BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::BitwiseAnd,
        ..
    } = bare(subject)
    {
        return reckoned(bare(subject), op, value, raw, scope);
    }
    let Some(target) = target(subject, scope) else {
        return answered(subject, scope, |answer, scope| {
            against(answer, op, value, raw, scope)
        });
    };
    let held = match op {
        BinaryOperator::PGLikeMatch | BinaryOperator::PGILikeMatch => like(raw)?,
        BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexIMatch => literal(&sample(&text(raw)?, 1, 4)?),
        BinaryOperator::Question if target.holder == Holder::Claims => {
            return Some(target.claim(&serde_json::json!([text(raw)?])));
        }
        BinaryOperator::Question => {
            return Some(target.hold(&format!("jsonb_build_object({value}, true)")));
        }
        BinaryOperator::AtArrow if target.column.category == Category::Range => {
            format!("{}({value}, null, '[]')", target.column.base_name)
        }
        BinaryOperator::Gt | BinaryOperator::GtEq if target.column.category == Category::Enum => {
            literal(target.column.labels.last()?)
        }
        BinaryOperator::Lt | BinaryOperator::LtEq if target.column.category == Category::Enum => {
            literal(target.column.labels.first()?)
        }
        BinaryOperator::Eq
        | BinaryOperator::GtEq
        | BinaryOperator::LtEq
        | BinaryOperator::AtArrow
        | BinaryOperator::PGOverlap
        | BinaryOperator::PGStartsWith => value.to_owned(),
        BinaryOperator::Gt => target.beyond(value, '+'),
        BinaryOperator::Lt => target.beyond(value, '-'),
        BinaryOperator::NotEq => target.other_than(value)?,
        _ => return None,
    };
    Some(target.hold(&held))
}

/// `'x' = any (column)`, or a column that is one of several constants.
fn any_of(left: &Expr, right: &Expr, scope: &Scope<'_>) -> Alternatives {
    let held = |target: Option<Target<'_>>, value: &str| {
        target.map_or_else(unknown, |target| vec![vec![target.hold(value)]])
    };
    if let Some(value) = constant(left, scope) {
        return match target(right, scope) {
            Some(target) if target.column.category == Category::Array => {
                held(Some(target), &format!("array[{value}]"))
            }
            _ => unknown(),
        };
    }
    match bare(right) {
        Expr::Array(array) => {
            let values = array.elem.iter().filter_map(|value| constant(value, scope));
            values
                .take(3)
                .flat_map(|value| held(target(left, scope), &value))
                .collect()
        }
        _ => match constant(right, scope) {
            Some(list) => held(target(left, scope), &format!("({list})[1]")),
            None => unknown(),
        },
    }
}
