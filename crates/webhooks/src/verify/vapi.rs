//! Verifies a Vapi delivery, in the way this endpoint was set up.
//!
//! Sources: docs.vapi.ai/server-url/server-authentication; npm @vapi-ai/server-sdk 2.0.1,
//! `BearerAuthenticationPlan` and `HmacAuthenticationPlan`.

use chrono::{DateTime, Utc};

use crate::auth::VapiAuth;
use crate::delivery::Delivery;
use crate::secret::Secret;
use crate::verify::token::Place;
use crate::verify::{Refused, signature, token};

pub(crate) const SECRET: &str = "x-vapi-secret";
const PLACES: [Place<'_>; 2] = [
    Place {
        header: SECRET,
        bearer: false,
    },
    Place {
        header: "authorization",
        bearer: true,
    },
];

pub(crate) fn check(
    delivery: &Delivery,
    auth: &VapiAuth,
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> Result<(), Refused> {
    match auth {
        VapiAuth::Secret => token::check(delivery, &PLACES, secrets),
        VapiAuth::Bearer { header, prefix } => {
            let place = Place {
                header,
                bearer: *prefix,
            };
            token::check(delivery, &[place], secrets)
        }
        VapiAuth::Hmac(plan) => signature::check(delivery, plan, secrets, now),
        VapiAuth::StandardWebhooks { tolerance_seconds } => {
            let plan = signature::standard_webhooks(*tolerance_seconds);
            signature::check(delivery, &plan, secrets, now)
        }
    }
}
