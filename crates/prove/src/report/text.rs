//! The report for people at a terminal: a matrix, then leaks with the SQL that shows them and the fix.

use std::fmt::Write as _;

use crate::rules::{Column, Severity};

use super::{Finding, RelationReport, Report, Verdict};

impl Verdict {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Leak => "LEAK",
            Self::Incomplete => "INCOMPLETE",
            Self::NotTested => "not tested",
        }
    }
}

impl Report {
    /// The report as text for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.matrix(&mut text);
        self.details(&mut text);
        for why in &self.not_tested {
            let _ = writeln!(text, "not tested: {why}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        let (leaks, risks) = self.count();
        let _ = writeln!(
            text,
            "\n{}: {} relations, {} functions, {leaks} leaks, {risks} risks; {} of {} planted leaks caught; {} ms\nfingerprint {}",
            self.verdict.words(),
            self.relations.len(),
            self.functions.len(),
            self.controls.caught,
            self.controls.planted,
            self.elapsed_ms,
            self.fingerprint
        );
        text
    }

    /// Leaks and risks in all.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let all = self.all_findings();
        let leaks = all.iter().filter(|(_, finding)| finding.is_leak()).count();
        (leaks, all.len() - leaks)
    }

    /// Every finding with what it is about.
    #[must_use]
    pub fn all_findings(&self) -> Vec<(&str, &Finding)> {
        let relations = self
            .relations
            .iter()
            .flat_map(|r| r.findings.iter().map(|finding| (r.relation.as_str(), finding)));
        let functions = self
            .functions
            .iter()
            .flat_map(|f| f.findings.iter().map(|finding| (f.function.as_str(), finding)));
        let database = self.findings.iter().map(|finding| ("database", finding));
        let mut all: Vec<_> = relations.chain(functions).chain(database).collect();
        all.sort_by_key(|(_, finding)| finding.rule.severity);
        all
    }

    fn matrix(&self, text: &mut String) {
        let width = self
            .relations
            .iter()
            .map(|r| r.relation.chars().count())
            .max()
            .unwrap_or(0)
            .max(8);
        let _ = write!(text, "{:width$}", "relation");
        for column in Column::ALL {
            let _ = write!(text, "  {:7}", column.name());
        }
        let _ = writeln!(text, "  verdict");
        for relation in &self.relations {
            let _ = write!(text, "{:width$}", relation.relation);
            for column in Column::ALL {
                let _ = write!(text, "  {:7}", cell(relation, column));
            }
            let _ = writeln!(text, "  {} ({})", relation.verdict.words(), relation.class);
        }
        for function in &self.functions {
            let _ = writeln!(text, "{}  {}", function.function, function.verdict.words());
        }
    }

    fn details(&self, text: &mut String) {
        for (about, finding) in self.all_findings() {
            let severity = match finding.rule.severity {
                Severity::Leak => "LEAK",
                Severity::Risk => "risk",
            };
            let _ = writeln!(
                text,
                "\n{severity} {about} [{}]\n  {}",
                finding.rule, finding.message
            );
            if !finding.reproduce.is_empty() {
                let shown = finding.reproduce.to_string();
                let _ = writeln!(text, "  shown by: {}", shown.trim_end().replace('\n', "\n    "));
            }
            let _ = writeln!(text, "  fix: {}", finding.rule.fix);
        }
        let relations = self.relations.iter().map(|r| (&r.relation, &r.not_tested));
        let functions = self.functions.iter().map(|f| (&f.function, &f.not_tested));
        for (about, reasons) in relations.chain(functions) {
            for why in reasons {
                let _ = writeln!(text, "\nnot tested {about}: {why}");
            }
        }
    }
}

/// One cell of the matrix. Of a relation that wasn't tested as a whole none is said to have held.
pub(super) fn cell(relation: &RelationReport, column: Column) -> &'static str {
    let leak = relation
        .findings
        .iter()
        .any(|finding| finding.is_leak() && finding.rule.column == Some(column));
    match (leak, relation.attempts, relation.verdict) {
        (true, ..) => "LEAK",
        (false, 0, _) => "-",
        (false, _, Verdict::NotTested) => "?",
        (false, ..) => "held",
    }
}
