//! What was found: the verdict, for people and programs.

mod github;
mod html;
mod junit;
mod markdown;
mod reproduction;
mod sarif;
mod story;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use reproduction::Reproduction;

use crate::baseline::Comparison;
use crate::changes::Changes;
use crate::rules::{Rule, Severity};

/// Named like a rule, where nothing is known.
pub(crate) const NOT_TESTED: &str = "not_tested";

/// What a finding is about that concerns no single relation.
pub(crate) const DATABASE: &str = "database";

/// Something that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Which rule; with it come its severity and what to do.
    #[serde(flatten)]
    pub rule: &'static Rule,
    /// What it is, for people.
    pub message: String,
    /// SQL that shows it.
    pub reproduce: Reproduction,
    /// What decides it, of a project.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What could stand there instead.
    #[serde(rename = "policy", skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

/// A statement of a project's.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Place {
    /// Seen from where the command runs.
    pub file: String,
    /// From 1.
    pub line: usize,
}

/// What stands there, and what could.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Remedy {
    /// As SQL.
    pub before: String,
    /// SQL that puts the other in its place.
    pub after: String,
}

impl Finding {
    /// Whether it opens tenancy.
    #[must_use]
    pub fn is_leak(&self) -> bool {
        self.rule.severity == Severity::Leak
    }
}

/// The answer, for one relation or for all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No tenant can reach another.
    Proven,
    /// One can.
    Leak,
    /// Of the whole: something was not tested.
    Incomplete,
    /// Of a part: it was not tested.
    NotTested,
}

/// What was learnt about a relation.
#[derive(Clone, Debug, Serialize)]
pub struct RelationReport {
    /// Its name.
    pub relation: String,
    /// What it is.
    pub kind: String,
    /// The answer.
    pub verdict: Verdict,
    /// How it is classified.
    pub class: String,
    /// Attempts that were made.
    pub attempts: usize,
    /// Leaks first.
    pub findings: Vec<Finding>,
    /// What could not be tested, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_tested: Vec<String>,
    /// The shards that were attacked, each with its node, where Citus has spread it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<String>,
    /// What made it, of a project.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// What was learnt about a node of a database that Citus has spread.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeReport {
    /// Its address.
    pub node: String,
    /// How many shards were attacked there.
    pub shards: usize,
    /// Through the coordinator: for how many shards it was seen that their node hears who speaks, and forgets it.
    pub claims: usize,
    /// By itself: what each API role gets that connects to it.
    pub connections: BTreeMap<String, String>,
}

/// What was learnt about a function.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionReport {
    /// Its name with argument types.
    pub function: String,
    /// The answer.
    pub verdict: Verdict,
    /// Calls that were made.
    pub attempts: usize,
    /// Leaks first.
    pub findings: Vec<Finding>,
    /// What could not be tested, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_tested: Vec<String>,
    /// What made it, of a project.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// Planted leaks.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Controls {
    /// How many were planted.
    pub planted: usize,
    /// How many were caught.
    pub caught: usize,
    /// Those that weren't.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
}

impl Controls {
    /// Whether there were any, and none was missed.
    #[must_use]
    pub fn are_caught(&self) -> bool {
        self.planted > 0 && self.caught == self.planted
    }
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// Milliseconds that it took.
    pub elapsed_ms: u64,
    /// Digest of what was proven, see [`crate::fingerprint()`].
    pub fingerprint: String,
    /// Digests of its parts, by kind and name.
    pub catalog: BTreeMap<String, String>,
    /// The schemas that were proven.
    pub schemas: Vec<String>,
    /// Relations of other schemas that were proven as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<String>,
    /// The roles that were attacked as.
    pub roles: Vec<String>,
    /// Each relation of the schemas.
    pub relations: Vec<RelationReport>,
    /// Each function that an API role can call.
    pub functions: Vec<FunctionReport>,
    /// The nodes of a database that Citus has spread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeReport>,
    /// Views and functions that this node can't try, since their rows lie on others.
    #[serde(skip)]
    pub(crate) away: Vec<String>,
    /// Findings that concern no single relation.
    pub findings: Vec<Finding>,
    /// Planted leaks.
    pub controls: Controls,
    /// Why the verdict is incomplete, beyond single relations.
    pub not_tested: Vec<String>,
    /// What the admin should know: triggers that act outside, sequences that moved.
    pub notes: Vec<String>,
    /// Round trips to the database.
    pub round_trips: usize,
    /// How it stands beside a baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Comparison>,
    /// How it stands beside an earlier report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// What fails nothing, by rule and by what it is about, and why not.
    #[serde(skip)]
    pub(crate) known: BTreeMap<(String, String), String>,
}

impl Report {
    /// What was not tested, and about what.
    #[must_use]
    pub fn all_not_tested(&self) -> Vec<(&str, &str)> {
        let relations = self
            .relations
            .iter()
            .flat_map(|r| r.not_tested.iter().map(|why| (r.relation.as_str(), why.as_str())));
        let functions = self
            .functions
            .iter()
            .flat_map(|f| f.not_tested.iter().map(|why| (f.function.as_str(), why.as_str())));
        relations
            .chain(functions)
            .chain(self.not_tested.iter().map(|why| (DATABASE, why.as_str())))
            .collect()
    }

    /// The verdict on what isn't known: what a command ends with.
    #[must_use]
    pub fn verdict_on_new(&self) -> Verdict {
        if self.known.is_empty() {
            return self.verdict;
        }
        let is_new = |rule: &str, about: &str| self.accepted(rule, about).is_none();
        let findings = self.all_findings().into_iter();
        let mut leaks = findings.filter(|(_, finding)| finding.is_leak());
        if leaks.any(|(about, finding)| is_new(finding.rule.id, about)) {
            return Verdict::Leak;
        }
        let mut untested = self.all_not_tested().into_iter();
        if untested.any(|(about, _)| is_new(NOT_TESTED, about)) || !self.controls.are_caught() {
            return Verdict::Incomplete;
        }
        Verdict::Proven
    }

    /// Why a finding fails nothing.
    pub(crate) fn accepted(&self, rule: &str, about: &str) -> Option<&str> {
        self.known
            .get(&(rule.to_owned(), about.to_owned()))
            .map(String::as_str)
    }

    /// Everything that it says, by rule and by what it is about. That the whole proof lacks its ground is no part.
    pub(crate) fn points(&self) -> BTreeSet<(String, String)> {
        let findings = self.all_findings().into_iter();
        let untested = self.all_not_tested().into_iter();
        let untested = untested.filter(|(about, _)| *about != DATABASE);
        findings
            .map(|(about, finding)| (finding.rule.id.to_owned(), about.to_owned()))
            .chain(untested.map(|(about, _)| (NOT_TESTED.to_owned(), about.to_owned())))
            .collect()
    }

    /// What made a relation or function, of a project.
    pub(crate) fn place_of(&self, about: &str) -> Option<&Place> {
        let relation = self.relations.iter().find(|r| r.relation == about);
        let function = || self.functions.iter().find(|f| f.function == about);
        match relation {
            Some(relation) => relation.place.as_ref(),
            None => function()?.place.as_ref(),
        }
    }

    /// The report as one JSON document.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
