//! Candidates of types that are neither text, number nor time.

use super::{Seed, limit};
use crate::catalog::{Category, Column};
use crate::people::uuid;

/// One or a few values of a type.
pub(super) fn others_for(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let n = seed.number;
    let marked = format!("{}x{n}", seed.marker);
    let one = |text: String| vec![text];
    match column.base_name.as_str() {
        "uuid" => one(uuid(seed.nonce, 1_000_000 + n)),
        "json" | "jsonb" => vec![
            format!("{{\"mako\": \"{marked}\"}}"),
            format!("[\"{marked}\"]"),
            "{}".to_owned(),
            "[]".to_owned(),
            format!("\"{marked}\""),
            "1".to_owned(),
        ],
        "bytea" => one(format!("\\x{:016x}{n:08x}", seed.nonce)),
        "interval" => vec![
            format!("{} minutes", n + 1),
            "1 day".to_owned(),
            "1 month".to_owned(),
        ],
        "inet" => one(format!(
            "10.{}.{}.{}",
            n / 62_500 % 250,
            n / 250 % 250,
            n % 250 + 1
        )),
        "cidr" => one(format!("10.{}.{}.0/24", n / 250 % 250, n % 250)),
        "macaddr" => one(format!(
            "02:00:00:{:02x}:{:02x}:{:02x}",
            n >> 16 & 255,
            n >> 8 & 255,
            n & 255
        )),
        "macaddr8" => one(format!(
            "02:00:00:00:00:{:02x}:{:02x}:{:02x}",
            n >> 16 & 255,
            n >> 8 & 255,
            n & 255
        )),
        "point" => one(format!("({n},{n})")),
        "line" => one("{1,2,3}".to_owned()),
        "lseg" | "box" | "path" => one(format!("(({n},0),({},1))", n + 1)),
        "polygon" => one(format!("(({n},0),({},1),({n},1))", n + 1)),
        "circle" => one(format!("<({n},0),1>")),
        "tsvector" | "tsquery" | "ltree" => one(marked),
        "xml" => one(format!("<mako>{marked}</mako>")),
        "bit" | "varbit" => one("1".repeat(limit(column).min(64))),
        "money" => one(format!("{}", n % 1000 + 1)),
        "hstore" => one(format!("mako=>{marked}")),
        "int4range" | "int8range" | "numrange" => one(format!("[{},{})", n * 10, n * 10 + 5)),
        "daterange" | "tsrange" | "tstzrange" => {
            let apart = format!("[{0:04}-01-01,{0:04}-01-02)", 1000 + n % 8000);
            // What goes on is what most policies ask for.
            let present = "[2000-01-01,2124-01-01)".to_owned();
            if seed.unique {
                vec![apart, present]
            } else {
                vec![present, apart]
            }
        }
        "vector" | "halfvec" => {
            let dimensions = match limit(column) {
                usize::MAX => 3,
                some => some,
            };
            one(format!("[{}]", vec!["0.1"; dimensions].join(",")))
        }
        "regclass" => one("pg_class".to_owned()),
        "regtype" => one("text".to_owned()),
        "regrole" => one("postgres".to_owned()),
        "pg_lsn" => one(format!("0/{n:X}")),
        _ if column.category == Category::Array => {
            let several = |element: String| vec!["{}".to_owned(), format!("{{{element}}}")];
            match column.element.as_deref() {
                Some("text") => vec![format!("{{{marked}}}"), "{}".to_owned()],
                Some("uuid") => several(uuid(seed.nonce, 1_000_000 + n)),
                Some("boolean") => several("true".to_owned()),
                Some("integer" | "bigint" | "smallint" | "numeric" | "real" | "double precision") => {
                    several((n % 5 + 1).to_string())
                }
                Some("character varying") => several(marked),
                _ => one("{}".to_owned()),
            }
        }
        _ => Vec::new(),
    }
}

/// Objects that hold the keys which checks ask for.
pub(super) fn objects_of(words: &[String], seed: Seed<'_>) -> Vec<String> {
    const TYPES: [&str; 6] = ["object", "array", "string", "number", "boolean", "null"];
    let marked = format!("{}x{}", seed.marker, seed.number);
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
