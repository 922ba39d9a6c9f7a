//! The public keys that may sign for our users.
//!
//! A [`KeySet`] is what is usable of a JWKS document: P-256 keys for ES256 and RSA keys of at least 2048 bits
//! for RS256, meant for signatures. Everything else in the document is passed over, above all symmetric keys
//! (published, so known to everyone).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::json;
use crate::rejected::Rejected;

/// The public keys of one JWKS document.
pub struct KeySet {
    keys: Vec<PublicKey>,
}

/// The bytes are no JWKS document: not JSON, or without an array `keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKeySet;

struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl KeySet {
    /// The set without keys, for deployments with a shared secret only.
    #[must_use]
    pub fn empty() -> Self {
        Self { keys: Vec::new() }
    }

    /// Reads a JWKS document (RFC 7517 §5).
    ///
    /// Unusable keys are passed over, as the RFC asks, so a set may well turn out empty: Supabase projects
    /// that sign with HS256 list none.
    ///
    /// # Errors
    /// [`NotAKeySet`], so that an error page from the endpoint is not mistaken for "all keys revoked".
    pub fn parse(jwks_json: &[u8]) -> Result<Self, NotAKeySet> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(jwks_json).map_err(|_| NotAKeySet)?;
        Ok(Self {
            keys: document.keys.into_iter().filter_map(PublicKey::usable).collect(),
        })
    }

    /// How many usable keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no usable key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may have signed a token with this header: the one it names, else all of its kind.
    pub(crate) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<&DecodingKey>, Rejected> {
        let named = |key: &&PublicKey| id.is_none() || key.id.as_deref() == id;
        if id.is_some() && !self.keys.iter().any(|key| named(&key)) {
            return Err(Rejected::UnknownKey);
        }
        let fit: Vec<_> = self
            .keys
            .iter()
            .filter(named)
            .filter(|key| key.algorithm == algorithm)
            .map(|key| &key.key)
            .collect();
        match (fit.is_empty(), id) {
            (false, _) => Ok(fit),
            (true, Some(_)) => Err(Rejected::UnfitKey),
            (true, None) => Err(Rejected::UnknownKey),
        }
    }
}

impl PublicKey {
    /// The key, if it is one of ours to use.
    fn usable(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let (algorithm, key) = match jwk.kty.as_str() {
            "EC" => (Algorithm::ES256, jwk.p256()?),
            "RSA" => (Algorithm::RS256, jwk.rsa()?),
            _ => return None,
        };
        let for_signatures = jwk.r#use.is_none_or(|purpose| purpose == "sig")
            && jwk
                .key_ops
                .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        let same_algorithm = jwk.alg.is_none_or(|name| name.parse() == Ok(algorithm));
        // A private key that was published by mistake signs for whoever has read it.
        let public = !jwk.private;
        (for_signatures && same_algorithm && public).then_some(Self {
            id: jwk.kid,
            algorithm,
            key,
        })
    }
}

/// The members of a JWK that matter here (RFC 7517 §4, RFC 7518 §6).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    #[serde(rename = "d", default, deserialize_with = "json::present")]
    private: bool,
}

impl Jwk {
    fn p256(&self) -> Option<DecodingKey> {
        let (x, y) = (decoded(self.x.as_ref())?, decoded(self.y.as_ref())?);
        if self.crv.as_deref() != Some("P-256") || x.len() != 32 || y.len() != 32 {
            return None;
        }
        // SEC 1 §2.3.3: an uncompressed point, as ring wants it.
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        Some(DecodingKey::from_ec_der(&point))
    }

    fn rsa(&self) -> Option<DecodingKey> {
        let (n, e) = (decoded(self.n.as_ref())?, decoded(self.e.as_ref())?);
        // Some issuers write the sign byte; ring refuses it and counts the bits without.
        let start = n.iter().position(|&byte| byte != 0)?;
        let bits = (n.len() - start) * 8 - n[start].leading_zeros() as usize;
        (2048..=8192)
            .contains(&bits)
            .then(|| DecodingKey::from_rsa_raw_components(&n[start..], &e))
    }
}

