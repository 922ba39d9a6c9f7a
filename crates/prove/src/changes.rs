//! What a change of a project opens and closes.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::report::Report;

/// One report beside an earlier one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Changes {
    /// What the earlier one is of.
    pub since: String,
    /// Found now and not then.
    pub opened: Vec<Point>,
    /// Found then and not now.
    pub closed: Vec<Point>,
    /// Relations that weren't there then.
    pub new_relations: Vec<String>,
    /// Relations that aren't there now.
    pub gone_relations: Vec<String>,
}

/// A finding, without its words.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// The rule, or `not_tested`.
    pub rule: String,
    /// The relation or function that it is about, or `database`.
    pub on: String,
}

impl Report {
    /// Holds it against an earlier one: what that says is known.
    pub fn change(&mut self, earlier: &Self, since: &str) {
        let (then, now) = (earlier.points(), self.points());
        for point in then.intersection(&now) {
            self.known.insert(point.clone(), format!("as at {since}"));
        }
        let only = |these: &BTreeSet<(String, String)>, those| {
            let points = these.difference(those).cloned();
            points.map(|(rule, on)| Point { rule, on }).collect()
        };
        let (relations_then, relations_now) = (earlier.names(), self.names());
        self.changes = Some(Changes {
            since: since.to_owned(),
            opened: only(&now, &then),
            closed: only(&then, &now),
            new_relations: relations_now.difference(&relations_then).cloned().collect(),
            gone_relations: relations_then.difference(&relations_now).cloned().collect(),
        });
    }

    fn names(&self) -> BTreeSet<String> {
        self.relations
            .iter()
            .map(|relation| relation.relation.clone())
            .collect()
    }
}

/// For people.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, points) in [("opened", &self.opened), ("closed", &self.closed)] {
            for Point { rule, on } in points {
                writeln!(f, "{word}: {on} [{rule}]")?;
            }
        }
        for (word, relations) in [("new", &self.new_relations), ("gone", &self.gone_relations)] {
            if !relations.is_empty() {
                writeln!(f, "{word} relations: {}", relations.join(", "))?;
            }
        }
        writeln!(
            f,
            "since {}: {} opened, {} closed, {} new relations, {} gone",
            self.since,
            self.opened.len(),
            self.closed.len(),
            self.new_relations.len(),
            self.gone_relations.len()
        )
    }
}
