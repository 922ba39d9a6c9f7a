//! What the documents claim row by row is held by tests that are there.

use std::fs;
use std::path::Path;

/// All that stands in a folder's Rust files.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// Each row of a table names tests in its last column, and they exist.
fn every_row_names_tests(table: &str, at_least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tests = sources(&root.join("tests/it")) + &sources(&root.join("crates"));
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    assert!(rows.len() >= at_least, "{} rows", rows.len());
    for row in rows {
        let held_by = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        for name in held_by.split(", ").map(|name| name.trim_matches('`')) {
            assert!(tests.contains(&format!("fn {name}(")), "{name} of {row}");
        }
    }
}

#[test]
fn every_row_of_what_happens_when_is_held_by_a_test() {
    every_row_names_tests(include_str!("../../crates/server/docs/what-happens-when.md"), 30);
}

#[test]
fn every_payload_that_makes_rows_is_held_by_a_test() {
    let readme = include_str!("../../crates/webhooks/README.md");
    let (_, section) = readme.split_once("## From payload to rows").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    every_row_names_tests(section, 16);
}
