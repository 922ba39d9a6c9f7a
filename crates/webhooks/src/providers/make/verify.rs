//! Verifies that a Make scenario knows the key.
//!
//! Make's HTTP module sends a fixed key in a header of the author's choice (apps.make.com/http, key chains)
//! and signs nothing by itself; a scenario can compute an HMAC.

use chrono::{DateTime, Utc};

use crate::auth::MakeAuth;
use crate::delivery::Delivery;
use crate::secret::Secret;
use crate::verify::token::KeyHeader;
use crate::verify::{VerificationError, signature, token};

pub(crate) const API_KEY: &str = "x-make-apikey";
const PLACES: [KeyHeader<'_>; 3] = [
    KeyHeader {
        header: API_KEY,
        bearer: false,
    },
    KeyHeader {
        header: "x-api-key",
        bearer: false,
    },
    KeyHeader {
        header: "authorization",
        bearer: true,
    },
];

pub(crate) fn check(
    delivery: &Delivery,
    auth: &MakeAuth,
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> Result<(), VerificationError> {
    match auth {
        MakeAuth::ApiKey => token::check(delivery, &PLACES, secrets),
        MakeAuth::Hmac(scheme) => signature::check(delivery, scheme, secrets, now),
        MakeAuth::StandardWebhooks { tolerance_seconds } => {
            let scheme = signature::standard_webhooks(*tolerance_seconds);
            signature::check(delivery, &scheme, secrets, now)
        }
    }
}
