//! Solves comparisons for what a column must hold: `price > 100`, `'public' = any (tags)`, `meta ->> 'k' = 'v'`,
//! `published_at < now()`: the answer is SQL, so that times and casts are the database's.

use std::sync::LazyLock;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget,
};

use super::constant::{bare, constant, like, only_value, text};
use super::logic::{Alternatives, Fact, Holder, answered, unknown};
use super::scope::{Meaning, Scope, identifiers};
use crate::catalog::{Category, Column, Identity};
use crate::pattern::sample;
use crate::sql::literal;

/// The column that a comparison is about, and how its value is looked at.
struct Target<'a> {
    holder: Holder,
    column: &'a Column,
    view: View,
}

static CLAIMS_COLUMN: LazyLock<Column> = LazyLock::new(|| Column {
    name: "claims".to_owned(),
    base: "jsonb".to_owned(),
    base_name: "jsonb".to_owned(),
    category: Category::User,
    element: None,
    comparable: true,
    domain_checks: Vec::new(),
    not_null: false,
    default: None,
    sequence: false,
    generated: false,
    identity: Identity::None,
    labels: Vec::new(),
});

/// How a value is looked at.
enum View {
    Whole,
    /// A member of a JSON document; the last arrow gives JSON instead of text.
    Member {
        path: Vec<String>,
        json: bool,
    },
    /// How long a text is.
    Length,
    /// How many elements an array has.
    Count,
    /// Where a range begins.
    Lower,
    /// Where a range ends.
    Upper,
}

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
        _ => None,
    };
    found.map_or_else(unknown, |fact| vec![vec![fact]])
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

impl Target<'_> {
    /// The value of the column in which the value that is looked at is this.
    fn hold(&self, value: &str) -> Fact {
        if self.holder == Holder::Claims {
            let text = crate::constants::words_in(value)
                .pop()
                .unwrap_or_else(|| value.trim_matches(|c| "()".contains(c)).to_owned());
            let json = matches!(self.view, View::Member { json: true, .. });
            let parsed = serde_json::from_str(&text).ok().filter(|_| json);
            return self.claim(&parsed.unwrap_or(serde_json::Value::String(text)));
        }
        let base = &self.column.base;
        let value = match &self.view {
            View::Whole => format!("({value})::{base}"),
            View::Length => format!("repeat('x', ({value})::int)::{base}"),
            View::Count => {
                let element = self.column.element.as_deref().unwrap_or("text");
                format!("array_fill(null::{element}, array[({value})::int])::{base}")
            }
            View::Lower => format!("{}(({value})::{}, null)", self.column.base_name, self.bound()),
            View::Upper => format!("{}(null, ({value})::{})", self.column.base_name, self.bound()),
            View::Member { path, json } => {
                let inner = if *json {
                    format!("({value})::jsonb")
                } else {
                    format!("to_jsonb(({value})::text)")
                };
                let nested = path.iter().rev().fold(inner, |inner, key| {
                    format!("jsonb_build_object({}, {inner})", literal(key))
                });
                format!("({nested})::{base}")
            }
        };
        Fact {
            holder: self.holder,
            column: self.column.name.clone(),
            value,
        }
    }

    /// A claim by the path to it, its value as JSON.
    fn claim(&self, value: &serde_json::Value) -> Fact {
        let path = match &self.view {
            View::Member { path, .. } => path.join("."),
            _ => String::new(),
        };
        Fact {
            holder: Holder::Claims,
            column: path,
            value: value.to_string(),
        }
    }

    /// The type of a range's bounds.
    fn bound(&self) -> &'static str {
        match self.column.base_name.as_str() {
            "int4range" => "int4",
            "int8range" => "int8",
            "numrange" => "numeric",
            "daterange" => "date",
            "tsrange" => "timestamp",
            _ => "timestamptz",
        }
    }

    /// A value above or below a constant.
    fn beyond(&self, value: &str, sign: char) -> String {
        let numeric = match self.view {
            View::Whole => self.column.category == Category::Numeric,
            View::Length | View::Count => true,
            View::Lower | View::Upper => matches!(self.bound(), "int4" | "int8" | "numeric"),
            View::Member { .. } => value.trim_matches(|c| "'()".contains(c)).parse::<f64>().is_ok(),
        };
        if numeric {
            return format!("(({value})::numeric {sign} 1)");
        }
        match self.column.category {
            Category::Date | Category::Range => format!("(({value})::timestamptz {sign} interval '1 day')"),
            Category::Timespan => format!("(({value})::interval {sign} interval '1 day')"),
            _ if sign == '+' => format!("(({value})::text || 'a')"),
            _ => "''".to_owned(),
        }
    }

    /// A value that isn't a constant; a text of its own isn't anyhow.
    fn other_than(&self, value: &str) -> Option<String> {
        match (&self.view, self.column.category) {
            (View::Whole, Category::Boolean) => Some(format!("not ({value})")),
            (View::Whole, Category::Numeric) | (View::Length | View::Count, _) => {
                Some(format!("({value}) + 1"))
            }
            (View::Whole, Category::Enum) => {
                let other = self
                    .column
                    .labels
                    .iter()
                    .find(|label| !value.contains(&literal(label)))?;
                Some(literal(other))
            }
            _ => None,
        }
    }
}

