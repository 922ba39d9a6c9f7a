//! When a delivery that failed is tried again, as Standard Webhooks proposes it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// From each failure to the next attempt; the first attempt is made at once.
const DELAYS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(10),
];

/// The longest wait that a receiver may ask for.
const LONGEST: Duration = Duration::from_hours(10);

/// How long after an attempt that failed the next one is made; None after the last. `attempts` counts those made so far,
/// `asked` is what the receiver wants to be left alone for.
pub(super) fn delay(delivery: &str, attempts: u32, asked: Option<Duration>) -> Option<Duration> {
    let step = attempts.checked_sub(1)? as usize;
    let delay = DELAYS.get(step)?.mul_f64(1.0 + spread(delivery, attempts) / 5.0);
    Some(delay.max(asked.unwrap_or_default().min(LONGEST)))
}

/// Between 0 and 1, by delivery and attempt: what failed together doesn't come back together.
fn spread(delivery: &str, attempts: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (delivery, attempts).hash(&mut hasher);
    let [high, ..] = hasher.finish().to_be_bytes();
    f64::from(high) / 256.0
}

/// What the header `Retry-After` asks for (RFC 9110 §10.2.3): seconds, or a date.
pub(super) fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(value.trim()).ok()?;
    (until.to_utc() - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(delivery: &str, asked: Option<Duration>) -> Vec<u64> {
        (1..)
            .map_while(|attempts| delay(delivery, attempts, asked))
            .map(|delay| delay.as_secs())
            .collect()
    }

    #[test]
    fn a_delivery_is_tried_eight_times_in_somewhat_more_than_a_day() {
        let least = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
        for n in 0..1000 {
            let delays = delays(&format!("delivery {n}"), None);
            assert_eq!(delays.len(), least.len());
            for (delay, least) in delays.into_iter().zip(least) {
                assert!((least..=least + least / 5).contains(&delay), "{delay} {least}");
            }
        }
    }

    #[test]
    fn what_failed_together_comes_back_apart() {
        let mut second: Vec<_> = (0..100)
            .map(|n| delay(&format!("delivery {n}"), 2, None))
            .collect();
        second.sort();
        second.dedup();
        assert!(second.len() > 50, "{}", second.len());
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_less_or_for_ever() {
        assert_eq!(delays("a", Some(Duration::from_secs(1))), delays("a", None));
        assert_eq!(delays("a", Some(Duration::from_mins(10)))[..2], [600, 600]);
        assert_eq!(delays("a", Some(Duration::MAX))[0], LONGEST.as_secs());
        assert_eq!(delay("a", 8, Some(Duration::from_secs(1))), None);
        assert_eq!(delay("a", 0, None), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-29T03:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 29 Nov 2026 03:00:30 GMT", Some(30)),
            ("Sun, 29 Nov 2026 02:59:59 GMT", None),
            ("-1", None),
            ("soon", None),
            ("99999999999999999999999", None),
        ] {
            let asked = retry_after(value, now);
            assert_eq!(asked, seconds.map(Duration::from_secs), "{value}");
        }
    }
}
