//! Verifies that the provider sent a delivery.

mod constant_time;
pub(crate) mod make;
pub(crate) mod signature;
mod token;
pub(crate) mod twilio;
mod url_forms;
pub(crate) mod vapi;

use chrono::{DateTime, Utc};
use identity::Verified;

use crate::auth::Auth;
use crate::delivery::Delivery;
use crate::secret::Secret;
use crate::source::Source;

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

/// Checks a delivery with each of the secrets, in constant time, and is the only maker of the proof.
///
/// `auth` is the configuration of the endpoint (`webhook_endpoints.auth`), or [`Auth::default_of`] the source
/// for the platform's address. `now` decides whether a signed time is recent enough.
///
/// # Errors
/// [`VerificationError`], which says what may be logged and which status to answer.
pub fn verify(
    delivery: Delivery,
    auth: &Auth,
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> Result<Verified<Delivery>, VerificationError> {
    if secrets.is_empty() {
        return Err(VerificationError::NotConfigured);
    }
    match (delivery.source(), auth) {
        (Source::Twilio, Auth::Twilio) => twilio::check(&delivery, secrets)?,
        (Source::Vapi, Auth::Vapi(auth)) => vapi::check(&delivery, auth, secrets, now)?,
        (Source::Make, Auth::Make(auth)) => make::check(&delivery, auth, secrets, now)?,
        _ => return Err(VerificationError::NotConfigured),
    }
    // An id that nobody signed would let a captured delivery pass for a new one.
    let signs_id = auth.hmac_scheme().is_some_and(|scheme| {
        scheme.message_id_header.is_some() && scheme.payload_format.contains("{svix-id}")
    });
    Ok(prove(if signs_id {
        delivery
    } else {
        delivery.without_header(MESSAGE_ID)
    }))
}

/// Where Standard Webhooks names a message.
pub(crate) const MESSAGE_ID: &str = "webhook-id";

#[expect(
    clippy::disallowed_methods,
    reason = "verify, just above, has checked the signature or key"
)]
fn prove(delivery: Delivery) -> Verified<Delivery> {
    Verified::assert_verified(delivery)
}

fn tried_text(tried: &[String]) -> String {
    if tried.is_empty() {
        String::new()
    } else {
        format!("; tried {}", tried.join(", "))
    }
}
