//! Whether a call that changes nothing is made again, and when: after what passes soon, a few times, within a few seconds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};
use serde::Deserialize;

/// All waits of a call together: a request has `REQUEST_TIMEOUT`, and a caller little patience.
const WITHIN: Duration = Duration::from_secs(5);
/// Before the second attempt, if the provider doesn't say; doubled each time.
const PAUSE: Duration = Duration::from_millis(200);

/// How a provider's calls are made again; `providers.toml` says what each field is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RetryRule {
    attempts: u32,
    statuses: Vec<u16>,
    wait: String,
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            attempts: 3,
            // RFC 6585 §4, RFC 9110 §15.6.
            statuses: vec![429, 502, 503, 504],
            wait: RETRY_AFTER.as_str().to_owned(),
        }
    }
}

impl RetryRule {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !(1..=5).contains(&self.attempts) {
            return Err("retry.attempts must be 1 to 5");
        }
        if !self.statuses.iter().all(|status| (400..600).contains(status)) {
            return Err("retry.statuses must be 400 to 599");
        }
        if self.wait.parse::<HeaderName>().is_err() {
            return Err("retry.wait must be the name of a header");
        }
        Ok(())
    }

    /// How long to wait before the attempt after this one, the provider having answered so; None if that is its answer.
    pub(super) fn after_answer(
        &self,
        attempt: u32,
        waited: Duration,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Duration> {
        if !self.statuses.contains(&status.as_u16()) {
            return None;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the provider's date is of the world's clock"
        )]
        let now = Utc::now();
        let told = headers
            .get(&self.wait)
            .and_then(|value| delay(value.to_str().ok()?, now));
        self.pause(attempt, waited, told)
    }

    /// The same, the provider not having answered.
    pub(super) fn after_silence(&self, attempt: u32, waited: Duration) -> Option<Duration> {
        self.pause(attempt, waited, None)
    }

    fn pause(&self, attempt: u32, waited: Duration, told: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        // Those who were refused at the same moment don't come back at the same moment.
        let spread = fastrand::f64();
        let pause = match told {
            Some(told) => told + PAUSE.mul_f64(spread),
            None => (PAUSE * 2_u32.pow(attempt - 1)).mul_f64(0.5 + spread),
        };
        (waited + pause <= WITHIN).then_some(pause)
    }
}

/// Seconds, or a date (RFC 9110 §10.2.3).
fn delay(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rule: &RetryRule, attempt: u32, status: u16, wait: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        if let Some(wait) = wait {
            headers.insert(RETRY_AFTER, wait.parse().expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        rule.after_answer(attempt, Duration::ZERO, status, &headers)
    }

    #[test]
    fn a_rule_that_would_repeat_for_ever_or_what_succeeded_is_refused() {
        let rule = |text: &str| toml::from_str::<RetryRule>(text).expect("a rule");
        assert_eq!(
            rule("attempts = 1\nstatuses = [429]\nwait = \"x-wait\"").check(),
            Ok(())
        );
        for bad in ["attempts = 0", "attempts = 6", "statuses = [200]", "wait = \"\""] {
            assert!(rule(bad).check().is_err(), "{bad}");
        }
        assert!(toml::from_str::<RetryRule>("tries = 2").is_err());
    }

    #[test]
    fn what_passes_soon_is_tried_again_a_few_times_and_nothing_else_is() {
        let rule = RetryRule::default();
        for status in [429, 502, 503, 504] {
            assert!(after(&rule, 1, status, None).is_some(), "{status}");
            assert!(after(&rule, 2, status, None).is_some(), "{status}");
            assert_eq!(after(&rule, 3, status, None), None, "{status}");
        }
        for status in [200, 301, 400, 401, 404, 409, 500, 501] {
            assert_eq!(after(&rule, 1, status, None), None, "{status}");
        }
        assert!(rule.after_silence(2, Duration::ZERO).is_some());
        assert_eq!(rule.after_silence(3, Duration::ZERO), None);
    }

    #[test]
    fn the_providers_word_is_kept_or_the_answer_is_the_callers() {
        let rule = RetryRule::default();
        let two = Duration::from_secs(2);
        for wait in ["2", " 2 ", "2.0"] {
            let pause = after(&rule, 1, 429, Some(wait)).expect(wait);
            assert!((two..=two + PAUSE).contains(&pause), "{wait}: {pause:?}");
        }
        let past = after(&rule, 1, 503, Some("Mon, 24 Nov 2025 15:00:00 GMT"));
        assert!(past.expect("at once") <= PAUSE);
        for long in ["6", "3600", "Thu, 24 Nov 2225 17:00:00 GMT"] {
            assert_eq!(after(&rule, 1, 429, Some(long)), None, "{long}");
        }
        for none in ["soon", "-1", "NaN", ""] {
            assert!(
                after(&rule, 1, 429, Some(none)).expect(none) < PAUSE * 2,
                "{none}"
            );
        }
        assert_eq!(
            rule.pause(1, Duration::from_secs(4), Some(two)),
            None,
            "all waits together"
        );
    }

    #[test]
    fn a_date_is_a_delay_from_now() {
        let now = DateTime::from_timestamp(1_764_000_000, 0).expect("a time");
        let in_two = delay("Mon, 24 Nov 2025 16:00:02 GMT", now);
        assert_eq!(in_two, Some(Duration::from_secs(2)));
    }
}
