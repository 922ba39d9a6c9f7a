//! Splits a script into its statements, each with the line at which it stands.

use std::sync::LazyLock;

use regex::Regex;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// The privilege and the comma that ties it to others.
static MAINTAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i),\s*maintain\b|\bmaintain\s*,\s*|\bmaintain\b").ok());
/// No privilege is named any more.
static ALONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?is)^\s*(?:alter\s.*\b)?(?:grant|revoke)\s+(?:grant\s+option\s+for\s+)?on\b").ok()
});

/// One statement of a script.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Statement<'a> {
    /// Without the semicolon.
    pub(super) text: &'a str,
    /// From 1: that of its first word.
    pub(super) line: usize,
    /// Its first words, in lower case; identifiers without their quotes.
    words: Vec<String>,
}

/// So many words tell what a statement is: `create extension if not exists name`.
const WORDS: usize = 6;

impl Statement<'_> {
    /// The line of a character of it, counted from 1 as Postgres counts.
    pub(super) fn line_at(&self, character: usize) -> usize {
        let before = self.text.chars().take(character.saturating_sub(1));
        self.line + before.filter(|character| *character == '\n').count()
    }

    fn begins_with(&self, words: &[&str]) -> bool {
        words.len() <= self.words.len() && words.iter().zip(&self.words).all(|(word, said)| said == word)
    }

    /// Whether it begins or ends a transaction.
    pub(super) fn is_of_transactions(&self) -> bool {
        [
            &["begin"][..],
            &["start", "transaction"],
            &["commit"],
            &["end"],
            &["rollback"],
        ]
        .iter()
        .any(|words| self.begins_with(words))
    }

    /// The extension that it only says something of.
    pub(super) fn extension_commented(&self) -> Option<&str> {
        let comments = self.begins_with(&["comment", "on", "extension"]);
        self.words.get(3).map(String::as_str).filter(|_| comments)
    }

    /// The same without MAINTAIN, which a dump of a newer PostgreSQL grants beside others and no policy knows: empty if
    /// nothing else was granted or revoked.
    pub(super) fn without_maintain(&self) -> Option<String> {
        if !["grant", "revoke", "alter"]
            .iter()
            .any(|word| self.begins_with(&[word]))
        {
            return None;
        }
        let text = MAINTAIN.as_ref()?.replacen(self.text, 1, "").into_owned();
        let is_alone = ALONE.as_ref()?.is_match(&text);
        Some(if is_alone { String::new() } else { text })
    }

    /// The extension that it creates.
    pub(super) fn extension(&self) -> Option<&str> {
        if !self.begins_with(&["create", "extension"]) {
            return None;
        }
        let after = if self.begins_with(&["create", "extension", "if", "not", "exists"]) {
            5
        } else {
            2
        };
        self.words.get(after).map(String::as_str)
    }

    /// Whether who may do what can depend on it.
    pub(super) fn decides_access(&self) -> bool {
        ![
            &["create", "index"][..],
            &["create", "unique", "index"],
            &["comment"],
        ]
        .iter()
        .any(|words| self.begins_with(words))
    }
}

/// The statements of a script, without empty ones. What can't be told apart is one statement.
pub(super) fn statements(script: &str) -> Vec<Statement<'_>> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, script).tokenize_with_location();
    let Ok(tokens) = tokens else {
        return vec![Statement {
            text: script,
            line: 1,
            words: Vec::new(),
        }];
    };
    let offsets = Offsets::of(script);
    let mut found = Vec::new();
    let mut body = Body::default();
    for piece in tokens.split_inclusive(|token| body.ends_statement(&token.token)) {
        let mut said = piece
            .iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::SemiColon));
        let Some(first) = said.next() else { continue };
        let last = said.next_back().unwrap_or(first);
        let text = &script[offsets.at(first.span.start)..offsets.at(last.span.end)];
        let line = usize::try_from(first.span.start.line).unwrap_or(usize::MAX);
        found.push(Statement {
            text,
            line,
            words: words(piece),
        });
    }
    found
}

