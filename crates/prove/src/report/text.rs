//! The report for people at a terminal: a matrix, then leaks with the SQL that shows them and the fix.

use std::fmt::{self, Write as _};

use crate::rules::{Column, Severity};

use super::{DATABASE, Finding, NOT_TESTED, Place, RelationReport, Report, Verdict};

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
        self.nodes(&mut text);
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        let _ = writeln!(text, "\n{}\nfingerprint {}", self.summary(), self.fingerprint);
        text.push_str(&self.beside());
        text
    }

    /// What is not known, and how it stands beside what is, as text for people.
    #[must_use]
    pub fn to_news(&self) -> String {
        let mut text = String::new();
        for (about, finding) in self.all_findings() {
            if self.accepted(finding.rule.id, about).is_none() {
                self.detail(&mut text, about, finding);
            }
        }
        for (about, why) in self.all_not_tested() {
            if self.accepted(NOT_TESTED, about).is_none() {
                let _ = writeln!(text, "\nnot tested {about}: {why}");
            }
        }
        let _ = writeln!(text, "\n{}{}", self.beside(), self.summary());
        text
    }

    /// Everything in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let (leaks, risks) = self.count();
        format!(
            "{}: {} relations, {} functions, {leaks} leaks, {risks} risks; {} of {} planted leaks caught; {} ms",
            self.verdict.words(),
            self.relations.len(),
            self.functions.len(),
            self.controls.caught,
            self.controls.planted,
            self.elapsed_ms,
        )
    }

    /// How it stands beside a baseline and an earlier report; nothing without.
    pub(super) fn beside(&self) -> String {
        let mut text = String::new();
        if let Some(baseline) = &self.baseline {
            let _ = write!(text, "{baseline}");
        }
        if let Some(changes) = &self.changes {
            let _ = write!(text, "{changes}");
        }
        if !text.is_empty() {
            let _ = writeln!(text, "{}, but for what is known", self.verdict_on_new().words());
        }
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
        let database = self.findings.iter().map(|finding| (DATABASE, finding));
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
            let shards = match relation.shards.len() {
                0 => String::new(),
                many => format!(", in {many} shards"),
            };
            let _ = writeln!(
                text,
                "  {} ({}{shards})",
                relation.verdict.words(),
                relation.class
            );
        }
        for function in &self.functions {
            let _ = writeln!(text, "{}  {}", function.function, function.verdict.words());
        }
    }

    fn nodes(&self, text: &mut String) {
        for node in &self.nodes {
            let _ = writeln!(
                text,
                "node {}: {} shards attacked; {} shards hear who speaks, and forget it",
                node.node, node.shards, node.claims
            );
            for (role, said) in &node.connections {
                let _ = writeln!(text, "  who connects to it as {role}: {said}");
            }
        }
    }

    fn detail(&self, text: &mut String, about: &str, finding: &Finding) {
        let severity = match finding.rule.severity {
            Severity::Leak => "LEAK",
            Severity::Risk => "risk",
        };
        let _ = writeln!(
            text,
            "\n{severity} {about} [{}]\n  {}",
            finding.rule, finding.message
        );
        if let Some(place) = &finding.place {
            let _ = writeln!(text, "  at {place}");
        }
        if let Some(accepted) = self.accepted(finding.rule.id, about) {
            let _ = writeln!(text, "  known, {accepted}");
            return;
        }
        if !finding.reproduce.is_empty() {
            let shown = finding.reproduce.to_string();
            let _ = writeln!(text, "  shown by: {}", shown.trim_end().replace('\n', "\n    "));
        }
        let _ = writeln!(text, "  fix: {}", finding.rule.fix);
    }

    fn details(&self, text: &mut String) {
        for (about, finding) in self.all_findings() {
            self.detail(text, about, finding);
        }
        let relations = self.relations.iter().map(|r| (&r.relation, &r.not_tested));
        let functions = self.functions.iter().map(|f| (&f.function, &f.not_tested));
        for (about, reasons) in relations.chain(functions) {
            for why in reasons {
                let _ = writeln!(text, "\nnot tested {about}: {why}");
            }
            if let Some(accepted) = self.accepted(NOT_TESTED, about) {
                let _ = writeln!(text, "  known, {accepted}");
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
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
