//! What holds for tokens nobody thought of?

use std::sync::LazyLock;

use identity::{KeySet, mint};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{
    Ec, Rsa, SECRET, alice, anywhere, b64, but, hmac, hs256, key_set, secret, supabase, token,
};

struct Deployment {
    keys: KeySet,
    good: Vec<String>,
}

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(|| {
    let (ec, rsa) = (Ec::generate("ec"), Rsa::test_key());
    let good = vec![
        mint(&secret(SECRET), &alice()),
        ec.token(&alice()),
        rsa.token(&alice()),
    ];
    Deployment {
        keys: key_set(&[ec.jwk(), rsa.jwk()]),
        good,
    }
});

fn verifies(token: &str) -> bool {
    anywhere(token, &DEPLOYMENT.keys).is_ok()
}

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        Just(json!("authenticated")),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_verifies(text in any::<String>()) {
        prop_assert!(!verifies(&text));
    }

    #[test]
    fn no_three_parts_verify(text in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,200}\\.[A-Za-z0-9_-]{0,100}") {
        prop_assert!(!verifies(&text));
    }

    #[test]
    fn no_unsigned_header_and_claims_verify(header in any_json(), claims in any_json(), tag in any::<Vec<u8>>()) {
        let text = token(&header, &claims, |_| tag);
        prop_assert!(!verifies(&text));
    }

    #[test]
    fn no_changed_token_verifies(which in 0..3usize, position in any::<prop::sample::Index>(), byte in 0..128u8) {
        let good = &DEPLOYMENT.good[which];
        prop_assert!(verifies(good));
        let mut bytes = good.clone().into_bytes();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        prop_assert!(!verifies(&String::from_utf8(bytes).expect("ASCII")));
    }

    #[test]
    fn no_shortened_or_lengthened_token_verifies(
        which in 0..3usize, position in any::<prop::sample::Index>(), remove in 0..5usize, insert in "[ -~]{0,4}",
    ) {
        let good = &DEPLOYMENT.good[which];
        let start = position.index(good.len() + 1);
        let end = (start + remove).min(good.len());
        let changed = format!("{}{insert}{}", &good[..start], &good[end..]);
        prop_assume!(changed != *good);
        prop_assert!(!verifies(&changed));
    }

    #[test]
    fn no_other_signature_verifies(tag in any::<[u8; 32]>()) {
        let text = token(&json!({"alg": "HS256"}), &alice(), |_| tag.to_vec());
        prop_assert!(!verifies(&text));
    }

    #[test]
    fn signed_claims_of_any_shape_are_answered_not_panicked_over(claims in any_json()) {
        drop(hs256(supabase(), &claims));
    }

    #[test]
    fn any_header_of_a_signed_token_is_answered(header in any_json()) {
        drop(anywhere(&token(&header, &alice(), hmac(SECRET.as_bytes())), &DEPLOYMENT.keys));
    }

    #[test]
    fn claims_that_verify_are_safe_to_hand_to_postgres(name in any::<String>(), value in any_json(), sub in any::<String>()) {
        prop_assume!(!["exp", "iat", "nbf", "aud", "role", "sub"].contains(&name.as_str()));
        let claims = but(alice(), json!({"sub": sub}));
        let mut claims = claims.as_object().expect("an object").clone();
        claims.insert(name, value);
        if let Ok(identity::Principal::User(made)) = hs256(supabase(), &Value::Object(claims)) {
            let payload: Value = serde_json::from_str(made.payload()).expect("JSON");
            prop_assert_eq!(&payload["sub"], &json!(made.user_id()));
            prop_assert_eq!(made.user_id(), sub);
            prop_assert_eq!(&payload["role"], &json!("authenticated"));
            prop_assert!(!made.payload().contains('\0') && !made.user_id().trim().is_empty());
        }
    }

    #[test]
    fn no_document_breaks_the_key_set(document in any_json(), bytes in any::<Vec<u8>>()) {
        drop(KeySet::parse(&bytes));
        drop(KeySet::parse(document.to_string().as_bytes()));
        let keys = KeySet::parse(json!({"keys": [document]}).to_string().as_bytes());
        prop_assert!(keys.is_ok_and(|keys| keys.is_empty()));
    }

    #[test]
    fn no_json_web_key_breaks_a_verification(x in any::<Vec<u8>>(), kty in "EC|RSA|oct|OKP", e in any::<[u8; 3]>()) {
        let mut n = x.clone();
        n.resize(256, 0xff);
        let x = x.get(..32).unwrap_or(&[7; 32]);
        let jwk = json!({"kty": kty, "crv": "P-256", "x": b64(x), "y": b64(x), "n": b64(n), "e": b64(e)});
        for alg in ["ES256", "RS256"] {
            let text = token(&json!({"alg": alg}), &alice(), |_| vec![1; 64]);
            prop_assert!(anywhere(&text, &key_set(std::slice::from_ref(&jwk))).is_err());
        }
    }
}
