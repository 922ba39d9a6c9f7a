//! Times.

use chrono::{DateTime, Datelike as _, Utc};
use poem_openapi::registry::MetaSchema;
use serde_json::Value;

use super::Rule;

/// A time of the years 1 to 9999: RFC 3339 writes no others, and Postgres and its clients agree on these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

impl Rule for Time {
    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date-time")
    }

    fn accept(value: &Value) -> Result<Self, String> {
        value
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|time| time.with_timezone(&Utc))
            .filter(|time| (1..=9999).contains(&time.year()))
            .map(Self)
            .ok_or_else(|| "must be a time such as 2026-11-24T09:30:00Z".to_owned())
    }

    fn value(&self) -> Value {
        self.0.to_rfc3339().into()
    }
}

impl From<Time> for DateTime<Utc> {
    fn from(time: Time) -> Self {
        time.0
    }
}

openapi_value!(Time);

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert!(Time::accept(&bad.into()).is_err(), "{bad}");
        }
        assert!(Time::accept(&"2026-11-24T09:30:00+01:00".into()).is_ok());
        assert!(Time::accept(&"0001-01-01T00:00:00Z".into()).is_ok());
    }
}
