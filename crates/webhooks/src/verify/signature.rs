//! Verifies an HMAC signature, made by a scheme that is configuration.
//!
//! Vapi has no fixed format: header names, what is signed, algorithm and encoding are the customer's choice.
//! Standard Webhooks 1.0.0 (github.com/standard-webhooks) is one of the plans.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::hmac;
use zeroize::Zeroizing;

use crate::delivery::Delivery;
use crate::hmac_scheme::{Algorithm, Encoding, HmacScheme};
use crate::secret::{Secret, UnusableSecret};
use crate::verify::{VerificationError, constant_time};

/// Where Standard Webhooks names a message.
pub(crate) const MESSAGE_ID: &str = "webhook-id";

/// Timestamps above this are milliseconds: as seconds they would be in the year 5138.
const MILLISECONDS_ABOVE: i64 = 100_000_000_000;

/// Standard Webhooks 1.0.0, the same for every sender.
pub(crate) fn standard_webhooks(tolerance_seconds: u32) -> HmacScheme {
    HmacScheme {
        algorithm: Algorithm::Sha256,
        signature_header: "webhook-signature".into(),
        timestamp_header: "webhook-timestamp".into(),
        signature_prefix: "v1,".into(),
        include_timestamp: true,
        payload_format: "{svix-id}.{timestamp}.{body}".into(),
        message_id_header: Some(MESSAGE_ID.into()),
        signature_encoding: Encoding::Base64,
        secret_is_base64: true,
        tolerance_seconds,
    }
}

pub(crate) fn check(
    delivery: &Delivery,
    scheme: &HmacScheme,
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> Result<(), VerificationError> {
    let signatures = header(delivery, &scheme.signature_header)?;
    let needs = |placeholder| scheme.payload_format.contains(placeholder);
    let timestamp = if needs("{timestamp}") {
        header(delivery, &scheme.timestamp_header)?
    } else {
        ""
    };
    let message_id = match &scheme.message_id_header {
        Some(name) if needs("{svix-id}") => header(delivery, name)?,
        _ => "",
    };
    let text = signed_text(delivery, scheme, timestamp, message_id);
    let presented = presented(signatures, scheme);
    let mut right = false;
    for secret in secrets {
        // Saving checks the secret; one that was spoilt since then can't make a signature right.
        let Ok(key) = key(scheme, secret) else {
            continue;
        };
        // Once for all signatures: the header may hold many, and the body may be long.
        let code = hmac::sign(&key, &text);
        right |= presented
            .iter()
            .any(|one| constant_time::equal(&key, code.as_ref(), one));
    }
    if !right {
        return Err(VerificationError::Wrong { tried: Vec::new() });
    }
    if needs("{timestamp}") {
        check_age(timestamp, scheme.tolerance_seconds, now)?;
    }
    Ok(())
}

/// The key of a scheme: the text's bytes, or what it is the base64 of, `whsec_` in front or not.
pub(crate) fn key(scheme: &HmacScheme, secret: &Secret) -> Result<hmac::Key, UnusableSecret> {
    let algorithm = scheme.algorithm.of_ring();
    if !scheme.secret_is_base64 {
        return Ok(hmac::Key::new(algorithm, secret.bytes()));
    }
    let text = secret.text().trim();
    let bytes = STANDARD
        .decode(text.strip_prefix("whsec_").unwrap_or(text))
        .map_err(|_| UnusableSecret::NotBase64)?;
    let bytes = Zeroizing::new(bytes);
    if bytes.is_empty() {
        return Err(UnusableSecret::Empty);
    }
    Ok(hmac::Key::new(algorithm, &bytes))
}

/// The payload format with its placeholders filled in. What is filled in is not looked at again.
pub(crate) fn signed_text(
    delivery: &Delivery,
    scheme: &HmacScheme,
    timestamp: &str,
    message_id: &str,
) -> Vec<u8> {
    let mut text = Vec::with_capacity(delivery.body().len() + 128);
    let mut rest = scheme.payload_format.as_str();
    while let Some(at) = rest.find('{') {
        text.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let fillings: [(&str, &[u8]); 5] = [
            ("{body}", delivery.body()),
            ("{timestamp}", timestamp.as_bytes()),
            ("{method}", delivery.method().as_bytes()),
            ("{url}", delivery.url().as_bytes()),
            ("{svix-id}", message_id.as_bytes()),
        ];
        let (name, filling) = fillings
            .into_iter()
            .find(|(name, _)| rest.starts_with(name))
            .unwrap_or(("{", b"{"));
        text.extend_from_slice(filling);
        rest = &rest[name.len()..];
    }
    text.extend_from_slice(rest.as_bytes());
    text
}

/// The signatures in a header: several, separated by blanks, while the sender rotates its secret.
fn presented(header: &str, scheme: &HmacScheme) -> Vec<Vec<u8>> {
    header
        .split_ascii_whitespace()
        .filter_map(|one| one.strip_prefix(scheme.signature_prefix.as_str()))
        .filter_map(|one| match scheme.signature_encoding {
            Encoding::Hex => hex::decode(one).ok(),
            Encoding::Base64 => STANDARD.decode(one).ok(),
        })
        .collect()
}

fn check_age(timestamp: &str, tolerance_seconds: u32, now: DateTime<Utc>) -> Result<(), VerificationError> {
    let signed: i64 = timestamp.parse().map_err(|_| VerificationError::Malformed {
        what: "the timestamp is not a number",
    })?;
    // Vapi doesn't say which unit its timestamp has.
    let age_ms = if signed > MILLISECONDS_ABOVE {
        now.timestamp_millis().saturating_sub(signed)
    } else {
        now.timestamp_millis().saturating_sub(signed.saturating_mul(1000))
    };
    if age_ms.unsigned_abs() > u64::from(tolerance_seconds) * 1000 {
        return Err(VerificationError::Stale {
            age_seconds: age_ms / 1000,
        });
    }
    Ok(())
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Result<&'a str, VerificationError> {
    delivery.header(name).ok_or_else(|| VerificationError::Missing {
        expected: name.to_ascii_lowercase(),
    })
}

impl Algorithm {
    pub(crate) fn of_ring(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}
