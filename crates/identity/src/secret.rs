//! Holds the shared secret.

use std::fmt;

use ring::hmac;
use zeroize::Zeroizing;

/// HS256 wants a key as long as its hash (RFC 7518 §3.2); PostgREST asks for as many characters.
const SHORTEST: usize = 32;

/// `JWT_SECRET`: the text itself is the key, as with PostgREST, GoTrue and the CRM. Zeroised when dropped.
///
/// It has no `Debug`, `Display` or `Serialize`:
/// ```compile_fail,E0277
/// fn shown(secret: identity::HmacSecret) -> String { format!("{secret:?}") }
/// ```
#[derive(Clone)]
pub struct HmacSecret(Zeroizing<String>);

/// Why a text can't be the secret. Carries nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeakSecret {
    /// Fewer than 32 bytes: it could be guessed from one token.
    TooShort,
    /// A PEM block or a JWK. As text it would be a key that everyone knows.
    PublicText,
}

impl HmacSecret {
    /// Takes the secret over.
    ///
    /// # Errors
    /// [`WeakSecret`]. A JWK is refused although PostgREST's `jwt-secret` may be one: taken as text, a
    /// published key would let anyone sign.
    pub fn new(text: String) -> Result<Self, WeakSecret> {
        // Wrapped first, so that a refused text is wiped as well.
        let text = Zeroizing::new(text);
        let start = text.trim_start();
        if start.starts_with("-----BEGIN") || start.starts_with('{') {
            return Err(WeakSecret::PublicText);
        }
        if text.len() < SHORTEST {
            return Err(WeakSecret::TooShort);
        }
        Ok(Self(text))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// HMAC-SHA256 of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.as_bytes()), message)
    }
}

impl fmt::Display for WeakSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the secret must be at least 32 bytes long",
            Self::PublicText => {
                "the secret must be the HS256 secret itself, not a PEM or JWK; public keys come from JWKS_URL"
            }
        })
    }
}

impl std::error::Error for WeakSecret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_at_least_32_bytes() {
        assert_eq!(HmacSecret::new("x".repeat(31)).err(), Some(WeakSecret::TooShort));
        assert_eq!(HmacSecret::new(String::new()).err(), Some(WeakSecret::TooShort));
        assert!(HmacSecret::new("x".repeat(32)).is_ok());
    }

    #[test]
    fn a_published_key_is_no_secret() {
        for text in [
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            r#" {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}"#,
        ] {
            assert_eq!(HmacSecret::new(text.into()).err(), Some(WeakSecret::PublicText));
        }
    }
}
