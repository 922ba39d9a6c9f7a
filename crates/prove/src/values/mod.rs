//! What could stand in a column: candidates for each type, in the order in which they are tried; the checks of
//! the table then choose among them.

mod other;

use std::sync::LazyLock;

use regex::Regex;

use crate::catalog::{Category, Column};
use crate::constants::words_in;
use crate::pattern::sample;
use crate::people::uuid;
use crate::sql::typed;
use other::{objects_of, others_for};

/// For which row a value is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed<'a> {
    /// Where text can hold it, so that the row can be found by it.
    pub(crate) marker: &'a str,
    /// Different for each row of a run.
    pub(crate) number: u64,
    pub(crate) nonce: u64,
    /// Which of a tenant's rows: 0 is the plainest, others try out what policies may distinguish.
    pub(crate) variant: usize,
    /// The column must differ from every other row's.
    pub(crate) unique: bool,
}

static LITERAL_DEFAULT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:'(?:[^']|'')*'(?:::[a-zA-Z_0-9 .,()\x22\[\]]+)?|-?\d+(?:\.\d+)?|true|false)$").ok()
});
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\w.'])(-?\d+(?:\.\d+)?)(?:[^\w.']|$)").ok());

/// Words that make a row more powerful than an attacker's should be; they come last.
const POWERS: [&str; 9] = [
    "admin",
    "owner",
    "super",
    "root",
    "staff",
    "system",
    "service",
    "manager",
    "moderator",
];

/// The numbers of an expression.
pub(crate) fn numbers_in(expression: &str) -> Vec<String> {
    let Some(number) = NUMBER.as_ref() else {
        return Vec::new();
    };
    number
        .captures_iter(expression)
        .map(|found| found[1].to_owned())
        .collect()
}

/// Whether a word grants something.
pub(crate) fn is_power(word: &str) -> bool {
    let word = word.to_lowercase();
    POWERS.iter().any(|power| word.contains(power))
}

/// Candidates for a column as SQL expressions, best first. `hints` are expressions of checks that mention it.
pub(crate) fn candidates(column: &Column, seed: Seed<'_>, hints: &[&str]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    if !seed.unique
        && (seed.variant == 0 || !matches!(column.category, Category::Boolean | Category::Numeric))
        && let Some(default) = column
            .default
            .as_deref()
            .filter(|d| LITERAL_DEFAULT.as_ref().is_some_and(|r| r.is_match(d)))
    {
        texts.push(words_in(default).pop().unwrap_or_else(|| default.to_owned()));
    }
    let mut constants: Vec<String> = hints.iter().flat_map(|hint| words_in(hint)).collect();
    constants.sort_by_key(|word| is_power(word));
    match column.category {
        Category::String | Category::User if is_text(column) => {
            texts.extend(texts_among(column, seed, constants, hints));
        }
        Category::Numeric => {
            texts.extend(numbers_for(column, seed));
            texts.extend(around_numbers(hints));
        }
        Category::Date => {
            texts.extend(times_for(column, seed));
            let dates = constants.iter().filter(|word| {
                word.len() >= 10
                    && word.as_bytes()[4] == b'-'
                    && word.starts_with(|c: char| c.is_ascii_digit())
            });
            texts.extend(dates.cloned());
        }
        Category::Enum => {
            let mut labels = column.labels.clone();
            labels.sort_by_key(|label| is_power(label));
            texts.extend(labels);
        }
        Category::Boolean => texts.extend(
            if seed.variant % 2 == 1 {
                ["true", "false"]
            } else {
                ["false", "true"]
            }
            .map(str::to_owned),
        ),
        _ => {
            if matches!(column.base_name.as_str(), "json" | "jsonb") {
                texts.extend(objects_of(&constants, seed));
            }
            texts.extend(others_for(column, seed));
        }
    }
    if column.category == Category::Numeric {
        texts.retain(|text| text.parse::<f64>().is_ok_and(|n| fits(column, n)));
    }
    let mut known = std::collections::HashSet::new();
    texts.retain(|text| known.insert(text.clone()));
    texts.truncate(40);
    texts.iter().map(|text| typed(Some(text), &column.base)).collect()
}

