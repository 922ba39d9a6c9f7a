//! What was found: the verdict, for people and programs.

mod html;
mod reproduction;
mod sarif;
mod text;

use serde::Serialize;

pub use reproduction::Reproduction;

use crate::rules::{Rule, Severity};

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

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// Milliseconds that it took.
    pub elapsed_ms: u64,
    /// Digest of what was proven, see [`crate::fingerprint()`].
    pub fingerprint: String,
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
            .chain(self.not_tested.iter().map(|why| ("database", why.as_str())))
            .collect()
    }

    /// The report as one JSON document.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
