//! Why a delivery proves nothing.

/// Why a delivery proves nothing.
///
/// It may be logged and counted as it is: addresses are without parameters, user info and endpoint keys,
/// and no secret and no signature is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// It carries no signature or key where one is expected.
    #[error("no signature: expected {expected}")]
    Missing {
        /// The headers that would have been looked at.
        expected: String,
    },
    /// Its signature or key is none of ours.
    #[error("wrong signature or key{}", tried_text(tried))]
    Wrong {
        /// The addresses that the signature was checked against, as far as they may be shown.
        tried: Vec<String>,
    },
    /// The signature is right and its time is not: a replay, or a clock that is off.
    #[error("signed {age_seconds} s ago, which is outside the tolerance")]
    Stale {
        /// Seconds since it was signed; negative if that is in the future.
        age_seconds: i64,
    },
    /// It is not of a form that can be signed or checked.
    #[error("cannot be checked: {what}")]
    Malformed {
        /// What is wrong, without contents.
        what: &'static str,
    },
    /// There is no secret to check it with.
    #[error("no secret is configured for this source")]
    NotConfigured,
}

impl VerificationError {
    /// The status to answer: 401 if nothing was presented, 503 as long as there is no secret (so that a
    /// sender that retries does so), else 403.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Missing { .. } => 401,
            Self::Wrong { .. } | Self::Stale { .. } | Self::Malformed { .. } => 403,
            Self::NotConfigured => 503,
        }
    }

    /// One word for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Wrong { .. } => "wrong",
            Self::Stale { .. } => "stale",
            Self::Malformed { .. } => "malformed",
            Self::NotConfigured => "not_configured",
        }
    }
}

fn tried_text(tried: &[String]) -> String {
    if tried.is_empty() {
        String::new()
    } else {
        format!("; tried {}", tried.join(", "))
    }
}
