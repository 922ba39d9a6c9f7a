//! Signers, tokens and times for the other modules. Time is fixed; keys are made anew, but for RSA.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use identity::{Claims, HmacSecret, KeySet, Principal, Rejected, Verifier, VerifierSettings};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "the shared secret of these tests, 43 bytes";
/// The second at which all tests take place.
pub(crate) const NOW: u64 = 2_000_000_000;
const RSA_PEM: &str = include_str!("../data/test_only_rsa_2048.pem");

pub(crate) fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn secret(text: &str) -> HmacSecret {
    HmacSecret::new(text.into()).expect("long enough")
}

/// A token as Supabase Auth would issue it to alice.
pub(crate) fn alice() -> Value {
    json!({"sub": "alice", "role": "authenticated", "aud": "authenticated", "exp": NOW + 3600, "iat": NOW})
}

/// `claims` with members replaced, or taken away where the value is null.
pub(crate) fn but(mut claims: Value, changes: Value) -> Value {
    let (Some(members), Value::Object(changes)) = (claims.as_object_mut(), changes) else {
        panic!("two objects were expected");
    };
    for (name, value) in changes {
        match value {
            Value::Null => drop(members.remove(&name)),
            value => drop(members.insert(name, value)),
        }
    }
    claims
}

pub(crate) fn supabase() -> VerifierSettings {
    VerifierSettings {
        secret: Some(secret(SECRET)),
        ..VerifierSettings::default()
    }
}

/// The CRM's own tokens: `userId`, an application role, the same kind of secret.
pub(crate) fn crm() -> VerifierSettings {
    VerifierSettings {
        user_claim: "userId".into(),
        ..supabase()
    }
}

pub(crate) fn verifier(settings: VerifierSettings) -> Verifier {
    Verifier::new(settings).expect("good settings")
}

/// Verifies an HS256 token of these claims.
pub(crate) fn hs256(settings: VerifierSettings, claims: &Value) -> Result<Principal, Rejected> {
    verifier(settings).verify(
        &identity::mint(&secret(SECRET), claims),
        &KeySet::empty(),
        at(NOW),
    )
}

/// Verifies a text in a deployment that takes HS256, ES256 and RS256.
pub(crate) fn anywhere(token: &str, keys: &KeySet) -> Result<Principal, Rejected> {
    verifier(supabase()).verify(token, keys, at(NOW))
}

pub(crate) fn user(principal: Result<Principal, Rejected>) -> Claims {
    match principal {
        Ok(Principal::User(claims)) => claims,
        other => panic!("a user was expected: {other:?}"),
    }
}

pub(crate) fn refusal(principal: Result<Principal, Rejected>) -> Rejected {
    principal.expect_err("the token should have been refused")
}

/// Header and payload as given, signed by anything.
pub(crate) fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    let signature = b64(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// HMAC-SHA256 under any bytes, for tokens that no honest party would sign.
pub(crate) fn hmac(key: &[u8]) -> impl FnOnce(&[u8]) -> Vec<u8> {
    move |message| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
        ring::hmac::sign(&key, message).as_ref().to_vec()
    }
}

pub(crate) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

pub(crate) fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(&jwks(keys)).expect("a key set")
}

/// A P-256 key pair of this test alone.
pub(crate) struct Ec {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Ec {
    pub(crate) fn generate(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Self {
            id,
            pair: pair.expect("its own key"),
        }
    }

    /// The uncompressed public point.
    pub(crate) fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.point()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "kid": self.id, "alg": "ES256", "use": "sig", "x": b64(x), "y": b64(y)})
    }

    /// DER `SubjectPublicKeyInfo` (RFC 5480): a fixed head for P-256, then the point.
    pub(crate) fn der(&self) -> Vec<u8> {
        let head = STANDARD
            .decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=")
            .expect("a constant");
        [&head, self.point()].concat()
    }

    pub(crate) fn pem(&self) -> String {
        let body = STANDARD.encode(self.der());
        let (first, second) = body.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair
            .sign(&SystemRandom::new(), message)
            .expect("a signature")
            .as_ref()
            .to_vec()
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        token(
            &json!({"alg": "ES256", "kid": self.id, "typ": "JWT"}),
            claims,
            |message| self.sign(message),
        )
    }
}

/// The committed RSA test key (ring makes none).
pub(crate) struct Rsa(RsaKeyPair);

impl Rsa {
    pub(crate) fn test_key() -> Self {
        let body: String = RSA_PEM
            .lines()
            .skip_while(|line| !line.starts_with("-----BEGIN"))
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = STANDARD.decode(body).expect("PEM");
        Self(RsaKeyPair::from_pkcs8(&der).expect("PKCS #8"))
    }

    pub(crate) fn jwk(&self) -> Value {
        let public: ring::rsa::PublicKeyComponents<Vec<u8>> = self.0.public().into();
        json!({"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": b64(public.n), "e": b64(public.e)})
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .expect("a signature");
        signature
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        token(
            &json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"}),
            claims,
            |message| self.sign(message),
        )
    }
}
