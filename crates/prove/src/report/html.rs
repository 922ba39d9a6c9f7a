//! The report as one self-contained page that an admin can file.

use std::fmt::Write as _;

use crate::rules::{Column, Severity};

use super::text::cell;
use super::{Finding, Report, Verdict};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d9dee3}\
code,pre{font:13px/1.45 ui-monospace,monospace;background:#f4f6f8;border-radius:4px}pre{padding:.7rem;white-space:pre-wrap;overflow-wrap:anywhere}\
.leak{color:#b3261e;font-weight:600}.proven,.held{color:#1a7f37}.incomplete,.not_tested{color:#9a6700;font-weight:600}.none{color:#8b949e}\
article{border-left:4px solid #d9dee3;padding-left:1rem;margin:1.5rem 0}article.leak-finding{border-color:#b3261e}";

impl Report {
    /// The report as a page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let (leaks, risks) = self.count();
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>mako prove: {0}</title><style>{STYLE}</style></head><body>\n\
             <h1>Tenancy: <span class=\"{1}\">{0}</span></h1>\n\
             <p>{leaks} leaks, {risks} risks in {2} relations and {3} functions. {4} of {5} planted leaks were caught. {6} ms.<br>\
             Catalog fingerprint <code>{7}</code>.</p>\n",
            self.verdict.words(),
            class(self.verdict),
            self.relations.len(),
            self.functions.len(),
            self.controls.caught,
            self.controls.planted,
            self.elapsed_ms,
            escape(&self.fingerprint)
        );
        self.html_matrix(&mut page);
        for (about, finding) in self.all_findings() {
            article(&mut page, about, finding);
        }
        let not_tested = self.all_not_tested();
        if !not_tested.is_empty() {
            page.push_str("<h2>Not tested</h2><ul>");
            for (about, why) in not_tested {
                let _ = write!(page, "<li><code>{}</code>: {}</li>", escape(about), escape(why));
            }
            page.push_str("</ul>\n");
        }
        if !self.notes.is_empty() {
            page.push_str("<h2>Notes</h2><ul>");
            for note in &self.notes {
                let _ = write!(page, "<li>{}</li>", escape(note));
            }
            page.push_str("</ul>\n");
        }
        page.push_str("</body></html>\n");
        page
    }

    fn html_matrix(&self, page: &mut String) {
        page.push_str("<table><thead><tr><th>relation</th>");
        for column in Column::ALL {
            let _ = write!(page, "<th>{}</th>", column.name());
        }
        page.push_str("<th>verdict</th></tr></thead><tbody>\n");
        for relation in &self.relations {
            let _ = write!(
                page,
                "<tr><td><code>{}</code><br><small>{}, {}</small></td>",
                escape(&relation.relation),
                relation.kind,
                escape(&relation.class)
            );
            for column in Column::ALL {
                let word = cell(relation, column);
                let class = match word {
                    "LEAK" => "leak",
                    "held" => "held",
                    _ => "none",
                };
                let _ = write!(page, "<td class=\"{class}\">{word}</td>");
            }
            let _ = writeln!(
                page,
                "<td class=\"{}\">{}</td></tr>",
                class(relation.verdict),
                relation.verdict.words()
            );
        }
        for function in &self.functions {
            let _ = writeln!(
                page,
                "<tr><td><code>{}</code><br><small>function</small></td><td colspan=\"{}\"></td><td class=\"{}\">{}</td></tr>",
                escape(&function.function),
                Column::ALL.len(),
                class(function.verdict),
                function.verdict.words()
            );
        }
        page.push_str("</tbody></table>\n");
    }
}

fn article(page: &mut String, about: &str, finding: &Finding) {
    let (kind, word) = match finding.rule.severity {
        Severity::Leak => ("leak-finding", "Leak"),
        Severity::Risk => ("risk-finding", "Risk"),
    };
    let _ = writeln!(
        page,
        "<article class=\"{kind}\"><h3>{word}: <code>{}</code> {}</h3><p>{}</p>",
        escape(about),
        escape(&finding.rule.id.replace('_', " ")),
        escape(&finding.message)
    );
    if !finding.reproduce.is_empty() {
        let _ = writeln!(page, "<pre>{}</pre>", escape(&finding.reproduce.to_string()));
    }
    let _ = writeln!(page, "<p>Fix: {}</p>", escape(finding.rule.fix));
    page.push_str("</article>\n");
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Leak => "leak",
        Verdict::Incomplete => "incomplete",
        Verdict::NotTested => "not_tested",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