/// How many more characters than it must have a text has that a pattern accepts.
const LENGTHS: [u32; 6] = [4, 0, 8, 16, 24, 40];

/// Texts of the lengths that checks speak of.
fn as_long_as(hints: &[&str], seed: Seed<'_>) -> Vec<String> {
    const MOST: usize = 10_000;
    let marked = format!("{}x{}", seed.marker, seed.number);
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

/// Texts of every kind, and what checks speak of: constants, patterns and lengths.
fn texts_among(column: &Column, seed: Seed<'_>, constants: Vec<String>, hints: &[&str]) -> Vec<String> {
    let of_pattern = |pattern: &String| {
        let samples = LENGTHS
            .iter()
            .filter_map(|more| sample(pattern, seed.number, *more));
        samples.collect::<Vec<_>>()
    };
    let patterns: Vec<String> = constants.iter().flat_map(of_pattern).collect();
    let mut plain = texts_for(column, seed).into_iter();
    let mut texts: Vec<String> = plain.next().into_iter().collect();
    texts.extend(constants);
    texts.extend(patterns);
    texts.extend(as_long_as(hints, seed));
    texts.extend(plain);
    texts
}

/// The numbers that checks speak of, and those beside them.
fn around_numbers(hints: &[&str]) -> Vec<String> {
    let numbers = hints.iter().flat_map(|hint| numbers_in(hint));
    let whole = numbers.filter_map(|n| n.split('.').next()?.parse::<i128>().ok());
    whole
        .flat_map(|n| [n, n + 1, n - 1])
        .map(|n| n.to_string())
        .collect()
}

fn is_text(column: &Column) -> bool {
    matches!(
        column.base_name.as_str(),
        "text" | "varchar" | "bpchar" | "citext" | "name" | "char"
    )
}

/// Whether a number is in the type's range.
fn fits(column: &Column, n: f64) -> bool {
    let bound = match column.base_name.as_str() {
        "int2" => 32_767.0,
        "int4" => 2_147_483_647.0,
        "numeric" => match column
            .base
            .split_once('(')
            .and_then(|(_, rest)| rest.trim_end_matches(')').split_once(','))
        {
            Some((precision, scale)) => {
                let digits = precision.parse::<i32>().unwrap_or(99) - scale.parse::<i32>().unwrap_or(0);
                10_f64.powi(digits) - 1.0
            }
            None => f64::MAX,
        },
        _ => f64::MAX,
    };
    n.abs() <= bound
}

/// The longest text that fits: `character varying(10)`.
fn limit(column: &Column) -> usize {
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

fn texts_for(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let (n, limit) = (seed.number, limit(column));
    let name = column.name.to_lowercase();
    let mail = format!("{}x{n}@example.com", seed.marker);
    let marked = format!("{}x{n}", seed.marker);
    let mut texts = Vec::new();
    if name.contains("email") {
        texts.push(mail.clone());
    }
    if name.contains("url") || name.contains("link") {
        texts.push(format!("https://example.com/{marked}"));
    }
    if name.contains("json") {
        texts.push(format!("{{\"mako\":\"{marked}\"}}"));
    }
    texts.extend([
        marked.clone(),
        marked.to_uppercase(),
        mail,
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
    ]);
    texts.retain(|text| text.chars().count() <= limit);
    if limit < marked.len() && limit > 0 {
        // Base 36 of a number that is this row's own, cut to fit.
        let short = base36(seed.nonce % 1_000_000 * 4_000 + n % 4_000);
        let from = short.len().saturating_sub(limit);
        texts.insert(0, short[from..].to_owned());
    }
    texts
}

fn base36(mut n: u64) -> String {
    let mut digits = Vec::new();
    while n > 0 || digits.is_empty() {
        digits.push(char::from_digit(u32::try_from(n % 36).unwrap_or(0), 36).unwrap_or('0'));
        n /= 36;
    }
    digits.iter().rev().collect()
}

fn numbers_for(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let n = seed.number % 4_000;
    let big = match column.base_name.as_str() {
        "int2" => 28_000 + n,
        "int4" => 1_500_000_000 + seed.nonce % 100_000 * 4_000 + n,
        "int8" => 4_000_000_000_000_000 + seed.nonce % 1_000_000_000 * 4_000 + n,
        "oid" => 4_000_000_000 + n,
        _ => n + 1,
    };
    let small = if seed.variant == 0 { n % 5 + 1 } else { n % 90 + 1 };
    let mut numbers: Vec<String> = if seed.unique {
        vec![big.to_string(), small.to_string()]
    } else {
        vec![small.to_string(), big.to_string()]
    };
    numbers.extend(
        [
            "1", "0", "10", "50", "100", "1000", "0.5", "-1", "2", "5", "18", "2024", "10000",
        ]
        .map(str::to_owned),
    );
    if matches!(column.base_name.as_str(), "int2" | "int4" | "int8" | "oid") {
        numbers.retain(|number| !number.contains('.'));
    }
    numbers
}

/// Names of columns that say until when something holds.
const ENDS: [&str; 7] = ["expir", "until", "ends_", "end_", "_end", "valid_to", "deadline"];

fn times_for(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let n = seed.number;
    let is_end = ENDS.iter().any(|word| column.name.to_lowercase().contains(word));
    if is_end
        && seed.variant == 0
        && !seed.unique
        && column.base_name != "time"
        && column.base_name != "timetz"
    {
        // Most policies ask that it hasn't come yet.
        return vec![
            format!("2124-01-{:02}", n % 27 + 1),
            "now".to_owned(),
            "2024-01-01".to_owned(),
        ];
    }
    let (day, minute) = (n % 27 + 1, n % 60);
    let hour = n / 60 % 24;
    match column.base_name.as_str() {
        "date" if seed.variant == 0 && !seed.unique => vec![
            "today".to_owned(),
            format!("2024-01-{day:02}"),
            "1990-01-01".to_owned(),
        ],
        "timestamp" | "timestamptz" if seed.variant == 0 && !seed.unique => {
            vec![
                "now".to_owned(),
                format!("2024-01-{day:02} {hour:02}:{minute:02}:01+00"),
                "2124-01-01 00:00:00+00".to_owned(),
                "1990-01-01 00:00:00+00".to_owned(),
            ]
        }
        "date" => vec![
            format!("2024-01-{day:02}"),
            format!("2124-01-{day:02}"),
            "2024-06-15".to_owned(),
            "1990-01-01".to_owned(),
        ],
        "time" | "timetz" => vec![
            format!("{hour:02}:{minute:02}:01"),
            "09:00".to_owned(),
            "17:00".to_owned(),
        ],
        _ if seed.variant % 2 == 1 => vec![
            format!("2124-01-{day:02} {hour:02}:{minute:02}:02+00"),
            format!("2024-01-{day:02} {hour:02}:{minute:02}:01+00"),
        ],
        _ => vec![
            format!("2024-01-{day:02} {hour:02}:{minute:02}:01+00"),
            format!("2124-01-{day:02} {hour:02}:{minute:02}:02+00"),
            "2024-06-15 12:00:00+00".to_owned(),
            "1990-01-01 00:00:00+00".to_owned(),
        ],
    }
}

/// The expression of a domain's check, over a column.
pub(crate) fn domain_check(definition: &str, column: &str) -> Option<String> {
    static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bVALUE\b").ok());
    let inner = definition.strip_prefix("CHECK ")?.trim_end_matches(" NOT VALID");
    Some(
        VALUE
            .as_ref()?
            .replace_all(inner, crate::sql::ident(column).replace('$', "$$").as_str())
            .into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_found_in_expressions() {
        assert_eq!(
            words_in("(status = ANY (ARRAY['a'::text, 'it''s'::text]))"),
            ["a", "it's"]
        );
        assert_eq!(numbers_in("((age >= 18) AND (age < 150))"), ["18", "150"]);
    }

    #[test]
    fn a_domains_check_becomes_a_columns() {
        assert_eq!(
            domain_check("CHECK ((VALUE ~ '^x'::text))", "a b").unwrap(),
            "((\"a b\" ~ '^x'::text))"
        );
    }
}
