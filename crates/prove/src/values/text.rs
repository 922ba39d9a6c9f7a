//! Texts that fit a column: by its name, of every kind that checks ask for, and what its own checks speak of.

use super::number::numbers_in;
use super::seed::Seed;
use crate::catalog::Column;
use crate::pattern::sample;
use crate::people::uuid;
use crate::who::email;

/// How many more characters than it must have a text has that a pattern accepts.
const LENGTHS: [u32; 6] = [4, 0, 8, 16, 24, 40];

/// Texts in the order in which they are tried: the likeliest, what checks speak of (constants, patterns and lengths),
/// and the rest.
pub(super) fn texts_for(
    column: &Column,
    seed: Seed<'_>,
    constants: Vec<String>,
    hints: &[&str],
) -> Vec<String> {
    let of_pattern = |pattern: &String| {
        let samples = LENGTHS
            .iter()
            .filter_map(|more| sample(pattern, seed.number, *more));
        samples.collect::<Vec<_>>()
    };
    let patterns: Vec<String> = constants.iter().flat_map(of_pattern).collect();
    let mut plain = usual(column, seed).into_iter();
    let mut texts: Vec<String> = plain.next().into_iter().collect();
    texts.extend(constants);
    texts.extend(patterns);
    texts.extend(as_long_as(hints, seed));
    texts.extend(plain);
    texts
}

/// Texts of the lengths that checks speak of.
fn as_long_as(hints: &[&str], seed: Seed<'_>) -> Vec<String> {
    const MOST: usize = 10_000;
    let marked = seed.marked();
    let measured = hints.iter().filter(|hint| hint.contains("length("));
    let lengths = measured
        .flat_map(|hint| numbers_in(hint))
        .filter_map(|n| n.parse::<usize>().ok());
    lengths
        .flat_map(|length| [length, length + 1])
        .filter(|length| (marked.len()..MOST).contains(length))
        .map(|length| format!("{marked:x<length$}"))
        .collect()
}

fn usual(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let (limit, marked) = (limit(column), seed.marked());
    let mut texts = by_name(&column.name.to_lowercase(), seed);
    texts.extend(of_every_kind(seed));
    texts.retain(|text| text.chars().count() <= limit);
    if limit < marked.len() && limit > 0 {
        // Base 36 of a number that is this row's own, cut to fit.
        let short = base36(seed.nonce % 1_000_000 * 4_000 + seed.number % 4_000);
        let from = short.len().saturating_sub(limit);
        texts.insert(0, short[from..].to_owned());
    }
    texts
}

/// What a column is called says what it holds.
fn by_name(name: &str, seed: Seed<'_>) -> Vec<String> {
    let marked = seed.marked();
    let mut texts = Vec::new();
    if name.contains("email") {
        // Their own, which policies hold against a token's.
        texts.extend((!seed.unique).then(|| email(seed.marker)));
        texts.push(format!("{marked}@example.com"));
    }
    if name.contains("url") || name.contains("link") {
        texts.push(format!("https://example.com/{marked}"));
    }
    if name.contains("json") {
        texts.push(format!("{{\"mako\":\"{marked}\"}}"));
    }
    texts
}

/// One text of each kind that checks are known to ask for.
fn of_every_kind(seed: Seed<'_>) -> Vec<String> {
    let (n, marked) = (seed.number, seed.marked());
    vec![
        marked.clone(),
        marked.to_uppercase(),
        format!("{marked}@example.com"),
        format!("https://example.com/{marked}"),
        format!("+1555{:07}", (seed.nonce + n) % 10_000_000),
        format!("555{:07}", (seed.nonce + n) % 10_000_000),
        format!("{:05}", n % 100_000),
        uuid(seed.nonce, 7_000_000 + n),
        format!("{:02x}{:04x}", seed.nonce & 0xff, n & 0xffff),
        format!("#{:06x}", n & 0xff_ffff),
        format!("{:03}", n % 1000),
        format!("{}", n % 10),
        "a".to_owned(),
        "A".to_owned(),
        "ab".to_owned(),
        "en".to_owned(),
        "US".to_owned(),
        "EUR".to_owned(),
        "UTC".to_owned(),
        "2024-01-01".to_owned(),
        "10:00".to_owned(),
        "{}".to_owned(),
        "user".to_owned(),
        "member".to_owned(),
        "active".to_owned(),
        format!("/{marked}"),
        format!("10.0.0.{}", n % 250 + 1),
        format!("1.0.{n}"),
        "mako prove makes up a row here, and takes it back".to_owned(),
        String::new(),
    ]
}

fn base36(mut n: u64) -> String {
    let mut digits = Vec::new();
    while n > 0 || digits.is_empty() {
        digits.push(char::from_digit(u32::try_from(n % 36).unwrap_or(0), 36).unwrap_or('0'));
        n /= 36;
    }
    digits.iter().rev().collect()
}

pub(super) fn is_text(column: &Column) -> bool {
    matches!(
        column.base_name.as_str(),
        "text" | "varchar" | "bpchar" | "citext" | "name" | "char"
    )
}

/// The longest text that fits: `character varying(10)`.
pub(super) fn limit(column: &Column) -> usize {
    let length = column
        .base
        .split_once('(')
        .and_then(|(_, rest)| rest.trim_end_matches(')').parse().ok());
    match (length, column.base_name.as_str()) {
        (Some(length), _) => length,
        (None, "bpchar" | "char") => 1,
        (None, "name") => 63,
        (None, _) => usize::MAX,
    }
}
