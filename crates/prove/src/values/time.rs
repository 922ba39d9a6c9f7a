//! Dates and times of a type, and those of which checks speak.

use super::seed::Seed;
use crate::catalog::Column;

/// Names of columns that say until when something holds.
const ENDS: [&str; 7] = ["expir", "until", "ends_", "end_", "_end", "valid_to", "deadline"];

/// Dates or times in the order in which they are tried.
pub(super) fn times_for(column: &Column, seed: Seed<'_>, constants: &[String]) -> Vec<String> {
    let mut times = usual(column, seed);
    let dates = constants.iter().filter(|word| {
        word.len() >= 10 && word.as_bytes()[4] == b'-' && word.starts_with(|c: char| c.is_ascii_digit())
    });
    times.extend(dates.cloned());
    times
}

fn usual(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let own = |text: &str| text.to_owned();
    let is_plain = seed.variant == 0 && !seed.unique;
    let (day, hour, minute) = (seed.number % 27 + 1, seed.number / 60 % 24, seed.number % 60);
    let past = format!("2024-01-{day:02} {hour:02}:{minute:02}:01+00");
    let future = format!("2124-01-{day:02} {hour:02}:{minute:02}:02+00");
    let kind = column.base_name.as_str();
    match kind {
        "time" | "timetz" => vec![format!("{hour:02}:{minute:02}:01"), own("09:00"), own("17:00")],
        // Most policies ask that it hasn't come yet.
        _ if is_plain && is_end(column) => vec![format!("2124-01-{day:02}"), own("now"), own("2024-01-01")],
        "date" if is_plain => vec![own("today"), format!("2024-01-{day:02}"), own("1990-01-01")],
        "timestamp" | "timestamptz" if is_plain => vec![
            own("now"),
            past,
            own("2124-01-01 00:00:00+00"),
            own("1990-01-01 00:00:00+00"),
        ],
        "date" => vec![
            format!("2024-01-{day:02}"),
            format!("2124-01-{day:02}"),
            own("2024-06-15"),
            own("1990-01-01"),
        ],
        _ if seed.variant % 2 == 1 => vec![future, past],
        _ => vec![
            past,
            future,
            own("2024-06-15 12:00:00+00"),
            own("1990-01-01 00:00:00+00"),
        ],
    }
}

fn is_end(column: &Column) -> bool {
    let name = column.name.to_lowercase();
    ENDS.iter().any(|word| name.contains(word))
}
