//! Is what README.md says of payloads and rows held by tests that are there?

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

#[test]
fn every_row_of_the_table_names_tests_that_are_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = sources(&here.join("tests/it")) + &sources(&here.join("../../tests/it"));
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("## From payload to rows").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    assert!(rows.len() > 15, "{section}");
    for row in rows {
        let held_by = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let names: Vec<&str> = held_by.split(", ").map(|name| name.trim_matches('`')).collect();
        for name in names {
            assert!(tests.contains(&format!("fn {name}(")), "{name} of {row}");
        }
    }
}
