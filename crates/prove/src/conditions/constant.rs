//! What is the same for every row and every user? Literals, arrays, times and what is reckoned from them.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, SelectItem,
    SetExpr, UnaryOperator, Value,
};

use super::scope::{Meaning, Scope, identifiers};
use crate::sql::literal;

/// Functions of time, which are the same throughout a statement.
const OF_TIME: [&str; 14] = [
    "now",
    "current_date",
    "current_timestamp",
    "localtimestamp",
    "localtime",
    "current_time",
    "statement_timestamp",
    "transaction_timestamp",
    "clock_timestamp",
    "timezone",
    "make_interval",
    "make_date",
    "to_timestamp",
    "date_trunc",
];

/// The SQL of an expression that is the same for every row and every user.
pub(super) fn constant(expr: &Expr, scope: &Scope<'_>) -> Option<String> {
    if let Some(Meaning::Value(given, caller)) = scope.meaning(expr) {
        return constant(given, caller);
    }
    is_constant(expr).then(|| expr.to_string())
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(expr)
        | Expr::Cast { expr, .. }
        | Expr::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr,
        } => is_constant(expr),
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_) | Value::Null),
        Expr::TypedString(_) | Expr::Interval(_) => true,
        Expr::Subquery(query) => only_value(query).is_some_and(is_constant),
        Expr::Array(array) => array.elem.iter().all(is_constant),
        Expr::AtTimeZone { timestamp, .. } => is_constant(timestamp),
        Expr::BinaryOp {
            left,
            op:
                BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Divide,
            right,
        } => is_constant(left) && is_constant(right),
        Expr::Function(function) => is_constant_call(function),
        _ => false,
    }
}

fn is_constant_call(function: &Function) -> bool {
    let name = identifiers(&function.name).and_then(|mut names| names.pop());
    let is_constant = |argument: &FunctionArg| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if is_constant(expr));
    name.is_some_and(|name| OF_TIME.contains(&name.to_lowercase().as_str()))
        && match &function.args {
            FunctionArguments::None => true,
            FunctionArguments::List(list) => list.args.iter().all(is_constant),
            FunctionArguments::Subquery(_) => false,
        }
}

/// What a subquery without tables gives.
pub(super) fn only_value(query: &Query) -> Option<&Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }]
            if select.from.is_empty() && select.selection.is_none() =>
        {
            Some(expr)
        }
        _ => None,
    }
}

pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(expr) | Expr::Cast { expr, .. } => bare(expr),
        _ => expr,
    }
}

/// The text of a constant.
pub(super) fn text(expr: &Expr) -> Option<String> {
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::Number(text, _) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A text that a pattern of LIKE matches.
pub(super) fn like(pattern: &Expr) -> Option<String> {
    text(pattern).map(|pattern| literal(&pattern.replace('%', "").replace('_', "a")))
}
