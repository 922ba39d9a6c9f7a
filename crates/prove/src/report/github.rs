//! The report as annotations of a run of GitHub's: one workflow command for each finding, at the statement of the project
//! that decides it.

use std::fmt::Write as _;

use super::{NOT_TESTED, Place, Report};
use crate::rules::Severity;

impl Report {
    /// The report as workflow commands, and what people look for in a log.
    #[must_use]
    pub fn to_github(&self) -> String {
        let mut text = String::new();
        for (about, finding) in self.all_findings() {
            let title = format!("{about}: {}", finding.rule.id.replace('_', " "));
            let (level, message) = match (self.accepted(finding.rule.id, about), finding.rule.severity) {
                (Some(accepted), _) => ("notice", format!("Known, {accepted}: {}", finding.message)),
                (None, Severity::Leak) => ("error", finding.message.clone()),
                (None, Severity::Risk) => ("warning", finding.message.clone()),
            };
            let message = format!("{message}\nFix: {}", finding.rule.fix);
            command(&mut text, level, finding.place.as_ref(), &title, &message);
        }
        for (about, why) in self.all_not_tested() {
            let title = format!("{about}: not tested");
            let level = match self.accepted(NOT_TESTED, about) {
                Some(_) => "notice",
                None => "error",
            };
            command(&mut text, level, self.place_of(about), &title, why);
        }
        let _ = writeln!(text, "{}", self.summary());
        text.push_str(&self.beside());
        text
    }
}

fn command(text: &mut String, level: &str, place: Option<&Place>, title: &str, message: &str) {
    let at = place.map_or_else(String::new, |Place { file, line }| {
        format!("file={},line={line},", property(file))
    });
    let _ = writeln!(text, "::{level} {at}title={}::{}", property(title), data(message));
}

/// What ends a command, or the line, is escaped as the runner's toolkit does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_or_text_ends_its_command_or_begins_another() {
        let mut text = String::new();
        let place = Place {
            file: "a,b:c.sql".to_owned(),
            line: 7,
        };
        command(
            &mut text,
            "error",
            Some(&place),
            "t::x\n",
            "100 %\n::stop-commands::",
        );
        assert_eq!(
            text,
            "::error file=a%2Cb%3Ac.sql,line=7,title=t%3A%3Ax%0A::100 %25%0A::stop-commands::\n"
        );
    }
}
