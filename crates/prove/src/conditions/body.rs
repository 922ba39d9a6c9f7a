//! Finds what in a text can be true or false: a policy is one expression, a function's body several.

use std::sync::LazyLock;

use regex::Regex;
use sqlparser::ast::{Delete, Expr, FromTable, Query, Statement, Update};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::logic::{Alternatives, alternatives, any_of_rows, value_of_query};
use super::scope::Scope;

/// Conditions and results in PL/pgSQL, which the parser doesn't know.
static PARTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?is)\b(?:if|elsif|while)\s+(.+?)\s+(?:then|loop)\b|\breturn\s+(?:query\s+)?(.+?);|\b((?:select|update|delete|perform)\s[^;]+);").ok()
});
static INTO: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\binto\s+(?:strict\s+)?[\w.]+(?:\s*,\s*[\w.]+)*").ok());

/// A part of a body.
pub(super) enum Piece {
    Expression(Box<Expr>),
    Statement(Box<Statement>),
}

impl Piece {
    pub(super) fn alternatives(&self, yes: bool, scope: &Scope<'_>) -> Alternatives {
        match self {
            Self::Expression(expression) => alternatives(expression, yes, scope),
            Self::Statement(statement) => match statement.as_ref() {
                Statement::Query(query) if yes => value_of_query(query, scope),
                Statement::Update(Update { table, selection, .. }) => {
                    any_of_rows(std::slice::from_ref(table), selection.as_ref(), scope)
                }
                Statement::Delete(Delete {
                    from: FromTable::WithFromKeyword(tables),
                    selection,
                    ..
                }) => any_of_rows(tables, selection.as_ref(), scope),
                _ => vec![Vec::new()],
            },
        }
    }
}

/// One expression.
pub(crate) fn expression(text: &str) -> Option<Expr> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?;
    let expression = parser.parse_expr().ok()?;
    matches!(parser.peek_token().token, sqlparser::tokenizer::Token::EOF).then_some(expression)
}

/// Queries, as views have them.
pub(super) fn queries(text: &str) -> Vec<Query> {
    statements(text)
        .into_iter()
        .filter_map(|statement| match statement {
            Statement::Query(query) => Some(*query),
            _ => None,
        })
        .collect()
}

/// What a function's body decides by.
pub(super) fn pieces(source: &str) -> Vec<Piece> {
    let trimmed = source.trim();
    let atomic = trimmed
        .get(..12)
        .is_some_and(|start| start.eq_ignore_ascii_case("begin atomic"));
    let plain = if atomic {
        trimmed
            .get(12..)
            .unwrap_or_default()
            .trim_end()
            .trim_end_matches("END")
    } else {
        trimmed
    };
    let whole = statements(plain);
    if !whole.is_empty() {
        return whole
            .into_iter()
            .map(|statement| Piece::Statement(Box::new(statement)))
            .collect();
    }
    if let Some(expression) = plain
        .get(..7)
        .filter(|start| start.eq_ignore_ascii_case("return "))
    {
        let rest = &plain[expression.len()..];
        return self::expression(rest)
            .map(|expression| Piece::Expression(Box::new(expression)))
            .into_iter()
            .collect();
    }
    let Some(parts) = PARTS.as_ref() else {
        return Vec::new();
    };
    let texts = parts
        .captures_iter(plain)
        .filter_map(|found| found.get(1).or(found.get(2)).or(found.get(3)));
    texts.flat_map(|text| piece(text.as_str())).collect()
}

fn piece(text: &str) -> Vec<Piece> {
    if let Some(expression) = expression(text) {
        return vec![Piece::Expression(Box::new(expression))];
    }
    let text = INTO
        .as_ref()
        .map_or_else(|| text.into(), |into| into.replace(text, ""));
    let text = text.trim_start();
    let text = match text.get(..7) {
        Some(start) if start.eq_ignore_ascii_case("perform") => format!("select{}", &text[7..]),
        _ => text.to_owned(),
    };
    statements(&text)
        .into_iter()
        .map(|statement| Piece::Statement(Box::new(statement)))
        .collect()
}

fn statements(text: &str) -> Vec<Statement> {
    Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap_or_default()
}
