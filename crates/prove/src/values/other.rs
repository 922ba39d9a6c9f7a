//! Candidates of types that are neither text, number nor time.

use super::seed::Seed;
use super::text::limit;
use crate::catalog::{Category, Column};
use crate::people::uuid;

/// One or a few values of a type.
pub(super) fn others_for(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let n = seed.number;
    let marked = seed.marked();
    let name = column.base_name.as_str();
    let one = match name {
        "json" | "jsonb" => return documents(&marked),
        "interval" => {
            return vec![
                format!("{} minutes", n + 1),
                "1 day".to_owned(),
                "1 month".to_owned(),
            ];
        }
        "daterange" | "tsrange" | "tstzrange" => return periods(seed),
        _ if column.category == Category::Array => return arrays(column, seed),
        "uuid" => uuid(seed.nonce, 1_000_000 + n),
        "bytea" => format!("\\x{:016x}{n:08x}", seed.nonce),
        "tsvector" | "tsquery" | "ltree" => marked,
        "xml" => format!("<mako>{marked}</mako>"),
        "bit" | "varbit" => "1".repeat(limit(column).min(64)),
        "money" => format!("{}", n % 1000 + 1),
        "hstore" => format!("mako=>{marked}"),
        "int4range" | "int8range" | "numrange" => format!("[{},{})", n * 10, n * 10 + 5),
        "vector" | "halfvec" => vector(column),
        "regclass" => "pg_class".to_owned(),
        "regtype" => "text".to_owned(),
        "regrole" => "postgres".to_owned(),
        "pg_lsn" => format!("0/{n:X}"),
        _ => return address(name, n).or_else(|| shape(name, n)).into_iter().collect(),
    };
    vec![one]
}

fn documents(marked: &str) -> Vec<String> {
    vec![
        format!("{{\"mako\": \"{marked}\"}}"),
        format!("[\"{marked}\"]"),
        "{}".to_owned(),
        "[]".to_owned(),
        format!("\"{marked}\""),
        "1".to_owned(),
    ]
}

/// A period that goes on, which most policies ask for, and one that is this row's own.
fn periods(seed: Seed<'_>) -> Vec<String> {
    let apart = format!("[{0:04}-01-01,{0:04}-01-02)", 1000 + seed.number % 8000);
    let present = "[2000-01-01,2124-01-01)".to_owned();
    if seed.unique {
        vec![apart, present]
    } else {
        vec![present, apart]
    }
}

fn vector(column: &Column) -> String {
    let dimensions = match limit(column) {
        usize::MAX => 3,
        some => some,
    };
    format!("[{}]", vec!["0.1"; dimensions].join(","))
}

fn arrays(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let n = seed.number;
    let marked = seed.marked();
    let several = |element: String| vec!["{}".to_owned(), format!("{{{element}}}")];
    match column.element.as_deref() {
        Some("text") => vec![format!("{{{marked}}}"), "{}".to_owned()],
        Some("uuid") => several(uuid(seed.nonce, 1_000_000 + n)),
        Some("boolean") => several("true".to_owned()),
        Some("integer" | "bigint" | "smallint" | "numeric" | "real" | "double precision") => {
            several((n % 5 + 1).to_string())
        }
        Some("character varying") => several(marked),
        _ => vec!["{}".to_owned()],
    }
}

/// An address of a network or a device.
fn address(kind: &str, n: u64) -> Option<String> {
    let (high, middle, low) = (n >> 16 & 255, n >> 8 & 255, n & 255);
    Some(match kind {
        "inet" => format!("10.{}.{}.{}", n / 62_500 % 250, n / 250 % 250, n % 250 + 1),
        "cidr" => format!("10.{}.{}.0/24", n / 250 % 250, n % 250),
        "macaddr" => format!("02:00:00:{high:02x}:{middle:02x}:{low:02x}"),
        "macaddr8" => format!("02:00:00:00:00:{high:02x}:{middle:02x}:{low:02x}"),
        _ => return None,
    })
}

/// A shape of geometry.
fn shape(kind: &str, n: u64) -> Option<String> {
    Some(match kind {
        "point" => format!("({n},{n})"),
        "line" => "{1,2,3}".to_owned(),
        "lseg" | "box" | "path" => format!("(({n},0),({},1))", n + 1),
        "polygon" => format!("(({n},0),({},1),({n},1))", n + 1),
        "circle" => format!("<({n},0),1>"),
        _ => return None,
    })
}

/// Objects that hold the keys which checks ask for.
pub(super) fn objects_of(words: &[String], seed: Seed<'_>) -> Vec<String> {
    const TYPES: [&str; 6] = ["object", "array", "string", "number", "boolean", "null"];
    let marked = seed.marked();
    let keys: Vec<&String> = words
        .iter()
        .filter(|word| !TYPES.contains(&word.as_str()))
        .collect();
    let of = |value: serde_json::Value| {
        let pairs = keys.iter().map(|key| ((*key).clone(), value.clone()));
        serde_json::Value::Object(pairs.collect()).to_string()
    };
    if keys.is_empty() {
        return Vec::new();
    }
    vec![
        of(marked.into()),
        of(1.into()),
        of(true.into()),
        of(serde_json::Value::Array(Vec::new())),
    ]
}
