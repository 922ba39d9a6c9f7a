//! Does another implementation agree? Tokens signed by Node's crypto (`tests/data/node_vectors.mjs`).

use identity::{KeySet, Principal, Rejected, VerifierSettings};
use serde_json::Value;

use crate::support::{at, refusal, secret, user, verifier};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../data/node_vectors.json")).expect("JSON")
}

fn verify(name: &str) -> Result<Principal, Rejected> {
    let vectors = vectors();
    let text = |name: &str| vectors[name].as_str().expect("text");
    let settings = VerifierSettings {
        secret: Some(secret(text("secret"))),
        audience: Some("authenticated".into()),
        issuer: Some("https://ref.supabase.co/auth/v1".into()),
        ..VerifierSettings::default()
    };
    let keys = KeySet::parse(vectors["jwks"].to_string().as_bytes()).expect("a key set");
    verifier(settings).verify(text(name), &keys, at(2_000_000_000))
}

#[test]
fn tokens_signed_by_node_verify() {
    for name in ["hs256", "es256", "rs256"] {
        let claims = user(verify(name));
        assert_eq!(
            serde_json::from_str::<Value>(claims.payload()).unwrap(),
            vectors()["claims"],
            "{name}"
        );
    }
}

#[test]
fn tokens_signed_by_node_in_other_ways_do_not() {
    assert_eq!(refusal(verify("hs512")), Rejected::Algorithm);
    assert_eq!(refusal(verify("rs512")), Rejected::Algorithm);
    // A DER signature is valid ECDSA, but not what RFC 7518 §3.4 puts into a token.
    assert_eq!(refusal(verify("es256_der")), Rejected::Signature);
}

#[test]
fn what_we_mint_is_what_node_signs() {
    let vectors = vectors();
    let minted = identity::mint(&secret(vectors["secret"].as_str().unwrap()), &vectors["claims"]);
    assert_eq!(minted, vectors["hs256"].as_str().unwrap());
}
