//! What could stand in a column: candidates for each type, in the order in which they are tried; the checks of
//! the table then choose among them.

mod number;
mod other;
mod seed;
mod text;
mod time;

use std::sync::LazyLock;

use regex::Regex;

use crate::catalog::{Category, Column};
use crate::constants::words_in;
use crate::sql::typed;
use number::{fits, numbers_for};
use other::{objects_of, others_for};
use text::{is_text, texts_for};
use time::times_for;

pub(crate) use number::numbers_in;
pub(crate) use seed::Seed;

static LITERAL_DEFAULT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:'(?:[^']|'')*'(?:::[a-zA-Z_0-9 .,()\x22\[\]]+)?|-?\d+(?:\.\d+)?|true|false)$").ok()
});
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

/// Whether a word grants something.
pub(crate) fn is_power(word: &str) -> bool {
    let word = word.to_lowercase();
    POWERS.iter().any(|power| word.contains(power))
}

/// Candidates for a column as SQL expressions, best first. `hints` are expressions of checks that mention it.
pub(crate) fn candidates(column: &Column, seed: Seed<'_>, hints: &[&str]) -> Vec<String> {
    let mut constants: Vec<String> = hints.iter().flat_map(|hint| words_in(hint)).collect();
    constants.sort_by_key(|word| is_power(word));
    let mut texts: Vec<String> = default_of(column, seed).into_iter().collect();
    texts.extend(of_type(column, seed, constants, hints));
    if column.category == Category::Numeric {
        texts.retain(|text| text.parse::<f64>().is_ok_and(|n| fits(column, n)));
    }
    let mut known = std::collections::HashSet::new();
    texts.retain(|text| known.insert(text.clone()));
    texts.truncate(40);
    texts.iter().map(|text| typed(Some(text), &column.base)).collect()
}

/// A default that is a constant, for the plainest row, or where it leaves enough to choose from.
fn default_of(column: &Column, seed: Seed<'_>) -> Option<String> {
    let varies = matches!(column.category, Category::Boolean | Category::Numeric);
    if seed.unique || seed.variant > 0 && varies {
        return None;
    }
    let default = column.default.as_deref()?;
    let is_literal = LITERAL_DEFAULT.as_ref()?.is_match(default);
    is_literal.then(|| words_in(default).pop().unwrap_or_else(|| default.to_owned()))
}

/// Candidates of a column's type, and what checks speak of.
fn of_type(column: &Column, seed: Seed<'_>, constants: Vec<String>, hints: &[&str]) -> Vec<String> {
    match column.category {
        Category::String | Category::User if is_text(column) => texts_for(column, seed, constants, hints),
        Category::Numeric => numbers_for(column, seed, hints),
        Category::Date => times_for(column, seed, &constants),
        Category::Enum => {
            let mut labels = column.labels.clone();
            labels.sort_by_key(|label| is_power(label));
            labels
        }
        Category::Boolean if seed.variant % 2 == 1 => ["true", "false"].map(str::to_owned).to_vec(),
        Category::Boolean => ["false", "true"].map(str::to_owned).to_vec(),
        _ => {
            let mut texts = others_for(column, seed);
            if matches!(column.base_name.as_str(), "json" | "jsonb") {
                texts.splice(..0, objects_of(&constants, seed));
            }
            texts
        }
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
    }

    #[test]
    fn a_domains_check_becomes_a_columns() {
        assert_eq!(
            domain_check("CHECK ((VALUE ~ '^x'::text))", "a b").unwrap(),
            "((\"a b\" ~ '^x'::text))"
        );
    }
}
