//! Makes what a provider would have sent.
//!
//! The signing half of [`crate::verify()`]: for `POST /v1/webhook-endpoints/{source}/test`, which sends itself a
//! sample through the real path, and for tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use ring::hmac;
use serde_json::json;
use url::form_urlencoded;

use crate::auth::{Auth, VapiAuth};
use crate::delivery::Delivery;
use crate::form;
use crate::hmac_scheme::{Encoding, HmacScheme};
use crate::number::PhoneNumber;
use crate::parse::SAMPLE;
use crate::secret::{Secret, UnusableSecret};
use crate::source::Source;
use crate::verify::{make, signature, twilio, vapi};

/// The caller of every sample: a number that Twilio keeps for tests and nobody has.
const SAMPLE_CUSTOMER: &str = "+15005550006";

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
    let (content_type, body) = match source {
        Source::Twilio => ("application/x-www-form-urlencoded", message(tenant, id)),
        Source::Vapi => ("application/json", report(tenant, id, now)),
        Source::Make => ("application/json", lead(tenant, id, now)),
    };
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
    match (delivery.source(), auth) {
        (Source::Twilio, Auth::Twilio) => sign_as_twilio(delivery, secret),
        (Source::Vapi, Auth::Vapi(_)) | (Source::Make, Auth::Make(_)) => match auth.hmac_scheme() {
            Some(hmac_scheme) => sign_by_plan(delivery, &hmac_scheme, secret, id, now),
            None => Ok(present(delivery, auth, secret)),
        },
        _ => Err(Unsignable::OtherSource),
    }
}

fn present(delivery: Delivery, auth: &Auth, secret: &Secret) -> Delivery {
    match auth {
        Auth::Vapi(VapiAuth::Bearer { header, prefix: true }) => {
            delivery.with_header(header, &format!("Bearer {}", secret.text()))
        }
        Auth::Vapi(VapiAuth::Bearer {
            header,
            prefix: false,
        }) => delivery.with_header(header, secret.text()),
        Auth::Make(_) => delivery.with_header(make::API_KEY, secret.text()),
        _ => delivery.with_header(vapi::SECRET, secret.text()),
    }
}

fn sign_as_twilio(mut delivery: Delivery, secret: &Secret) -> Result<Delivery, Unsignable> {
    let parameters = if delivery.is_json() || delivery.method() == "GET" {
        String::new()
    } else {
        twilio::concatenated(form::pairs(delivery.body()).ok_or(Unsignable::NotAForm)?)
    };
    let algorithm = match secret.id() {
        Some(id) => {
            let settings = format!("key={id},algorithm=HMAC_SHA256");
            delivery = delivery.with_header(twilio::SETTINGS, &settings);
            hmac::HMAC_SHA256
        }
        None => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    };
    let text = [delivery.url().as_bytes(), parameters.as_bytes()].concat();
    let code = hmac::sign(&hmac::Key::new(algorithm, secret.bytes()), &text);
    Ok(delivery.with_header(twilio::SIGNATURE, &STANDARD.encode(code)))
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

fn message(tenant: &PhoneNumber, id: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("MessageSid", id)
        .append_pair("SmsSid", id)
        .append_pair("AccountSid", "AC00000000000000000000000000000000")
        .append_pair("SmsStatus", "received")
        .append_pair("From", SAMPLE_CUSTOMER)
        .append_pair("To", tenant.as_str())
        .append_pair("Body", "A test message from Mako")
        .append_pair("NumMedia", "0")
        .append_pair("ApiVersion", "2010-04-01")
        .append_pair(SAMPLE, "true")
        .finish()
}

fn report(tenant: &PhoneNumber, id: &str, now: DateTime<Utc>) -> String {
    let began = now - chrono::TimeDelta::seconds(30);
    json!({
        SAMPLE: true,
        "message": {
            "type": "end-of-call-report",
            "timestamp": now.timestamp_millis(),
            "startedAt": began.to_rfc3339_opts(SecondsFormat::Millis, true),
            "endedAt": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "endedReason": "customer-ended-call",
            "analysis": {"summary": "A test call from Mako"},
            "call": {"id": id, "type": "inboundPhoneCall"},
            "phoneNumber": {"number": tenant.as_str()},
            "customer": {"number": SAMPLE_CUSTOMER},
        }
    })
    .to_string()
}

fn lead(tenant: &PhoneNumber, id: &str, now: DateTime<Utc>) -> String {
    json!({
        SAMPLE: true,
        "event_id": id,
        "event_type": "lead.created",
        "tenant_phone": tenant.as_str(),
        "occurred_at": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": {"name": "A test lead from Mako", "phone": SAMPLE_CUSTOMER, "source": "Make"},
    })
    .to_string()
}
