//! Verifies a Vapi delivery, in the way this endpoint was set up.
//!
//! Sources: docs.vapi.ai/server-url/server-authentication; npm @vapi-ai/server-sdk 2.0.1,
//! `BearerAuthenticationPlan` and `HmacAuthenticationPlan`.

use chrono::{DateTime, Utc};

use crate::auth::VapiAuth;
use crate::delivery::Delivery;
use crate::secret::Secret;
use crate::verify::token::KeyHeader;
use crate::verify::{VerificationError, signature, token};

pub(crate) const SECRET: &str = "x-vapi-secret";
const PLACES: [KeyHeader<'_>; 2] = [
    KeyHeader {
        header: SECRET,
        bearer: false,
    },
    KeyHeader {
        header: "authorization",
        bearer: true,
    },
];

pub(crate) fn check(
    delivery: &Delivery,
    auth: &VapiAuth,
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> Result<(), VerificationError> {
    match auth {
        VapiAuth::Secret => token::check(delivery, &PLACES, secrets),
        VapiAuth::Bearer { header, prefix } => {
            let place = KeyHeader {
                header,
                bearer: *prefix,
            };
            token::check(delivery, &[place], secrets)
        }
        VapiAuth::Hmac(scheme) => signature::check(delivery, scheme, secrets, now),
        VapiAuth::StandardWebhooks { tolerance_seconds } => {
            let scheme = signature::standard_webhooks(*tolerance_seconds);
            signature::check(delivery, &scheme, secrets, now)
        }
    }
}
