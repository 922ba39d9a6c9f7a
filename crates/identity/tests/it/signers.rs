//! Which key may sign what?

use identity::{KeySet, Rejected, VerifierSettings};
use serde_json::json;

use crate::support::{
    Ec, NOW, Rsa, SECRET, alice, anywhere, at, but, hmac, key_set, refusal, token, user, verifier,
};

#[test]
fn es256_and_rs256_tokens_verify_with_their_published_keys() {
    let (ec, rsa) = (Ec::generate("ec"), Rsa::test_key());
    let keys = key_set(&[ec.jwk(), rsa.jwk()]);
    for token in [ec.token(&alice()), rsa.token(&alice())] {
        assert_eq!(user(anywhere(&token, &keys)).user_id(), "alice");
    }
}

#[test]
fn secret_and_published_keys_work_side_by_side() {
    let ec = Ec::generate("ec");
    let keys = key_set(&[ec.jwk()]);
    let minted = identity::mint(&crate::support::secret(SECRET), &alice());
    assert_eq!(user(anywhere(&minted, &keys)).user_id(), "alice");
    assert_eq!(user(anywhere(&ec.token(&alice()), &keys)).user_id(), "alice");
}

#[test]
fn without_a_secret_no_hs256_token_is_good() {
    let minted = identity::mint(&crate::support::secret(SECRET), &alice());
    let refused =
        verifier(VerifierSettings::default()).verify(&minted, &key_set(&[Ec::generate("ec").jwk()]), at(NOW));
    assert_eq!(refusal(refused), Rejected::UnfitKey);
}

#[test]
fn without_published_keys_no_es256_or_rs256_token_is_good() {
    for token in [
        Ec::generate("ec").token(&alice()),
        Rsa::test_key().token(&alice()),
    ] {
        assert_eq!(refusal(anywhere(&token, &KeySet::empty())), Rejected::UnknownKey);
    }
}

#[test]
fn a_named_key_is_the_only_one_tried() {
    let (good, other) = (Ec::generate("good"), Ec::generate("other"));
    let keys = key_set(&[good.jwk(), other.jwk()]);
    let named = |kid: &str| {
        token(&json!({"alg": "ES256", "kid": kid}), &alice(), |message| {
            good.sign(message)
        })
    };
    assert_eq!(user(anywhere(&named("good"), &keys)).user_id(), "alice");
    assert_eq!(refusal(anywhere(&named("other"), &keys)), Rejected::Signature);
    assert_eq!(refusal(anywhere(&named("unknown"), &keys)), Rejected::UnknownKey);
    assert!(Rejected::UnknownKey.may_be_cured_by_new_keys());
    assert!(!Rejected::Signature.may_be_cured_by_new_keys());
}

#[test]
fn a_token_without_key_id_is_tried_with_every_fitting_key() {
    let (first, second, rsa) = (Ec::generate("first"), Ec::generate("second"), Rsa::test_key());
    let keys = key_set(&[first.jwk(), rsa.jwk(), second.jwk()]);
    let es256 = token(&json!({"alg": "ES256"}), &alice(), |message| second.sign(message));
    let rs256 = token(&json!({"alg": "RS256"}), &alice(), |message| rsa.sign(message));
    assert_eq!(user(anywhere(&es256, &keys)).user_id(), "alice");
    assert_eq!(user(anywhere(&rs256, &keys)).user_id(), "alice");
    let stranger = Ec::generate("first");
    let forged = token(&json!({"alg": "ES256"}), &alice(), |message| {
        stranger.sign(message)
    });
    assert_eq!(refusal(anywhere(&forged, &keys)), Rejected::Signature);
}

#[test]
fn keys_without_a_name_serve_tokens_without_one() {
    let ec = Ec::generate("ec");
    let keys = key_set(&[but(ec.jwk(), json!({"kid": null}))]);
    let nameless = token(&json!({"alg": "ES256"}), &alice(), |message| ec.sign(message));
    assert_eq!(user(anywhere(&nameless, &keys)).user_id(), "alice");
    assert_eq!(
        refusal(anywhere(&ec.token(&alice()), &keys)),
        Rejected::UnknownKey
    );
}

#[test]
fn the_key_id_of_an_hs256_token_is_ignored() {
    let named = token(
        &json!({"alg": "HS256", "kid": "any", "typ": "JWT"}),
        &alice(),
        hmac(SECRET.as_bytes()),
    );
    assert_eq!(user(anywhere(&named, &KeySet::empty())).user_id(), "alice");
}

#[test]
fn a_rotated_key_no_longer_signs() {
    let (old, new) = (Ec::generate("old"), Ec::generate("new"));
    assert_eq!(
        refusal(anywhere(&old.token(&alice()), &key_set(&[new.jwk()]))),
        Rejected::UnknownKey
    );
}

#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let ec = Ec::generate("ec");
    let mut jwk = ec.jwk();
    jwk["y"] = jwk["x"].clone();
    assert_eq!(
        refusal(anywhere(&ec.token(&alice()), &key_set(&[jwk]))),
        Rejected::Signature
    );
}

#[test]
fn an_rsa_modulus_with_a_sign_byte_is_the_same_key() {
    let rsa = Rsa::test_key();
    let mut jwk = rsa.jwk();
    let n = jwk["n"].as_str().unwrap().to_owned();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, n).unwrap();
    jwk["n"] = crate::support::b64([&[0], bytes.as_slice()].concat()).into();
    assert_eq!(
        user(anywhere(&rsa.token(&alice()), &key_set(&[jwk]))).user_id(),
        "alice"
    );
}
