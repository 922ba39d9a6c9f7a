//! What must be known of a JSON value beyond its type.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Whether any string or key, at any depth, holds U+0000.
///
/// Looking for the escape in the text would not do: `"\\u0000"` is a harmless backslash and a word.
/// The recursion is bounded by `serde_json`, which parses at most 128 levels.
pub(crate) fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(contains_nul),
        Value::Object(members) => members
            .iter()
            .any(|(key, item)| key.contains('\0') || contains_nul(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Reads a member for its presence: there means there, even as `null`.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_at_any_depth_in_keys_and_strings() {
        for text in [
            r#""\u0000""#,
            r#"{"a\u0000":1}"#,
            r#"[[{"a":{"b":["x\u0000y"]}}]]"#,
            r#"{"a":{"\u0000":{}}}"#,
        ] {
            assert!(contains_nul(&serde_json::from_str(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_nul_is_not() {
        for text in [
            r#""\\u0000""#,
            r#""u0000""#,
            r#"{"a":0,"b":null,"c":[""]}"#,
            r#""\u0001""#,
        ] {
            assert!(!contains_nul(&serde_json::from_str(text).unwrap()), "{text}");
        }
    }
}