fn decoded(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("keys", &self.len()).finish()
    }
}

impl fmt::Display for NotAKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a JWKS document")
    }
}

impl std::error::Error for NotAKeySet {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ec() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig", "key_ops": ["verify"],
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    /// The size is what matters here; nothing is verified with it.
    fn rsa(bits: usize) -> Value {
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bits / 8]), "e": "AQAB"})
    }

    fn usable(jwk: &Value) -> usize {
        KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes())
            .unwrap()
            .len()
    }

    fn ec_with(member: &str, value: Value) -> Value {
        let mut jwk = ec();
        jwk[member] = value;
        jwk
    }

    #[test]
    fn a_document_that_is_no_key_set_is_an_error() {
        for text in [
            "",
            "{}",
            "[]",
            "null",
            "<html>",
            r#"{"keys":null}"#,
            r#"{"keys":{}}"#,
            r#"{"error":"x"}"#,
        ] {
            assert_eq!(KeySet::parse(text.as_bytes()).err(), Some(NotAKeySet), "{text}");
        }
    }

    #[test]
    fn a_set_without_keys_is_a_set() {
        assert!(KeySet::parse(br#"{"keys":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn keys_for_es256_and_rs256_are_usable() {
        assert_eq!(usable(&ec()), 1);
        assert_eq!(usable(&rsa(2048)), 1);
        assert_eq!(usable(&rsa(4096)), 1);
        for member in ["kid", "alg", "use", "key_ops"] {
            assert_eq!(usable(&ec_with(member, Value::Null)), 1, "{member} is optional");
        }
    }

    #[test]
    fn keys_that_are_not_ours_to_use_are_passed_over() {
        for jwk in [
            json!(null),
            json!("key"),
            json!({}),
            json!({"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T", "alg": "HS256", "kid": "k"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            ec_with("use", json!("enc")),
            ec_with("use", json!(1)),
            ec_with("key_ops", json!(["sign"])),
            ec_with("key_ops", json!([])),
            ec_with("alg", json!("ES384")),
            ec_with("alg", json!("RS256")),
            ec_with("alg", json!("ECDH-ES")),
            ec_with("alg", json!("none")),
            ec_with("crv", json!("P-384")),
            ec_with("x", json!("AAAA")),
            ec_with("y", json!("!")),
            ec_with("kid", json!(5)),
            ec_with("d", json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")),
            rsa(1024),
            rsa(2040),
            rsa(16384),
            json!({"kty": "RSA", "n": "AAAA", "e": "AQAB"}),
            json!({"kty": "RSA", "e": "AQAB"}),
        ] {
            assert_eq!(usable(&jwk), 0, "{jwk}");
        }
    }

    #[test]
    fn one_bad_key_does_not_hide_the_good_ones() {
        let document = json!({"keys": [null, rsa(1024), ec(), {"kty": 5}, rsa(2048)]}).to_string();
        assert_eq!(KeySet::parse(document.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_token_that_names_a_key_gets_that_key_or_none() {
        let set = KeySet::parse(json!({"keys": [ec(), rsa(2048)]}).to_string().as_bytes()).unwrap();
        let tried = |id, algorithm| set.candidates(id, algorithm).map(|keys| keys.len());
        assert_eq!(tried(Some("k"), Algorithm::ES256), Ok(1));
        assert_eq!(tried(Some("k"), Algorithm::RS256), Err(Rejected::UnfitKey));
        assert_eq!(tried(Some("other"), Algorithm::ES256), Err(Rejected::UnknownKey));
        assert_eq!(tried(Some(""), Algorithm::ES256), Err(Rejected::UnknownKey));
        assert_eq!(tried(None, Algorithm::RS256), Ok(1));
        assert_eq!(
            KeySet::empty().candidates(None, Algorithm::ES256).err(),
            Some(Rejected::UnknownKey)
        );
    }
}