fn words(piece: &[TokenWithSpan]) -> Vec<String> {
    let word = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    };
    piece.iter().filter_map(word).take(WORDS).collect()
}

/// Knows the semicolons inside of a function's `begin atomic … end` (PostgreSQL 14) from those between statements.
#[derive(Default)]
struct Body {
    depth: usize,
    has_begun: bool,
}

impl Body {
    fn ends_statement(&mut self, token: &Token) -> bool {
        if let Token::Word(word) = token {
            match word.keyword {
                Keyword::ATOMIC if self.has_begun => self.depth += 1,
                Keyword::CASE if self.depth > 0 => self.depth += 1,
                Keyword::END => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        if !matches!(token, Token::Whitespace(_)) {
            self.has_begun = matches!(token, Token::Word(word) if word.keyword == Keyword::BEGIN);
        }
        *token == Token::SemiColon && self.depth == 0
    }
}

/// Where the lines of a script begin, in bytes.
struct Offsets<'a> {
    script: &'a str,
    lines: Vec<usize>,
}

impl<'a> Offsets<'a> {
    fn of(script: &'a str) -> Self {
        let following = script.match_indices('\n').map(|(offset, _)| offset + 1);
        Self {
            script,
            lines: std::iter::once(0).chain(following).collect(),
        }
    }

    /// Of a place that the tokenizer names: line and character, from 1.
    fn at(&self, place: Location) -> usize {
        let line = usize::try_from(place.line)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let column = usize::try_from(place.column)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(self.script.len());
        let rest = &self.script[start..];
        start
            + rest
                .char_indices()
                .nth(column)
                .map_or(rest.len(), |(offset, _)| offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<(usize, &str)> {
        statements(script)
            .iter()
            .map(|statement| (statement.line, statement.text))
            .collect()
    }

    #[test]
    fn a_semicolon_in_a_text_a_body_or_a_comment_ends_nothing() {
        let script = "-- one; two\n\nselect 'a;b', \"c;d\", E'\\';';\n\ncreate function f() returns int language plpgsql as $x$ begin; return 1; end $x$;\n/* a; /* b; */ */ select 2";
        assert_eq!(
            texts(script),
            [
                (3, "select 'a;b', \"c;d\", E'\\';'"),
                (
                    5,
                    "create function f() returns int language plpgsql as $x$ begin; return 1; end $x$"
                ),
                (6, "select 2"),
            ]
        );
    }

    #[test]
    fn a_body_of_sql_is_part_of_its_function() {
        let body = "create function f() returns int begin atomic select case when true then 1 else 2 end; select 3; end";
        assert_eq!(
            texts(&format!("begin;\n{body};\ncommit;")),
            [(1, "begin"), (2, body), (3, "commit")]
        );
    }

    #[test]
    fn lines_are_those_of_the_file_also_behind_other_letters() {
        let script = "comment on table a is 'größer; ✓';\nselect\n  nothing;";
        let found = statements(script);
        assert_eq!((found[1].text, found[1].line_at(10)), ("select\n  nothing", 3));
    }

    #[test]
    fn what_a_newer_server_may_be_granted_is_left_out() {
        let without = |script: &str| statements(script)[0].without_maintain();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            without("GRANT SELECT,MAINTAIN ON TABLE a TO anon"),
            some("GRANT SELECT ON TABLE a TO anon")
        );
        assert_eq!(
            without("revoke maintain, select on table a from anon"),
            some("revoke select on table a from anon")
        );
        assert_eq!(without("grant maintain on table a to anon"), some(""));
        assert_eq!(
            without("alter default privileges in schema public grant maintain on tables to anon"),
            some("")
        );
        assert_eq!(without("create table maintain (a int)"), None);
    }

    #[test]
    fn what_creates_an_extension_names_it() {
        for script in [
            "CREATE EXTENSION IF NOT EXISTS \"pg_cron\" WITH SCHEMA extensions",
            "create extension pg_cron",
        ] {
            assert_eq!(statements(script)[0].extension(), Some("pg_cron"));
        }
        assert_eq!(statements("create table extension (a int)")[0].extension(), None);
    }
}
