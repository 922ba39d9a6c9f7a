//! Says which moment a date without a zone is.

use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A time zone of the IANA database; UTC unless somebody says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

/// There is no time zone of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time zone of the IANA database, such as America/Mexico_City or Europe/Berlin")]
pub struct UnknownZone;

impl Zone {
    /// Its name, as [`Zone::from_str`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The moment at which its clocks show this. A time that they show twice is the first of the two, and one that they
    /// skip is reckoned from before the gap (RFC 5545, section 3.3.5).
    pub(crate) fn moment(self, clock: NaiveDateTime) -> Option<DateTime<Utc>> {
        let day = TimeDelta::days(1);
        let shown = self.0.from_local_datetime(&clock).earliest();
        let moment = shown.or_else(|| {
            let day_before = self.0.from_local_datetime(&clock.checked_sub_signed(day)?);
            day_before.earliest()?.checked_add_signed(day)
        });
        moment.map(|moment| moment.to_utc())
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        name.parse().map(Self).map_err(|_| UnknownZone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: &str, clock: &str) -> String {
        let zone: Zone = zone.parse().unwrap();
        zone.moment(clock.parse().unwrap()).unwrap().to_rfc3339()
    }

    #[test]
    fn a_clock_is_read_in_its_zone_summer_and_winter() {
        for (zone, clock, expected) in [
            ("UTC", "2026-07-01T10:30:00", "2026-07-01T10:30:00+00:00"),
            (
                "Europe/Berlin",
                "2026-07-01T10:30:00",
                "2026-07-01T08:30:00+00:00",
            ),
            (
                "Europe/Berlin",
                "2026-12-01T10:30:00",
                "2026-12-01T09:30:00+00:00",
            ),
            (
                "America/Mexico_City",
                "2026-07-01T10:30:00",
                "2026-07-01T16:30:00+00:00",
            ),
            ("Asia/Kolkata", "2026-07-01T10:30:00", "2026-07-01T05:00:00+00:00"),
        ] {
            assert_eq!(moment(zone, clock), expected, "{zone} {clock}");
        }
    }

    #[test]
    fn a_time_that_is_shown_twice_or_never_is_read_as_calendars_do() {
        for (zone, clock, expected) in [
            (
                "Europe/Berlin",
                "2026-10-25T02:30:00",
                "2026-10-25T00:30:00+00:00",
            ),
            (
                "Europe/Berlin",
                "2026-03-29T02:30:00",
                "2026-03-29T01:30:00+00:00",
            ),
            (
                "America/New_York",
                "2026-03-08T02:30:00",
                "2026-03-08T07:30:00+00:00",
            ),
            // The day that Samoa left out.
            ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00+00:00"),
        ] {
            assert_eq!(moment(zone, clock), expected, "{zone} {clock}");
        }
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        for end in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            let _nothing_overflows = zone.moment(end);
        }
    }

    #[test]
    fn a_zone_has_the_name_that_it_was_given() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"] {
            assert_eq!(name.parse::<Zone>().unwrap().name(), name);
        }
        for none in ["", "Berlin", "europe/berlin", "+02:00", "UTC+2", "CEST"] {
            assert_eq!(none.parse::<Zone>(), Err(UnknownZone), "{none}");
        }
    }
}
