//! Reads a place in a payload, however it is written.
//!
//! Providers send numbers as strings, leave out what they promise and add what they don't.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

use crate::zone::Zone;

/// Times above this are milliseconds: as seconds they would be in the year 5138.
const MILLISECONDS_ABOVE: f64 = 1e11;

/// Reads JSON, mending what JavaScript writes and Rust refuses: halves of surrogate pairs, which come of
/// texts cut in the middle of an emoji. At most 128 levels deep.
pub(crate) fn read(body: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(_) => serde_json::from_str(&with_whole_characters(text)).ok(),
    }
}

/// The value at a path of names separated by dots; null counts as absent.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
        .filter(|value| !value.is_null())
}

/// The text at the first of the paths that has one that isn't blank; numbers and booleans count as text.
pub(crate) fn text(value: &Value, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| as_text(at(value, path)?))
}

/// The number at the first of the paths that has one, even as a string.
pub(crate) fn number(value: &Value, paths: &[&str]) -> Option<f64> {
    paths.iter().find_map(|path| as_number(at(value, path)?))
}

/// The time at the first of the paths that has one: RFC 3339, RFC 2822, seconds or milliseconds since 1970, or a date and
/// time without a zone, which is taken for UTC.
pub(crate) fn time(value: &Value, paths: &[&str]) -> Option<DateTime<Utc>> {
    time_in(value, paths, Zone::default())
}

/// The same, with a date without a zone taken for one of this zone.
pub(crate) fn time_in(value: &Value, paths: &[&str], zone: Zone) -> Option<DateTime<Utc>> {
    paths.iter().find_map(|path| as_time(at(value, path)?, zone))
}

/// A number of seconds as a column holds it: rounded, not negative, within `int`.
pub(crate) fn seconds(value: f64) -> Option<i32> {
    let rounded = value.round();
    if rounded < 0.0 || rounded > f64::from(i32::MAX) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "just checked; NaN becomes 0 below"
    )]
    let whole = rounded as i32;
    (!rounded.is_nan()).then_some(whole)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        // A form's repeated name: the first counts.
        Value::Array(items) => as_text(items.first().filter(|first| first.is_string())?),
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn as_time(value: &Value, zone: Zone) -> Option<DateTime<Utc>> {
    if let Some(number) = as_number(value) {
        let ms = if number > MILLISECONDS_ABOVE {
            number
        } else {
            number * 1000.0
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "casts saturate, and chrono refuses the ends"
        )]
        return DateTime::from_timestamp_millis(ms as i64);
    }
    let text = value.as_str()?.trim();
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc2822(text))
        .ok()
        .map(|time| time.with_timezone(&Utc))
        .or_else(|| zone.moment(without_zone(text)?))
}

/// `2026-12-01 10:30:00`, as Make hands dates on, with `T` or a blank, with or without seconds or the time.
fn without_zone(text: &str) -> Option<NaiveDateTime> {
    const FORMS: [&str; 4] = [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ];
    FORMS
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()?
                .and_hms_opt(0, 0, 0)
        })
}

/// Whether something is at one of the paths, and `read` makes nothing of it. Empty text counts as absent.
pub(crate) fn is_unreadable<T>(
    value: &Value,
    paths: &[&str],
    read: impl Fn(&Value, &[&str]) -> Option<T>,
) -> bool {
    let is_there = |path: &&str| {
        at(value, path).is_some_and(|found| found.as_str().is_none_or(|text| !text.trim().is_empty()))
    };
    paths.iter().any(is_there) && read(value, paths).is_none()
}

/// The text with every escaped surrogate that has no partner replaced by U+FFFD.
fn with_whole_characters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match surrogate(rest) {
            Some(0xD800..=0xDBFF) if matches!(surrogate(&rest[6..]), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            // A backslash and what it escapes, so that `\\ud800` is left alone.
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// The code unit of the `\u` escape, four hex digits, at the beginning.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// A name without separators and case.
pub(crate) fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn half_a_character_is_mended_and_whole_ones_are_not_touched() {
        let read = |text: &str| read(text.as_bytes());
        assert_eq!(read(r#"{"a":"cut \ud83d"}"#), Some(json!({"a": "cut \u{fffd}"})));
        assert_eq!(
            read(r#"["\udc4d", "\ud83d\ud83d\udc4d"]"#),
            Some(json!(["\u{fffd}", "\u{fffd}\u{1f44d}"]))
        );
        assert_eq!(
            read(r#"["\\ud83d", "\ud83d"]"#),
            Some(json!(["\\ud83d", "\u{fffd}"]))
        );
        assert_eq!(read("\u{feff}{}"), Some(json!({})));
        for broken in ["", "{", r#""\"#, r#""\u"#, r#""\ud8"#, r#""\uZZZZ""#, "{}{}"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn too_deep_is_not_read_and_does_not_overflow() {
        assert_eq!(read("[".repeat(1_000_000).as_bytes()), None);
    }

    #[test]
    fn texts_and_numbers_are_read_in_either_clothing() {
        let value =
            json!({"a": {"b": " x "}, "n": "12.6", "m": 3, "e": "", "z": null, "t": true, "l": ["p", "q"]});
        assert_eq!(text(&value, &["e", "z", "a.c", "a.b"]), Some("x".into()));
        assert_eq!(text(&value, &["m"]), Some("3".into()));
        assert_eq!(text(&value, &["l"]), Some("p".into()));
        assert_eq!(text(&value, &["a"]), None);
        assert_eq!(number(&value, &["a.b", "n"]), Some(12.6));
        assert_eq!(number(&value, &["m"]), Some(3.0));
    }

    #[test]
    fn times_are_read_in_every_form_that_providers_use() {
        let expected = DateTime::from_timestamp(1_795_342_272, 0);
        for value in [
            json!(1_795_342_272),
            json!(1_795_342_272_000_i64),
            json!("1795342272"),
            json!("2026-11-22T10:11:12Z"),
            json!("2026-11-22T11:11:12.000+01:00"),
            json!("Sun, 22 Nov 2026 10:11:12 +0000"),
        ] {
            assert_eq!(as_time(&value, Zone::default()), expected, "{value}");
        }
        for value in [json!("yesterday"), json!(1e300), json!({}), json!("NaN")] {
            assert_eq!(as_time(&value, Zone::default()), None, "{value}");
        }
    }

    #[test]
    fn seconds_fit_a_column() {
        assert_eq!(seconds(25.276), Some(25));
        for value in [-1.0, f64::NAN, f64::INFINITY, 3e9] {
            assert_eq!(seconds(value), None);
        }
    }
}
