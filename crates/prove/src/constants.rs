//! Reads the string constants of expressions.

use std::sync::LazyLock;

use regex::Regex;

static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"'((?:[^']|'')*)'").ok());

/// The string constants of an expression.
pub(crate) fn words_in(expression: &str) -> Vec<String> {
    let Some(quoted) = QUOTED.as_ref() else {
        return Vec::new();
    };
    let mut words: Vec<String> = Vec::new();
    for found in quoted.captures_iter(expression) {
        let word = found[1].replace("''", "'");
        if let Some(elements) = word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
            && !elements.contains(':')
        {
            words.extend(
                elements
                    .split(',')
                    .map(|element| element.trim_matches('"').to_owned()),
            );
        }
        words.push(word);
    }
    words.dedup();
    words
}
