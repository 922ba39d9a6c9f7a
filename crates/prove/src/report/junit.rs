//! The report as JUnit XML: a relation or function is a suite's class, and what was tried on it are its cases.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::text::cell;
use super::{DATABASE, Finding, NOT_TESTED, RelationReport, Report};
use crate::rules::Column;

const NAME: &str = "mako prove";

impl Report {
    /// The report as JUnit XML: a leak is a failure, what could not be tested an error, what a baseline accepts is skipped.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut suite = TestSuite::new(NAME);
        suite.set_time(Duration::from_millis(self.elapsed_ms));
        suite.add_property(("fingerprint", self.fingerprint.as_str()));
        for relation in &self.relations {
            let about = &relation.relation;
            let tried = held(relation).collect();
            suite.add_test_cases(self.cases(about, tried, &relation.findings, &relation.not_tested));
        }
        for function in &self.functions {
            let about = &function.function;
            suite.add_test_cases(self.cases(about, Vec::new(), &function.findings, &function.not_tested));
        }
        suite.add_test_cases(self.cases(DATABASE, Vec::new(), &self.findings, &self.not_tested));
        let mut report = quick_junit::Report::new(NAME);
        report.add_test_suite(suite);
        report.to_string().unwrap_or_default()
    }

    /// What held, and what isn't in order; at least one.
    fn cases(
        &self,
        about: &str,
        mut cases: Vec<TestCase>,
        findings: &[Finding],
        not_tested: &[String],
    ) -> Vec<TestCase> {
        for finding in findings.iter().filter(|finding| finding.is_leak()) {
            let mut status = self.status(NonSuccessKind::Failure, finding.rule.id, about);
            status
                .set_message(finding.message.as_str())
                .set_type(finding.rule.id);
            let place = finding
                .place
                .as_ref()
                .map_or_else(String::new, |place| format!("at {place}\n"));
            status.set_description(format!("{place}{}\nFix: {}", finding.reproduce, finding.rule.fix));
            cases.push(case(about, finding.rule.id, status));
        }
        if !not_tested.is_empty() {
            let mut status = self.status(NonSuccessKind::Error, NOT_TESTED, about);
            status.set_message(not_tested.join("; ")).set_type(NOT_TESTED);
            cases.push(case(about, NOT_TESTED, status));
        }
        if cases.is_empty() {
            cases.push(case(about, "in order", TestCaseStatus::success()));
        }
        cases
    }

    fn status(&self, kind: NonSuccessKind, rule: &str, about: &str) -> TestCaseStatus {
        match self.accepted(rule, about) {
            Some(_) => TestCaseStatus::skipped(),
            None => TestCaseStatus::non_success(kind),
        }
    }
}

/// What an attacker tried in vain.
fn held(relation: &RelationReport) -> impl Iterator<Item = TestCase> {
    Column::ALL
        .into_iter()
        .filter(|column| cell(relation, *column) == "held")
        .map(|column| case(&relation.relation, column.name(), TestCaseStatus::success()))
}

fn case(about: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(about);
    case
}
