//! Verifies a Twilio signature.
//!
//! Sources: npm twilio 6.2.0 `lib/webhooks/webhooks.js`, PyPI twilio 9.13.0 `request_validator.py` (shared
//! keys), twilio.com/docs/usage/webhooks/webhooks-security and /webhook-shared-keys.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use url::form_urlencoded;

use super::url_forms;
use crate::delivery::Delivery;
use crate::form;
use crate::secret::Secret;
use crate::verify::VerificationError;

pub(crate) const SIGNATURE: &str = "x-twilio-signature";
pub(crate) const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
/// The query parameter that carries the hash of a JSON body.
pub(crate) const BODY_HASH: &str = "bodySHA256";

pub(crate) fn check(delivery: &Delivery, secrets: &[Secret]) -> Result<(), VerificationError> {
    let signature = delivery
        .header(SIGNATURE)
        .ok_or_else(|| VerificationError::Missing {
            expected: SIGNATURE.into(),
        })?;
    // What isn't base64 is no code, and so equal to none.
    let signature = STANDARD.decode(signature).unwrap_or_default();
    let settings = Settings::of(delivery)?;
    let parameters = signed_parameters(delivery)?;
    let candidates = url_forms::candidates(delivery.url());
    for secret in secrets.iter().filter(|secret| settings.may_use(secret)) {
        let key = hmac::Key::new(settings.algorithm, secret.bytes());
        for url in &candidates {
            let text = [url.as_bytes(), parameters.as_bytes()].concat();
            if hmac::verify(&key, &text, &signature).is_ok() {
                return Ok(());
            }
        }
    }
    Err(VerificationError::Wrong {
        tried: url_forms::shown_candidates(&candidates),
    })
}

/// `key=<shared key id>,algorithm=<name>`: which key signed, and how. Absent or without an algorithm, it
/// was the auth token, with SHA-1.
struct Settings {
    key: Option<String>,
    algorithm: hmac::Algorithm,
}

impl Settings {
    fn of(delivery: &Delivery) -> Result<Self, VerificationError> {
        let header = delivery.header(SETTINGS).unwrap_or_default();
        let value = |wanted: &str| {
            let named = header.split(',').filter_map(|part| part.split_once('='));
            named
                .filter(|(name, _)| name.trim() == wanted)
                .map(|(_, value)| value.trim())
                .find(|value| !value.is_empty())
        };
        let algorithm = match value("algorithm").map(str::to_ascii_uppercase).as_deref() {
            None | Some("HMAC_SHA1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Some("HMAC_SHA256") => hmac::HMAC_SHA256,
            Some(_) => {
                return Err(VerificationError::Malformed {
                    what: "unknown algorithm in the signature settings",
                });
            }
        };
        Ok(Self {
            key: value("key").map(str::to_owned),
            algorithm,
        })
    }

    /// A secret with an id signs what names it, and nothing else.
    fn may_use(&self, secret: &Secret) -> bool {
        secret.id().is_none() || secret.id() == self.key.as_deref()
    }
}

/// What is signed behind the address: the form's parameters, or nothing for a JSON body, whose hash is in
/// the address, and for GET, where everything is.
fn signed_parameters(delivery: &Delivery) -> Result<String, VerificationError> {
    if let Some(expected) = body_hash(delivery) {
        let body: &[u8] = if delivery.body().is_empty() {
            b"{}"
        } else {
            delivery.body()
        };
        let hash = digest::digest(&digest::SHA256, body);
        // No secret is compared: both hashes are of what was sent.
        return if hex::encode(hash) == expected {
            Ok(String::new())
        } else {
            Err(VerificationError::Wrong { tried: Vec::new() })
        };
    }
    if delivery.method() == "GET" {
        return Ok(String::new());
    }
    if delivery.is_json() {
        return Err(VerificationError::Malformed {
            what: "a JSON body without bodySHA256 in the address",
        });
    }
    let pairs = form::pairs(delivery.body()).ok_or(VerificationError::Malformed {
        what: "the body is not a form of names and values",
    })?;
    Ok(concatenated(pairs))
}

fn body_hash(delivery: &Delivery) -> Option<String> {
    form_urlencoded::parse(delivery.query()?.as_bytes())
        .find(|(name, _)| name == BODY_HASH)
        .map(|(_, value)| value.into_owned())
}

/// Each name with each of its distinct values, both in the order of UTF-16 code units, without separators.
pub(crate) fn concatenated(mut pairs: Vec<(String, String)>) -> String {
    pairs.sort_by(|(name, value), (other_name, other)| {
        code_units(name, other_name).then_with(|| code_units(value, other))
    });
    pairs.dedup();
    pairs
        .into_iter()
        .flat_map(|(name, value)| [name, value])
        .collect()
}

fn code_units(one: &str, other: &str) -> Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_signed_once_for_each_value() {
        let pairs = form::pairs(b"Digits=5678&Digits=1234&Digits=1234&A=").unwrap();
        assert_eq!(concatenated(pairs), "ADigits1234Digits5678");
    }

    #[test]
    fn names_are_sorted_by_code_units_not_by_code_points() {
        // U+1F44D is two surrogates (D83D …), which come before U+FF21.
        let pairs = form::pairs("\u{ff21}=1&\u{1f44d}=2".as_bytes()).unwrap();
        assert_eq!(concatenated(pairs), "\u{1f44d}2\u{ff21}1");
    }
}
