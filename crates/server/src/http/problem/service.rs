//! Problems of the service: it has no room, no time or no database, whatever is asked.

use std::time::Duration;

use poem::http::{StatusCode, header};

use super::Problem;

impl Problem {
    /// The memory for requests and answers under way is used up.
    pub(crate) fn busy() -> Self {
        Self::unavailable(
            "MK503",
            "The service holds as many large requests and answers as it can",
        )
    }

    /// The user's other requests keep the user's share of the connections.
    pub(crate) fn too_many_at_once() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "MK_RATE",
            "Too many of this user's requests are under way",
        )
        .header(header::RETRY_AFTER, "1")
        .hint("Wait for answers before sending more; one user has half of the service's connections")
    }

    /// The user has made as many requests as `RATE_LIMIT` lets them make in its time.
    pub(crate) fn too_many(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "MK_RATE",
            "This user makes more requests than may be made",
        )
        .retry_after(wait)
        .hint("Wait as Retry-After says; the header RateLimit-Policy has the quota, RateLimit what is left of it")
    }

    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "MK504",
            "The request took too long and was stopped",
        )
    }

    pub(crate) fn unavailable(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).header(header::RETRY_AFTER, "1")
    }

    /// The database lacks what this version works with.
    pub(crate) fn not_migrated() -> Self {
        Self::unavailable("MK503", "The database has no schema of Mako's, or an older one")
            .hint("Run `mako migrate`")
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "MK500",
            "Something went wrong in the service",
        )
        .hint("Report the request_id")
    }
}
