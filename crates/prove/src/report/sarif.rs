//! The report for code scanning: SARIF 2.1.0 (OASIS), one result for each finding.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Report, Severity};

impl Report {
    /// The report as SARIF.
    #[must_use]
    pub fn to_sarif(&self) -> String {
        let findings = self.all_findings();
        let mut rules: BTreeMap<&str, &str> = BTreeMap::new();
        let mut results: Vec<Value> = Vec::new();
        for (about, finding) in &findings {
            rules.insert(&finding.rule, &finding.fix);
            results.push(json!({
                "ruleId": finding.rule,
                "level": if finding.severity == Severity::Leak { "error" } else { "warning" },
                "message": {"text": format!("{}\n{}", finding.message, finding.reproduce)},
                "locations": [{"logicalLocations": [{"fullyQualifiedName": about}],
                    "physicalLocation": {"artifactLocation": {"uri": "policies/tenancy.toml"}}}],
                "partialFingerprints": {"makoFinding/v1": format!("{}/{about}", finding.rule)},
            }));
        }
        for (about, why) in self.all_not_tested() {
            rules.insert(
                "not_tested",
                "Classify the relation in the model, or give the prover what it lacked",
            );
            results.push(json!({
                "ruleId": "not_tested", "level": "error",
                "message": {"text": format!("not tested: {why}")},
                "locations": [{"logicalLocations": [{"fullyQualifiedName": about}],
                    "physicalLocation": {"artifactLocation": {"uri": "policies/tenancy.toml"}}}],
            }));
        }
        let rules: Vec<Value> = rules
            .into_iter()
            .map(|(id, fix)| json!({"id": id, "shortDescription": {"text": id.replace('_', " ")}, "help": {"text": if fix.is_empty() { id } else { fix }}}))
            .collect();
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {"name": "mako prove", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
                "results": results,
                "properties": {"verdict": self.verdict, "fingerprint": self.fingerprint},
            }],
        });
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }
}
