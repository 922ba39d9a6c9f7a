//! How many requests a user may make in a time: `RATE_LIMIT`.
//!
//! What one user has under way is bounded by a share of the connections (`store`); this bounds what comes. Only who has
//! proved who they are is counted, so nobody uses up another's quota. Each service counts for itself.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use governor::DefaultKeyedRateLimiter;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use poem::Request;
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use prometheus_client::metrics::counter::Counter;

use crate::http::problem::{Problem, whole_seconds};

/// So many requests in so long: all at once if they like, and then as they come back, one by one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Quota {
    rule: governor::Quota,
    window: Duration,
}

/// What a window may be.
const LONGEST_WINDOW: Duration = Duration::from_hours(24);

impl Quota {
    /// A window must be of whole seconds, which is what its header can say.
    pub(crate) fn new(requests: NonZeroU32, window: Duration) -> Option<Self> {
        let can_be_said = window.subsec_nanos() == 0 && !window.is_zero() && window <= LONGEST_WINDOW;
        let interval = Some(window / requests.get()).filter(|_| can_be_said)?;
        let rule = governor::Quota::with_period(interval)?.allow_burst(requests);
        Some(Self { rule, window })
    }

    fn requests(self) -> u32 {
        self.rule.burst_size().get()
    }
}

/// Counts the requests of each user.
pub(crate) struct RateLimiter {
    limiter: DefaultKeyedRateLimiter<Box<str>, StateInformationMiddleware>,
    quota: Quota,
    counted: AtomicU32,
    refused: Counter,
}

/// After so many requests, users who have their whole quota again are forgotten.
const SWEEP: u32 = 4096;

impl RateLimiter {
    /// `refused` counts what came beyond the quota.
    pub(crate) fn new(quota: Quota, refused: Counter) -> Self {
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota.rule).with_middleware(),
            quota,
            counted: AtomicU32::new(0),
            refused,
        }
    }

    /// Counts a request of this user's, and leaves word in its [`QuotaNote`].
    pub(crate) fn count(&self, user: &str, request: &Request) -> Result<(), Problem> {
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
        }
        let checked = self.limiter.check_key(&user.into());
        let (left, reset) = match &checked {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let taken = self.quota.requests().saturating_sub(left);
                (left, self.quota.rule.replenish_interval() * taken)
            }
            Err(until) => (0, until.wait_time_from(self.limiter.clock().now())),
        };
        if let Some(note) = request.data::<QuotaNote>() {
            note.leave(self.quota, left, reset);
        }
        checked.map(drop).map_err(|_| {
            self.refused.inc();
            Problem::too_many(reset)
        })
    }
}

/// What its answer says of the user's quota. Goes with a request; empty as long as nothing was counted.
#[derive(Clone, Default)]
pub(crate) struct QuotaNote(Arc<OnceLock<[HeaderValue; 2]>>);

/// The fields of draft-ietf-httpapi-ratelimit-headers-10: the quota, and what is left of it.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

impl QuotaNote {
    /// `reset`: until then `left` requests may be made.
    fn leave(&self, quota: Quota, left: u32, reset: Duration) {
        let policy = format!("\"user\";q={};w={}", quota.requests(), quota.window.as_secs());
        let state = format!("\"user\";r={left};t={}", whole_seconds(reset));
        if let (Ok(policy), Ok(state)) = (policy.try_into(), state.try_into()) {
            drop(self.0.set([policy, state]));
        }
    }

    /// Writes what was noted into the answer's headers, unless a provider's relayed ones say the same of its own.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let has_own = headers.contains_key(RATE_LIMIT) || headers.contains_key(RATE_LIMIT_POLICY);
        if let Some([policy, state]) = self.0.get().filter(|_| !has_own).cloned() {
            headers.insert(RATE_LIMIT_POLICY, policy);
            headers.insert(RATE_LIMIT, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(requests: u32, window: Duration) -> RateLimiter {
        let quota = Quota::new(NonZeroU32::new(requests).unwrap(), window).unwrap();
        RateLimiter::new(quota, Counter::default())
    }

    #[test]
    fn users_who_have_their_quota_back_are_forgotten_and_the_others_are_not() {
        let limiter = limiter(1_000_000, Duration::from_secs(1));
        for n in 0..10 * SWEEP {
            assert!(limiter.count(&format!("user {n}"), &Request::default()).is_ok());
        }
        assert!(
            limiter.limiter.len() <= SWEEP as usize,
            "{}",
            limiter.limiter.len()
        );

        let slow = self::limiter(1, Duration::from_hours(1));
        assert!(slow.count("alice", &Request::default()).is_ok());
        for n in 0..SWEEP {
            drop(slow.count(&format!("user {n}"), &Request::default()));
        }
        assert!(slow.count("alice", &Request::default()).is_err());
    }

    #[test]
    fn a_quota_is_one_that_headers_can_say() {
        let quota = |requests, window| Quota::new(NonZeroU32::new(requests).unwrap(), window);
        assert!(quota(1, Duration::from_secs(1)).is_some());
        assert!(quota(1, Duration::from_millis(1500)).is_none());
        assert!(quota(1, Duration::ZERO).is_none());
        assert!(quota(1, Duration::from_hours(25)).is_none());
        assert!(
            quota(u32::MAX, Duration::from_secs(1)).is_none(),
            "more than one a nanosecond"
        );
    }
}
