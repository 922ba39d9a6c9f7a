//! Bounds how much of a payload is kept.

use serde_json::{Map, Value};

/// Most bytes of a stored payload, as JSON.
pub(crate) const LARGEST: usize = 256 * 1024;

/// Each attempt to fit a payload into [`LARGEST`]. Objects are cut last: their members are what events are
/// told by, and a report of Vapi's has dozens.
const LIMITS: [Limits; 4] = [
    Limits::new(100_000, 1_000, 1_000),
    Limits::new(10_000, 200, 1_000),
    Limits::new(1_000, 50, 500),
    Limits::new(200, 20, 100),
];

struct Limits {
    /// Characters of a text.
    text: usize,
    /// Items of an array.
    items: usize,
    /// Members of an object.
    members: usize,
}

impl Limits {
    const fn new(text: usize, items: usize, members: usize) -> Self {
        Self { text, items, members }
    }
}

/// The payload, at most [`LARGEST`] bytes long. `mako_truncated` says that something was cut.
pub(crate) fn bounded(value: Value) -> Value {
    if fits(&value) && longest_text(&value) <= LIMITS[0].text {
        return value;
    }
    for limits in &LIMITS {
        let mut cut = value.clone();
        shorten(&mut cut, limits);
        mark(&mut cut);
        if fits(&cut) {
            return cut;
        }
    }
    outermost(value)
}

fn fits(value: &Value) -> bool {
    serde_json::to_vec(value).is_ok_and(|json| json.len() <= LARGEST)
}

fn longest_text(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(longest_text).max().unwrap_or(0),
        Value::Object(members) => members.values().map(longest_text).max().unwrap_or(0),
        _ => 0,
    }
}

fn shorten(value: &mut Value, limits: &Limits) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(limits.text) {
                text.truncate(end);
            }
        }
        Value::Array(items) => {
            items.truncate(limits.items);
            for item in items {
                shorten(item, limits);
            }
        }
        Value::Object(members) => {
            if members.len() > limits.members {
                let kept = std::mem::take(members).into_iter().take(limits.members);
                *members = kept.collect();
            }
            for item in members.values_mut() {
                shorten(item, limits);
            }
        }
        _ => {}
    }
}

/// What is left of a payload that no cutting made small: its outermost short values.
fn outermost(value: Value) -> Value {
    let mut members = match value {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.retain(|name, value| name.len() <= 100 && longest_text(value) <= 200 && !value.is_object());
    members.retain(|_, value| !value.is_array());
    let mut left: Value = Value::Object(members.into_iter().take(200).collect());
    mark(&mut left);
    left
}

fn mark(value: &mut Value) {
    if let Value::Object(members) = value {
        members.insert("mako_truncated".into(), true.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_comes_in_what_is_kept_is_bounded() {
        let long = "ü".repeat(1_000_000);
        let many: Vec<Value> = (0..50_000)
            .map(|i| json!({"i": i, "t": "x".repeat(50)}))
            .collect();
        let wide: Map<String, Value> = (0..100_000).map(|i| (format!("k{i}"), json!(i))).collect();
        for value in [
            json!({"type": "x", "transcript": long.clone()}),
            json!({"list": many.clone()}),
            json!(many),
            json!({"type": "x", "a": wide.clone()}),
            json!(wide),
            json!({(long.clone()): 1}),
            json!({"a": {(long): 1}}),
        ] {
            let kept = bounded(value);
            assert!(kept.to_string().len() <= LARGEST);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_the_rest_stays() {
        let kept = bounded(json!({"type": "x", "transcript": "ü".repeat(1_000_000)}));
        assert_eq!(kept["type"], "x");
        assert_eq!(kept["mako_truncated"], true);
        assert_eq!(kept["transcript"].as_str().unwrap().chars().count(), 100_000);
    }
}
