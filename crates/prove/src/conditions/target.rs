//! The column that a comparison looks at, how it looks at it, and what the column holds in which that is a given value.

use std::sync::LazyLock;

use sqlparser::ast::{BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::constant::{only_value, text};
use super::fact::{Fact, Holder};
use super::scope::{Meaning, Scope, identifiers};
use crate::catalog::{Category, Column, Identity};
use crate::sql::literal;

/// The column that a comparison is about, and how its value is looked at.
pub(super) struct Target<'a> {
    pub(super) holder: Holder,
    pub(super) column: &'a Column,
    pub(super) view: View,
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

/// What rows of several tenants hold.
const ALIKE: &str = "'mako-alike'";
const NUMBER: &str = "'4711'";
const DAY: &str = "'2024-02-29'";

/// Whether a value is one that rows of several tenants hold to meet each other.
pub(super) fn is_alike(value: &str) -> bool {
    [ALIKE, NUMBER, DAY].iter().any(|alike| value.contains(alike))
}

/// How a value is looked at.
pub(super) enum View {
    Whole,
    /// A member of a JSON document; the last arrow gives JSON instead of text.
    Member {
        path: Vec<String>,
        json: bool,
    },
    /// What stands between separators, the first at 1.
    Part {
        separator: String,
        at: usize,
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

impl Target<'_> {
    /// The value of the column in which the value that is looked at is this.
    pub(super) fn hold(&self, value: &str) -> Fact {
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
            View::Part { separator, at } => {
                let before = literal(&format!("mako{separator}").repeat(at - 1));
                let after = literal(&format!("{separator}mako"));
                format!("({before} || ({value})::text || {after})::{base}")
            }
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

    /// What rows of several tenants may hold alike: no key, and no reference to another row.
    pub(super) fn natural(&self, scope: &Scope<'_>) -> Option<&'static str> {
        let Holder::Relation(relation) = self.holder else {
            return None;
        };
        let table = &scope.catalog.relations[relation];
        let name = &self.column.name;
        let refers = table.foreign_keys.iter().any(|key| key.columns.contains(name));
        let is_key = table.key().is_some_and(|key| key == [name.as_str()]);
        if refers || is_key || !matches!(self.view, View::Whole) {
            return None;
        }
        match self.column.category {
            Category::String => Some(ALIKE),
            Category::Numeric => Some(NUMBER),
            Category::Date => Some(DAY),
            _ => None,
        }
    }

    /// A claim by the path to it, its value as JSON.
    pub(super) fn claim(&self, value: &serde_json::Value) -> Fact {
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
    pub(super) fn beyond(&self, value: &str, sign: char) -> String {
        let numeric = match self.view {
            View::Whole => self.column.category == Category::Numeric,
            View::Length | View::Count => true,
            View::Lower | View::Upper => matches!(self.bound(), "int4" | "int8" | "numeric"),
            View::Part { .. } => false,
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
    pub(super) fn other_than(&self, value: &str) -> Option<String> {
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
            (View::Whole, Category::Array) => {
                let element = self.column.element.as_deref().unwrap_or("text");
                Some(format!("array_fill(null::{element}, array[1])"))
            }
            (View::Whole, _) if self.column.base_name == "jsonb" => Some(r#"'{"mako": true}'"#.to_owned()),
            _ => None,
        }
    }
}

/// The column that an expression looks at, through casts, members and lengths.
pub(super) fn target<'s>(expr: &Expr, scope: &'s Scope<'_>) -> Option<Target<'s>> {
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
        ("split_part", View::Whole) => part(&list.args)?,
        ("length" | "char_length", View::Whole) => View::Length,
        ("cardinality" | "array_length", View::Whole) => View::Count,
        _ => return None,
    };
    Some(Target { view, ..target })
}

/// The second and third argument of `split_part`.
fn part(args: &[FunctionArg]) -> Option<View> {
    let [_, separator, at] = args else { return None };
    let said = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => text(expr),
        _ => None,
    };
    let at = said(at)?.parse().ok().filter(|at| (1..8).contains(at))?;
    Some(View::Part {
        separator: said(separator)?,
        at,
    })
}
