//! What one user may ask of this service, at once and in a time.

mod concurrency;
mod rate;

use poem::Request;
use prometheus_client::metrics::counter::Counter;

use self::concurrency::ConcurrencyLimiter;
pub(crate) use self::concurrency::Permit;
use self::rate::RateLimiter;
pub(crate) use self::rate::{Quota, QuotaNote, RATE_LIMIT, RATE_LIMIT_POLICY};
use super::problem::Problem;

/// The limits of each user, whatever token the requests come with.
pub(crate) struct UserLimits {
    concurrency: ConcurrencyLimiter,
    rate: Option<RateLimiter>,
}

impl UserLimits {
    /// For so many clients' connections, and with `RATE_LIMIT` if there is one; `refused` counts what was beyond that.
    pub(crate) fn new(connections: usize, quota: Option<Quota>, refused: &Counter) -> Self {
        Self {
            concurrency: ConcurrencyLimiter::of(connections),
            rate: quota.map(|quota| RateLimiter::new(quota, refused.clone())),
        }
    }

    /// Lets a request of this user's begin, and counts it.
    pub(crate) fn begin(&self, user: &str, request: &Request) -> Result<Permit, Problem> {
        let permit = self.concurrency.begin(user)?;
        if let Some(rate) = &self.rate {
            rate.count(user, request)?;
        }
        Ok(permit)
    }
}
