//! One finding: what it comes to, what decides it, what to do, and SQL that shows it.

use std::fmt::Write as _;

use super::escape;
use crate::report::story::story;
use crate::report::{Finding, Remedy, Report};

pub(super) fn write(page: &mut String, report: &Report, n: usize, (about, finding): (&str, &Finding)) {
    let accepted = report.accepted(finding.rule.id, about);
    begin(page, n, about, finding, accepted.is_some());
    if let Some(story) = story(about, finding) {
        let _ = writeln!(page, "<p class=\"story\">{}</p>", escape(&story));
    }
    let _ = writeln!(page, "<p>{}</p>", escape(&finding.message));
    if let Some(place) = &finding.place {
        let _ = writeln!(
            page,
            "<p class=\"soft\">At <code>{}</code></p>",
            escape(&place.to_string())
        );
    }
    if let Some(accepted) = accepted {
        let _ = writeln!(page, "<p>Known, {}</p></details>", escape(accepted));
        return;
    }
    let _ = writeln!(page, "<h4>What to do</h4><p>{}</p>", escape(finding.rule.fix));
    if let Some(remedy) = &finding.remedy {
        suggest(page, report, n, remedy);
    }
    if !finding.reproduce.is_empty() {
        let _ = writeln!(
            page,
            "<details><summary>SQL that shows it, and takes everything back</summary><pre>{}</pre></details>",
            escape(&finding.reproduce.to_string())
        );
    }
    page.push_str("</details>\n");
}

/// A leak is open, and what is known isn't.
fn begin(page: &mut String, n: usize, about: &str, finding: &Finding, is_known: bool) {
    let (kind, word) = if finding.is_leak() {
        ("leak-finding", "<span class=\"leak\">✗ Leak</span>")
    } else {
        ("risk-finding", "<span class=\"unknown\">! Risk</span>")
    };
    let open = if finding.is_leak() && !is_known {
        " open"
    } else {
        ""
    };
    let _ = writeln!(
        page,
        "<details class=\"{kind}\" id=\"f{n}\"{open}><summary><h3>{word} <code>{}</code> {}</h3></summary>",
        escape(about),
        escape(&finding.rule.id.replace('_', " ")),
    );
}

/// The policies as they could be, once for all findings that have the same.
fn suggest(page: &mut String, report: &Report, n: usize, remedy: &Remedy) {
    let findings = report.all_findings();
    let mut earlier = findings.iter().take(n);
    match earlier.position(|(_, earlier)| earlier.remedy.as_ref() == Some(remedy)) {
        Some(earlier) => {
            let _ = writeln!(
                page,
                "<p>The policies of <a href=\"#f{earlier}\">the leak above</a> are this one's as well.</p>"
            );
        }
        None => change(page, remedy),
    }
}

fn change(page: &mut String, remedy: &Remedy) {
    let _ = writeln!(
        page,
        "<div class=\"change\"><div><h4>Now</h4><pre>{}</pre></div><div><h4>For example</h4><pre>{}</pre></div></div>",
        escape(&remedy.before),
        escape(&remedy.after)
    );
}
