//! The report as one self-contained page that an admin can file: nothing is fetched, and no script runs.

mod finding;
mod matrix;
mod picture;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use super::{NOT_TESTED, Report, Verdict};
use crate::rules::Severity;

const STYLE: &str = include_str!("style.css");

impl Report {
    /// The report as a page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut page = head(self.verdict);
        self.html_summary(&mut page);
        page.push_str("<main>\n<h2 id=\"reach\">Who reaches what</h2>\n");
        picture::draw(self, &mut page);
        matrix::write(self, &mut page);
        page.push_str("<div id=\"findings\" tabindex=\"-1\">\n");
        self.html_findings(&mut page, Severity::Leak, "Leaks");
        self.html_findings(&mut page, Severity::Risk, "Risks");
        page.push_str("</div>\n");
        self.html_not_tested(&mut page);
        list(&mut page, "Notes", self.notes.iter().map(|note| escape(note)));
        page.push_str("</main>\n</body></html>\n");
        page
    }

    fn html_summary(&self, page: &mut String) {
        let (leaks, risks) = self.count();
        let _ = write!(
            page,
            "<header>\n<h1>Tenancy: <span class=\"{}\">{} {}</span></h1>\n\
             <p>{leaks} leaks, {risks} risks in {} relations and {} functions. {} of {} planted leaks were caught. {} ms.</p>\n\
             <p class=\"soft\">Catalog fingerprint <code>{}</code></p>\n",
            class(self.verdict),
            sign(self.verdict),
            self.verdict.words(),
            self.relations.len(),
            self.functions.len(),
            self.controls.caught,
            self.controls.planted,
            self.elapsed_ms,
            escape(&self.fingerprint)
        );
        let beside = self.beside();
        if !beside.is_empty() {
            let _ = writeln!(page, "<pre>{}</pre>", escape(beside.trim_end()));
        }
        page.push_str("</header>\n");
    }

    fn html_findings(&self, page: &mut String, severity: Severity, heading: &str) {
        let all = self.all_findings();
        let mut of_kind = all
            .iter()
            .enumerate()
            .filter(|(_, (_, finding))| finding.rule.severity == severity)
            .peekable();
        if of_kind.peek().is_none() {
            return;
        }
        let _ = writeln!(page, "<h2>{heading}</h2>");
        for (n, found) in of_kind {
            finding::write(page, self, n, *found);
        }
    }

    fn html_not_tested(&self, page: &mut String) {
        let all = self.all_not_tested().into_iter();
        let items = all.map(|(about, why)| {
            let accepted = self.accepted(NOT_TESTED, about);
            let known = accepted.map_or_else(String::new, |reason| format!(" (known, {})", escape(reason)));
            format!("<code>{}</code>: {}{known}", escape(about), escape(why))
        });
        list(page, "Not tested", items);
    }
}

fn head(verdict: Verdict) -> String {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>mako prove: {}</title><style>{STYLE}</style></head><body>\n<a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n",
        verdict.words()
    )
}

fn list(page: &mut String, heading: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    let _ = writeln!(page, "<h2>{heading}</h2>\n<ul>");
    for item in items {
        let _ = writeln!(page, "<li>{item}</li>");
    }
    page.push_str("</ul>\n");
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Leak => "leak",
        Verdict::Incomplete => "incomplete",
        Verdict::NotTested => "not_tested",
    }
}

/// For whom colours say nothing.
fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Proven => '✓',
        Verdict::Leak => '✗',
        Verdict::Incomplete | Verdict::NotTested => '?',
    }
}

/// As text and within quotes of an attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
