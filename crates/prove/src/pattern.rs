//! Makes text that a check's regular expression accepts.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A text that a regular expression accepts, as far as Postgres' and Rust's mean the same; what may repeat does so that many
/// times `more` than it must.
pub(crate) fn sample(pattern: &str, number: u64, more: u32) -> Option<String> {
    if !pattern.contains(['[', '\\', '^', '$', '(', '.']) {
        return None;
    }
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    let mut left = number;
    write(&hir, &mut text, &mut left, more)?;
    // An open end may be anything; a closed one is done.
    Some(text)
}

fn write(hir: &Hir, text: &mut String, number: &mut u64, more: u32) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges: Vec<(u32, u32)> = class
                .iter()
                .map(|range| (range.start() as u32, range.end() as u32))
                .collect();
            text.push(pick(&ranges, number)?);
        }
        HirKind::Class(Class::Bytes(class)) => {
            let ranges: Vec<(u32, u32)> = class
                .iter()
                .map(|range| (range.start().into(), range.end().into()))
                .collect();
            text.push(pick(&ranges, number)?);
        }
        HirKind::Repetition(repetition) => {
            // More than needed, where that is allowed, leaves room for different texts; of what repeats inside, one more.
            let more_of_it = if repeats(&repetition.sub) {
                more.min(1)
            } else {
                more
            };
            let times = (repetition.min + more_of_it)
                .min(repetition.max.unwrap_or(u32::MAX))
                .max(repetition.min);
            let times = if repetition.min == 0 && repetition.max == Some(1) {
                0
            } else {
                times
            };
            for _ in 0..times {
                write(&repetition.sub, text, number, more)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, text, number, more)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, text, number, more)?;
            }
        }
        HirKind::Alternation(choices) => write(choices.first()?, text, number, more)?,
    }
    Some(())
}

fn repeats(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(_) => true,
        HirKind::Capture(capture) => repeats(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(repeats),
        _ => false,
    }
}

/// A printable character of a class, a different one for each number.
fn pick(ranges: &[(u32, u32)], number: &mut u64) -> Option<char> {
    let printable: Vec<char> = ranges
        .iter()
        .flat_map(|(from, to)| (*from.max(&33)..=*to.min(&126)).filter_map(char::from_u32))
        .collect();
    let plain: Vec<char> = printable
        .iter()
        .copied()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let choices = if plain.is_empty() { &printable } else { &plain };
    let length = u64::try_from(choices.len()).ok().filter(|length| *length > 0)?;
    let chosen = choices.get(usize::try_from(*number % length).ok()?).copied();
    *number /= length;
    chosen.or_else(|| ranges.first().and_then(|(from, _)| char::from_u32(*from)))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn samples_match_their_pattern() {
        for pattern in [
            r"^[A-Z]{2}\d{4}$",
            r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8})$",
            r"^#[0-9a-f]{6}$",
            r"^[a-z0-9-]+@[a-z]+\.[a-z]{2,}$",
        ] {
            let (one, two) = (sample(pattern, 5, 4).unwrap(), sample(pattern, 6, 4).unwrap());
            assert!(Regex::new(pattern).unwrap().is_match(&one), "{one}");
            assert_ne!(one, two);
        }
    }
}
