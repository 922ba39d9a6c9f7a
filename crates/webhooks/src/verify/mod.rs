//! Verifies that the provider sent a delivery.

mod constant_time;
mod error;
pub(crate) mod signature;
pub(crate) mod token;

use chrono::{DateTime, Utc};
use identity::Verified;

use crate::auth::Auth;
use crate::delivery::Delivery;
use crate::providers;
use crate::secret::Secret;
use crate::verify::signature::MESSAGE_ID;

pub use error::VerificationError;

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
    providers::of(delivery.source()).check(&delivery, auth, secrets, now)?;
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

#[expect(
    clippy::disallowed_methods,
    reason = "verify, just above, has checked the signature or key"
)]
fn prove(delivery: Delivery) -> Verified<Delivery> {
    Verified::assert_verified(delivery)
}
