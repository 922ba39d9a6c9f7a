//! The report for code scanning: SARIF 2.1.0 (OASIS), one result for each finding.

use serde_json::{Value, json};

use super::{NOT_TESTED, Place, Report};
use crate::rules::{self, Severity};

impl Report {
    /// The report as SARIF.
    #[must_use]
    pub fn to_sarif(&self) -> String {
        let findings = self.all_findings();
        let mut results: Vec<Value> = Vec::new();
        for (about, finding) in &findings {
            results.push(json!({
                "ruleId": finding.rule.id,
                "level": level(finding.rule.severity),
                "message": {"text": format!("{}\n{}", finding.message, finding.reproduce)},
                "locations": [location(about, finding.place.as_ref())],
                "partialFingerprints": {"makoFinding/v1": format!("{}/{about}", finding.rule.id)},
                "suppressions": self.suppressions(finding.rule.id, about),
            }));
        }
        for (about, why) in self.all_not_tested() {
            results.push(json!({
                "ruleId": NOT_TESTED, "level": "error",
                "message": {"text": format!("not tested: {why}")},
                "locations": [location(about, self.place_of(about))],
                "suppressions": self.suppressions(NOT_TESTED, about),
            }));
        }
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {"name": "mako prove", "version": env!("CARGO_PKG_VERSION"), "rules": described()}},
                "results": results,
                "properties": {"verdict": self.verdict, "fingerprint": self.fingerprint},
            }],
        });
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }

    /// What the baseline accepts is there, and suppressed.
    fn suppressions(&self, rule: &str, about: &str) -> Vec<Value> {
        let accepted = self.accepted(rule, about).into_iter();
        accepted
            .map(|accepted| json!({"kind": "external", "status": "accepted", "justification": accepted}))
            .collect()
    }
}

/// The statement of a project; of a database that has none, its model.
fn location(about: &str, place: Option<&Place>) -> Value {
    let physical = match place {
        Some(Place { file, line }) => {
            json!({"artifactLocation": {"uri": file}, "region": {"startLine": line}})
        }
        None => json!({"artifactLocation": {"uri": "policies/tenancy.toml"}}),
    };
    json!({"logicalLocations": [{"fullyQualifiedName": about}], "physicalLocation": physical})
}

/// Every rule that a result may name.
fn described() -> Vec<Value> {
    let rules = rules::ALL.iter().map(|rule| {
        json!({
            "id": rule.id,
            "shortDescription": {"text": rule.meaning},
            "help": {"text": rule.fix},
            "defaultConfiguration": {"level": level(rule.severity)},
        })
    });
    let not_tested = json!({
        "id": NOT_TESTED,
        "shortDescription": {"text": "nothing is known of it"},
        "help": {"text": "Classify the relation in the model, or give the prover what it lacked"},
        "defaultConfiguration": {"level": "error"},
    });
    rules.chain([not_tested]).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Leak => "error",
        Severity::Risk => "warning",
    }
}
