//! Whether rules are told apart, say what to do, and stand in the README.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;

#[test]
fn every_rule_has_a_name_of_its_own_a_meaning_and_a_fix() {
    let names: BTreeSet<&str> = ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(names.len(), ALL.len());
    for rule in ALL {
        assert!(!rule.meaning.is_empty() && !rule.fix.is_empty(), "{rule}");
        assert!(rule.severity == Severity::Leak || rule.column.is_none(), "{rule}");
    }
}

#[test]
fn every_planted_table_shows_one_rule() {
    let controls = || ALL.iter().flat_map(|rule| rule.controls);
    let tables: BTreeSet<&str> = controls().map(|control| control.table).collect();
    assert_eq!(tables.len(), controls().count());
}

#[test]
fn the_readme_lists_every_rule() {
    let mut table = String::from("| rule | | matrix | says |\n|---|---|---|---|\n");
    for rule in ALL {
        let severity = if rule.severity == Severity::Leak {
            "leak"
        } else {
            "risk"
        };
        let _ = writeln!(
            table,
            "| `{rule}` | {severity} | {} | {} |",
            rule.column.map_or("", Column::name),
            rule.meaning
        );
    }
    assert!(
        include_str!("../../README.md").contains(&table),
        "the table in README.md should be\n{table}"
    );
}
