//! Verifies that the presented key is one of ours.

use ring::hmac;

use crate::delivery::Delivery;
use crate::secret::Secret;
use crate::verify::{VerificationError, constant_time};

/// The value of a header that carries a key, and the headers it may be in.
pub(crate) struct KeyHeader<'a> {
    pub(crate) header: &'a str,
    /// Whether `Bearer` stands in front of the key.
    pub(crate) bearer: bool,
}

/// Accepts a delivery that presents a secret in one of the places. The first place with a value counts:
/// there is no second guess for who sends a wrong key.
pub(crate) fn check(
    delivery: &Delivery,
    places: &[KeyHeader<'_>],
    secrets: &[Secret],
) -> Result<(), VerificationError> {
    let presented = places.iter().find_map(|place| {
        let value = delivery.header(place.header)?;
        if place.bearer { bearer(value) } else { Some(value) }
    });
    let Some(presented) = presented else {
        let expected: Vec<&str> = places.iter().map(|place| place.header).collect();
        return Err(VerificationError::Missing {
            expected: expected.join(" or "),
        });
    };
    if secrets.iter().any(|secret| same(secret.text(), presented)) {
        Ok(())
    } else {
        Err(VerificationError::Wrong { tried: Vec::new() })
    }
}

/// The key behind `Bearer`, whose case doesn't matter (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

fn same(secret: &str, presented: &str) -> bool {
    // A header's value has no blanks around it, so a secret's can't count either.
    let secret = secret.trim().as_bytes();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    constant_time::equal(&key, secret, presented.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_secret_is_the_same() {
        assert!(same("a-secret", "a-secret"));
        for other in ["", "a", "a-secre", "a-secret1", "A-secret", "a-secret "] {
            assert!(!same("a-secret", other), "{other:?}");
        }
    }

    #[test]
    fn bearer_has_no_case_and_needs_a_key() {
        assert_eq!(bearer("bEaReR  key"), Some("key"));
        for value in ["Bearer", "Bearer ", "Basic key", "key"] {
            assert_eq!(bearer(value), None, "{value}");
        }
    }
}
