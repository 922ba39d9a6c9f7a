//! The baseline: findings that are known and accepted.

use std::path::Path;

use ::prove::{Baseline, Date, Report};
use chrono::{Datelike as _, NaiveDate, Utc};

use super::super::{Failure, say};
use super::outputs;
use crate::cli::Prove;

/// Holds the report against the baseline, if there is one; with a reason, what it says is accepted from now on.
pub(super) fn hold_against(report: &mut Report, options: &Prove) -> Result<(), Failure> {
    let Some(file) = &options.baseline else {
        return Ok(());
    };
    let today = today();
    report.compare(&read(file, options.accept.is_some())?, today);
    if let Some(reason) = &options.accept {
        let baseline = Baseline::accepting(report, reason, today);
        let text = baseline.to_string();
        // What couldn't be read again must not be written.
        let baseline = Baseline::parse(&text)?;
        outputs::replace(file, &text).map_err(unusable(file))?;
        say(&format!("{} is written", file.display()));
        report.compare(&baseline, today);
    }
    Ok(())
}

/// The baseline in a file; where one is about to be written there may be none.
fn read(file: &Path, may_be_absent: bool) -> Result<Baseline, Failure> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Baseline::parse(&text).map_err(|error| format!("{}: {error}", file.display()))?),
        Err(error) if may_be_absent && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Baseline::default())
        }
        Err(error) => Err(unusable(file)(error).into()),
    }
}

fn unusable(file: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("--baseline {}: {error}", file.display())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock at the edge: on which day is the command run?"
)]
fn today() -> Date {
    let today: NaiveDate = Utc::now().date_naive();
    let part = |part: u32| u8::try_from(part).unwrap_or_default();
    Date {
        year: u16::try_from(today.year()).unwrap_or_default(),
        month: part(today.month()),
        day: part(today.day()),
    }
}
