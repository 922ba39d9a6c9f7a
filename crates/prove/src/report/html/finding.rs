//! One finding: what it comes to, what decides it, what to do, and SQL that shows it.

use std::fmt::Write as _;

use super::escape;
use crate::report::story::story;
use crate::report::{Finding, Remedy, Report};

/// A leak is open, and what is known isn't.
pub(super) fn write(page: &mut String, report: &Report, n: usize, (about, finding): (&str, &Finding)) {
    let accepted = report.accepted(finding.rule.id, about);
    let shown_at = report
        .all_findings()
        .iter()
        .take(n)
        .position(|(_, earlier)| earlier.remedy == finding.remedy);
    let (kind, word) = if finding.is_leak() {
        ("leak-finding", "<span class=\"leak\">✗ Leak</span>")
    } else {
        ("risk-finding", "<span class=\"unknown\">! Risk</span>")
    };
    let open = if finding.is_leak() && accepted.is_none() {
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
    match (&finding.remedy, shown_at) {
        (Some(_), Some(earlier)) => {
            let _ = writeln!(
                page,
                "<p>The policies of <a href=\"#f{earlier}\">the leak above</a> are this one's as well.</p>"
            );
        }
        (Some(remedy), None) => change(page, remedy),
        (None, _) => {}
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

fn change(page: &mut String, remedy: &Remedy) {
    let _ = writeln!(
        page,
        "<div class=\"change\"><div><h4>Now</h4><pre>{}</pre></div><div><h4>For example</h4><pre>{}</pre></div></div>",
        escape(&remedy.before),
        escape(&remedy.after)
    );
}
