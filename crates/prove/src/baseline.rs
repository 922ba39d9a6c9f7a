//! What is known and accepted, so that only what is new fails.
//!
//! An entry is told by rule and by what it is about, never by a text: a message may change with the rows that were made up.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use toml::value::Date;

use crate::report::{DATABASE, NOT_TESTED, Report};
use crate::rules::{self, Severity};

/// What is accepted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    #[serde(default)]
    accepted: Vec<Accepted>,
}

/// A finding that somebody has accepted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The rule, or `not_tested`.
    pub rule: String,
    /// The relation or function that it is about, or `database`.
    pub on: String,
    /// Why it may be so.
    pub reason: String,
    /// From when on.
    #[serde(serialize_with = "as_text")]
    pub since: Date,
    /// The last day on which it is accepted.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_optional_text")]
    pub until: Option<Date>,
}

/// What a report says beside a baseline.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// Found, and accepted.
    pub known: Vec<Accepted>,
    /// Found, and accepted until a day that has passed.
    pub lapsed: Vec<Accepted>,
    /// Accepted, and not found any more.
    pub gone: Vec<Accepted>,
}

/// Why a baseline can't be used; the text names the fix.
#[derive(Debug, thiserror::Error)]
pub enum BadBaseline {
    /// Not TOML, or not of this form.
    #[error("the baseline can't be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// It accepts what can't be found.
    #[error("the baseline accepts {0:?}, which is no rule: `mako prove --format json` names them")]
    NoRule(String),
    /// A proof that lacks its ground can't be accepted.
    #[error("not_tested of the database is no part that can be accepted: nothing is proven without it")]
    WholeDatabase,
    /// It gives no reason.
    #[error("the baseline accepts {rule} of {on} without a reason")]
    NoReason {
        /// The rule.
        rule: String,
        /// What it is about.
        on: String,
    },
}

const HEADING: &str = "# What `mako prove --baseline` accepts: by rule and by what it is about. From the day after `until` on it fails again.\n";

impl Baseline {
    /// Reads a baseline.
    pub fn parse(text: &str) -> Result<Self, BadBaseline> {
        let baseline: Self = toml::from_str(text)?;
        for Accepted { rule, on, reason, .. } in &baseline.accepted {
            if rule != NOT_TESTED && !rules::ALL.iter().any(|known| known.id == rule) {
                return Err(BadBaseline::NoRule(rule.clone()));
            }
            if rule == NOT_TESTED && on == DATABASE {
                return Err(BadBaseline::WholeDatabase);
            }
            if reason.trim().is_empty() {
                let (rule, on) = (rule.clone(), on.clone());
                return Err(BadBaseline::NoReason { rule, on });
            }
        }
        Ok(baseline)
    }

    /// What a compared report fails by is accepted from now on, too, and what is gone no longer.
    #[must_use]
    pub fn accepting(report: &Report, reason: &str, since: Date) -> Self {
        let mut accepted = report
            .baseline
            .as_ref()
            .map_or_else(Vec::new, |compared| compared.known.clone());
        let new = report.points().into_iter().filter(|(rule, on)| {
            let fails = rule == NOT_TESTED
                || rules::ALL
                    .iter()
                    .any(|known| known.id == rule && known.severity == Severity::Leak);
            fails && report.accepted(rule, on).is_none()
        });
        accepted.extend(new.map(|(rule, on)| Accepted {
            rule,
            on,
            reason: reason.to_owned(),
            since,
            until: None,
        }));
        Self { accepted }
    }
}

/// As the file.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADING)?;
        let quoted = |text: &str| toml::Value::from(text).to_string();
        for entry in &self.accepted {
            writeln!(f, "\n[[accepted]]")?;
            writeln!(f, "rule = {}", quoted(&entry.rule))?;
            writeln!(f, "on = {}", quoted(&entry.on))?;
            writeln!(f, "reason = {}", quoted(&entry.reason))?;
            writeln!(f, "since = {}", entry.since)?;
            if let Some(until) = entry.until {
                writeln!(f, "until = {until}")?;
            }
        }
        Ok(())
    }
}

impl Report {
    /// Holds it against a baseline, as of a day.
    pub fn compare(&mut self, baseline: &Baseline, today: Date) {
        let points = self.points();
        let mut compared = Comparison::default();
        for entry in baseline.accepted.iter().cloned() {
            let point = (entry.rule.clone(), entry.on.clone());
            if !points.contains(&point) {
                compared.gone.push(entry);
            } else if entry.until.is_some_and(|until| until < today) {
                compared.lapsed.push(entry);
            } else {
                let reason = format!("accepted on {}: {}", entry.since, entry.reason);
                self.known.insert(point, reason);
                compared.known.push(entry);
            }
        }
        self.baseline = Some(compared);
    }
}

/// For people.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.gone {
            writeln!(f, "gone: {} [{}], {}", entry.on, entry.rule, entry.reason)?;
        }
        for entry in &self.lapsed {
            let until = entry.until.unwrap_or(entry.since);
            writeln!(
                f,
                "lapsed: {} [{}] was accepted until {until}, {}",
                entry.on, entry.rule, entry.reason
            )?;
        }
        writeln!(
            f,
            "baseline: {} known, {} lapsed, {} gone",
            self.known.len(),
            self.lapsed.len(),
            self.gone.len()
        )
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over")]
fn as_text<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over"
)]
fn as_optional_text<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => as_text(date, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(rule: &str, on: &str, reason: &str) -> String {
        format!("[[accepted]]\nrule = {rule:?}\non = {on:?}\nreason = {reason:?}\nsince = 2026-11-29\n")
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let text = entry("takeover", "public.\"a b\"", "say \"when\" and 'why'")
            + "until = 2027-01-31\n"
            + &entry("not_tested", "public.f(text)", "asks\nthe outside");
        let read = Baseline::parse(&text).unwrap();
        let again = Baseline::parse(&read.to_string()).unwrap();
        assert_eq!(read.accepted, again.accepted);
        assert_eq!(read.accepted.len(), 2);
    }

    #[test]
    fn what_accepts_nothing_that_can_be_found_or_says_no_reason_is_refused() {
        for (text, why) in [
            (entry("cross_tenant_raed", "public.a", "x"), "is no rule"),
            (entry("takeover", "public.a", " "), "without a reason"),
            (
                entry("not_tested", "database", "x"),
                "no part that can be accepted",
            ),
            (
                entry("takeover", "public.a", "x") + "untill = 2027-01-01\n",
                "untill",
            ),
            (entry("takeover", "public.a", "x") + "until = \"soon\"\n", "until"),
        ] {
            let refused = Baseline::parse(&text).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
