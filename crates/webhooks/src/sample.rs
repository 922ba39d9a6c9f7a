//! Makes what a provider would have sent.
//!
//! The signing half of [`crate::verify()`]: for `POST /v1/webhook-endpoints/{source}/test`, which sends itself a
//! sample through the real path, and for tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::hmac;

use crate::auth::Auth;
use crate::delivery::Delivery;
use crate::hmac_scheme::{Encoding, HmacScheme};
use crate::number::PhoneNumber;
use crate::providers;
use crate::secret::{Secret, UnusableSecret};
use crate::source::Source;
use crate::verify::signature;

/// Why a delivery can't be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// The configuration is another source's.
    #[error("the configuration belongs to another source")]
    OtherSource,
    /// The body of a Twilio delivery isn't a form.
    #[error("the body is not a form of names and values")]
    NotAForm,
    /// The secret doesn't fit.
    #[error(transparent)]
    Secret(#[from] UnusableSecret),
}

/// A signed sample for a tenant's number: an inbound message of Twilio's, an end-of-call report of Vapi's, a
/// `lead.created` of Make's. `id` makes it one event among others; [`crate::Event::is_sample`] tells it from
/// a real one, so that a receiver can walk the whole path without leaving a lead behind.
///
/// `url` is the endpoint's public address, as the provider would be told.
///
/// # Errors
/// [`Unsignable`].
pub fn sample(
    source: Source,
    url: &str,
    tenant: &PhoneNumber,
    id: &str,
    auth: &Auth,
    secret: &Secret,
    now: DateTime<Utc>,
) -> Result<Delivery, Unsignable> {
    let (content_type, body) = providers::of(source).sample(tenant, id, now);
    let delivery = Delivery::new(source, "POST", url, [("content-type", content_type)], body);
    sign(delivery, auth, secret, id, now)
}

/// Adds the headers by which the provider would prove itself. `id` is the message's, where the format has one.
///
/// A Twilio secret with an id (a shared key) signs with SHA-256 and says so; JSON bodies of Twilio's need
/// their `bodySHA256` in the address already.
///
/// # Errors
/// [`Unsignable`].
pub fn sign(
    delivery: Delivery,
    auth: &Auth,
    secret: &Secret,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Delivery, Unsignable> {
    if auth.source() != delivery.source() {
        return Err(Unsignable::OtherSource);
    }
    match auth.hmac_scheme() {
        Some(scheme) => sign_by_plan(delivery, &scheme, secret, id, now),
        None => providers::of(delivery.source())
            .sign(delivery, auth, secret)
            .ok_or(Unsignable::NotAForm),
    }
}

fn sign_by_plan(
    mut delivery: Delivery,
    hmac_scheme: &HmacScheme,
    secret: &Secret,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Delivery, Unsignable> {
    let timestamp = now.timestamp().to_string();
    let key = signature::key(hmac_scheme, secret)?;
    let code = hmac::sign(
        &key,
        &signature::signed_text(&delivery, hmac_scheme, &timestamp, id),
    );
    let written = match hmac_scheme.signature_encoding {
        Encoding::Hex => hex::encode(code),
        Encoding::Base64 => STANDARD.encode(code),
    };
    if hmac_scheme.include_timestamp {
        delivery = delivery.with_header(&hmac_scheme.timestamp_header, &timestamp);
    }
    if let Some(header) = &hmac_scheme.message_id_header {
        delivery = delivery.with_header(header, id);
    }
    let written = format!("{}{written}", hmac_scheme.signature_prefix);
    Ok(delivery.with_header(&hmac_scheme.signature_header, &written))
}