/// The column that an expression looks at, through casts, members and lengths.
fn target<'s>(expr: &Expr, scope: &'s Scope<'_>) -> Option<Target<'s>> {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::Collate { expr: inner, .. } => {
            target(inner, scope)
        }
        Expr::BinaryOp {
            left,
            op: op @ (BinaryOperator::Arrow | BinaryOperator::LongArrow),
            right,
        } => member(left, vec![text(right)?], *op == BinaryOperator::Arrow, scope),
        Expr::BinaryOp {
            left,
            op: op @ (BinaryOperator::HashArrow | BinaryOperator::HashLongArrow),
            right,
        } => {
            let path = text(right)?;
            let path = path.trim_matches(|c| c == '{' || c == '}').split(',');
            member(
                left,
                path.map(str::to_owned).collect(),
                *op == BinaryOperator::HashArrow,
                scope,
            )
        }
        Expr::Function(function) => through(function, scope),
        Expr::Trim { expr, .. } => target(expr, scope),
        Expr::Subquery(query) => target(only_value(query)?, scope),
        _ => match scope.meaning(expr)? {
            Meaning::Column(relation, column) => Some(Target {
                holder: Holder::Relation(relation),
                column,
                view: View::Whole,
            }),
            Meaning::Value(..) => None,
        },
    }
}

fn member<'s>(of: &Expr, mut keys: Vec<String>, json: bool, scope: &'s Scope<'_>) -> Option<Target<'s>> {
    let target = target(of, scope)?;
    if !matches!(target.column.base_name.as_str(), "json" | "jsonb") {
        return None;
    }
    let mut path = match target.view {
        View::Whole => Vec::new(),
        View::Member { path, json: true } => path,
        _ => return None,
    };
    path.append(&mut keys);
    Some(Target {
        view: View::Member { path, json },
        ..target
    })
}

/// Functions that show a column as it is, nearly so, or its length.
fn through<'s>(function: &Function, scope: &'s Scope<'_>) -> Option<Target<'s>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let name = identifiers(&function.name)?.pop()?.to_lowercase();
    let first = match list.args.first() {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) => Some(first),
        _ => None,
    };
    if name == "jwt" || name == "current_setting" && first.and_then(text)? == "request.jwt.claims" {
        return Some(Target {
            holder: Holder::Claims,
            column: &CLAIMS_COLUMN,
            view: View::Whole,
        });
    }
    let first = first?;
    let target = target(first, scope)?;
    let view = match (name.as_str(), target.view) {
        ("lower", View::Whole) if target.column.category == Category::Range => View::Lower,
        ("upper", View::Whole) if target.column.category == Category::Range => View::Upper,
        ("lower" | "upper" | "btrim" | "coalesce" | "nullif" | "date_trunc" | "max" | "min", view) => view,
        ("length" | "char_length", View::Whole) => View::Length,
        ("cardinality" | "array_length", View::Whole) => View::Count,
        _ => return None,
    };
    Some(Target { view, ..target })
}

fn flipped(op: &BinaryOperator) -> BinaryOperator {
    match op {
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::ArrowAt => BinaryOperator::AtArrow,
        BinaryOperator::AtArrow => BinaryOperator::ArrowAt,
        other => other.clone(),
    }
}

fn opposite(op: &BinaryOperator) -> BinaryOperator {
    match op {
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        // Nothing is known of what an operator's absence demands.
        _ => BinaryOperator::Spaceship,
    }
}
