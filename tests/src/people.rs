//! Who takes part? Two tenants, and one who has a good token but no rows.

use std::time::{SystemTime, UNIX_EPOCH};

use identity::{Claims, HmacSecret, KeySet, Principal, Verifier, VerifierSettings};
use serde_json::{Value, json};

/// The secret that every token of the tests is signed with.
pub const JWT_SECRET: &str = "the-jwt-secret-of-the-tests-0123456789";

/// Somebody with a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Person {
    /// A tenant.
    Alice,
    /// Another tenant.
    Bob,
    /// A valid token, and no rows anywhere.
    Mallory,
}

impl Person {
    /// The user id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Alice => "a11ce000-0000-4000-8000-000000000001",
            Self::Bob => "b0b00000-0000-4000-8000-000000000002",
            Self::Mallory => "3a110000-0000-4000-8000-000000000003",
        }
    }

    /// The e-mail address.
    #[must_use]
    pub fn email(self) -> &'static str {
        match self {
            Self::Alice => "alice@example.com",
            Self::Bob => "bob@example.com",
            Self::Mallory => "mallory@example.com",
        }
    }

    /// The payload of an access token, as Supabase Auth makes it.
    #[must_use]
    pub fn payload(self) -> Value {
        json!({
            "sub": self.id(), "email": self.email(), "role": "authenticated", "aud": "authenticated",
            "iat": now(), "exp": now() + 3600,
        })
    }

    /// An access token.
    #[must_use]
    pub fn token(self) -> String {
        sign(&self.payload())
    }

    /// Verified claims.
    #[must_use]
    pub fn claims(self) -> Claims {
        claims(&self.payload())
    }
}

/// Verified claims of a user, by the only way there is: a token and its verification.
#[must_use]
pub fn claims(payload: &Value) -> Claims {
    let settings = VerifierSettings {
        secret: Some(secret()),
        ..VerifierSettings::default()
    };
    let verifier = Verifier::new(settings).expect("sound settings");
    #[expect(clippy::disallowed_methods, reason = "the token was minted at this time")]
    match verifier.verify(&sign(payload), &KeySet::empty(), SystemTime::now()) {
        Ok(Principal::User(claims)) => claims,
        _ => panic!("the token is a user's"),
    }
}

/// A back end's token: good for nothing until it names a user.
#[must_use]
pub fn service_token() -> String {
    sign(&json!({"role": "service_role", "iat": now(), "exp": now() + 3600}))
}

/// Signs any payload with the tests' secret.
#[must_use]
pub fn sign(payload: &Value) -> String {
    identity::mint(&secret(), payload)
}

fn secret() -> HmacSecret {
    HmacSecret::new(JWT_SECRET.to_owned()).expect("long enough")
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "tokens are minted at the real time")]
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}
