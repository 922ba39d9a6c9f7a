//! The report for a page that renders Markdown, such as the summary of a run of GitHub's.

use std::fmt::Write as _;

use super::text::cell;
use super::{Finding, Report, Verdict};
use crate::rules::{Column, Severity};

/// From this length on, SQL is left out: GitHub takes a megabyte, and no part of more.
const LONG: usize = 512 * 1024;

impl Report {
    /// The report as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!(
            "## Tenancy: {}\n\n{}\n\n",
            self.verdict.words(),
            escape(&self.summary())
        );
        for line in self.beside().lines() {
            let _ = writeln!(text, "{}\n", escape(line));
        }
        self.markdown_matrix(&mut text);
        for (severity, heading) in [(Severity::Leak, "Leaks"), (Severity::Risk, "Risks")] {
            let findings = self.all_findings().into_iter();
            let findings: Vec<_> = findings
                .filter(|(_, finding)| finding.rule.severity == severity)
                .collect();
            if !findings.is_empty() {
                let _ = writeln!(text, "\n### {heading}\n");
            }
            for (about, finding) in findings {
                self.item(&mut text, about, finding);
            }
        }
        let untested = self.all_not_tested();
        if !untested.is_empty() {
            text.push_str("\n### Not tested\n\n");
        }
        for (about, why) in untested {
            let _ = writeln!(text, "- {}: {}", code(about), escape(why));
        }
        text
    }

    fn markdown_matrix(&self, text: &mut String) {
        text.push_str("| relation |");
        for column in Column::ALL {
            let _ = write!(text, " {} |", column.name());
        }
        let _ = writeln!(text, " verdict |\n|{}", "---|".repeat(Column::ALL.len() + 2));
        for relation in &self.relations {
            let _ = write!(text, "| {} |", code(&relation.relation));
            for column in Column::ALL {
                let _ = write!(text, " {} |", loud(cell(relation, column)));
            }
            let _ = writeln!(text, " {} |", loud(relation.verdict.words()));
        }
        let functions = || self.functions.iter().filter(|f| f.verdict != Verdict::Proven);
        for function in functions() {
            let columns = " |".repeat(Column::ALL.len());
            let _ = writeln!(
                text,
                "| {} |{columns} {} |",
                code(&function.function),
                loud(function.verdict.words())
            );
        }
    }

    fn item(&self, text: &mut String, about: &str, finding: &Finding) {
        let place = finding
            .place
            .as_ref()
            .map_or_else(String::new, |place| format!(" at {}", code(&place.to_string())));
        let _ = write!(
            text,
            "- {} **{}**{place}: {}",
            code(about),
            finding.rule.id.replace('_', " "),
            escape(&finding.message)
        );
        if let Some(accepted) = self.accepted(finding.rule.id, about) {
            let _ = writeln!(text, " *Known, {}*", escape(accepted));
            return;
        }
        let _ = writeln!(text, "  \n  Fix: {}", escape(finding.rule.fix));
        if finding.is_leak() && !finding.reproduce.is_empty() && text.len() < LONG {
            let shown = finding.reproduce.to_string().trim_end().replace('\n', "\n  ");
            let _ = writeln!(
                text,
                "\n  <details><summary>SQL that shows it</summary>\n\n  ````sql\n  {shown}\n  ````\n  </details>\n"
            );
        }
    }
}

/// What is not in order stands out.
fn loud(word: &str) -> String {
    match word {
        "LEAK" | "not tested" => format!("**{word}**"),
        word => word.to_owned(),
    }
}

/// A name, which may hold anything.
fn code(name: &str) -> String {
    format!("<code>{}</code>", escape(name))
}

/// What Markdown, HTML or a table's row would take for its own.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\r' => escaped.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name() {
        assert_eq!(
            code("public.\"a|b\n<img>\""),
            "<code>public.\"a&#124;b &lt;img&gt;\"</code>"
        );
    }
}
