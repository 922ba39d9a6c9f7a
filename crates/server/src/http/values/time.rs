//! Times.

use std::borrow::Cow;

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use poem_openapi::registry::MetaSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Rule;

/// A time of the years 1 to 9999: RFC 3339 writes no others, and Postgres and its clients agree on these.
///
/// Its zone may also be written as `+0200`, which is what `strftime`'s `%z` gives generated clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

/// A time in a query. Without a zone it is read as UTC (Python's `isoformat()` of a naive time has none), and a space
/// before the zone is the `+` that a client didn't escape.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FilterTime(pub(crate) DateTime<Utc>);

const EXPECTED: &str = "must be a time such as 2026-11-24T09:30:00Z";

fn parse(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(&colon_in_zone(text))
        .ok()
        .map(|time| time.with_timezone(&Utc))
        .filter(|time| (1..=9999).contains(&time.year()))
}

/// `+02:00` for a text that ends in `+0200`.
fn colon_in_zone(text: &str) -> Cow<'_, str> {
    let split = text.len().checked_sub(5).filter(|at| text.is_char_boundary(*at));
    let Some((time, zone)) = split.map(|at| text.split_at(at)) else {
        return text.into();
    };
    // A year alone may come after a sign, too; only a time has colons.
    if zone.starts_with(['+', '-']) && zone[1..].bytes().all(|b| b.is_ascii_digit()) && time.contains(':') {
        format!("{time}{}:{}", &zone[..3], &zone[3..]).into()
    } else {
        text.into()
    }
}

/// Where `2026-11-24T09:30:00.5` ends, the zone begins.
fn zone(text: &str) -> Option<usize> {
    let time = text.get("2026-11-24T".len()..)?;
    let after = time.find(|c: char| !(c.is_ascii_digit() || ":.".contains(c)));
    Some(after.map_or(text.len(), |after| after + "2026-11-24T".len()))
}

fn parse_filter(text: &str) -> Option<DateTime<Utc>> {
    let (time, zone) = text.split_at_checked(zone(text)?)?;
    match (zone, zone.strip_prefix(' ')) {
        ("", _) => parse(&format!("{time}Z")),
        (_, Some(unescaped)) => parse(&format!("{time}+{unescaped}")),
        _ => parse(text),
    }
}

impl Rule for Time {
    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date-time")
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let time = value.as_str().and_then(parse).map(Self);
        time.ok_or_else(|| EXPECTED.to_owned())
    }

    fn value(&self) -> Value {
        self.0.to_rfc3339().into()
    }
}

impl Rule for FilterTime {
    fn schema() -> MetaSchema {
        Time::schema()
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let time = value.as_str().and_then(parse_filter).map(Self);
        time.ok_or_else(|| EXPECTED.to_owned())
    }

    fn value(&self) -> Value {
        Time(self.0).value()
    }
}

/// In one piece: chrono's own writes letter by letter, and `serde_json` looks at each for what must be escaped.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl From<Time> for DateTime<Utc> {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl From<FilterTime> for DateTime<Utc> {
    fn from(time: FilterTime) -> Self {
        time.0
    }
}

openapi_value!(Time);
openapi_value!(FilterTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_chrono_writes_it() {
        for text in [
            "2026-11-24T09:30:00Z",
            "2026-11-24T09:30:00.5Z",
            "2026-11-24T09:30:00.123456Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            let time = parse(text).unwrap();
            let written = serde_json::to_string(&Time(time)).unwrap();
            assert_eq!(written, serde_json::to_string(&time).unwrap());
        }
    }

    #[test]
    fn times_have_years_of_four_digits() {
        for bad in [
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-01:00",
            "+10000-01-01T00:00:00Z",
            "-262143-01-01T00:00:00Z",
            "2026-11-24",
            "infinity",
            "",
            "é-0200",
            "2026-11-24T09:30:00é0200",
        ] {
            assert!(Time::accept(&bad.into()).is_err(), "{bad}");
            assert!(FilterTime::accept(&bad.into()).is_err(), "{bad}");
        }
        assert!(Time::accept(&"2026-11-24T09:30:00+01:00".into()).is_ok());
        assert!(Time::accept(&"0001-01-01T00:00:00Z".into()).is_ok());
    }

    #[test]
    fn a_zone_needs_no_colon() {
        for (written, utc) in [
            ("2026-01-01T00:00:00.000000+0200", "2025-12-31T22:00:00+00:00"),
            ("2026-01-01T00:00:00-0530", "2026-01-01T05:30:00+00:00"),
        ] {
            let time = Time::accept(&written.into()).expect(written);
            assert_eq!(time.value(), utc);
            let time = FilterTime::accept(&written.into()).expect(written);
            assert_eq!(time.value(), utc);
        }
    }

    #[test]
    fn only_a_filter_reads_a_time_without_a_zone_and_as_utc() {
        for (written, utc) in [
            ("2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00"),
            ("2026-01-01T00:00:00.250", "2026-01-01T00:00:00.250+00:00"),
            ("2026-01-01T00:00:00 02:00", "2025-12-31T22:00:00+00:00"),
            ("2026-01-01T00:00:00 0200", "2025-12-31T22:00:00+00:00"),
        ] {
            assert!(Time::accept(&written.into()).is_err(), "{written}");
            let time = FilterTime::accept(&written.into()).expect(written);
            assert_eq!(time.value(), utc);
        }
    }
}
