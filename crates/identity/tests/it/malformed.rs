//! Is what isn't a token, or not in its form, refused as that?

use identity::{KeySet, Rejected};
use serde_json::json;

use crate::attacks::unusable;
use crate::support::{SECRET, alice, anywhere, b64, but, hmac, refusal, secret, token, user};

#[test]
fn what_is_no_token_is_refused() {
    for (text, reason) in [
        ("", Rejected::Empty),
        (" ", Rejected::PartCount),
        ("a", Rejected::PartCount),
        ("a.b", Rejected::PartCount),
        ("a.b.c.d", Rejected::PartCount),
        ("a.b.c.d.e", Rejected::PartCount),
        ("..", Rejected::Undecodable),
        ("a.b.c", Rejected::Undecodable),
        ("!!.??.**", Rejected::Undecodable),
        ("é.é.é", Rejected::Undecodable),
        ("\0.\0.\0", Rejected::Undecodable),
        ("null.null.null", Rejected::Undecodable),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", Rejected::Undecodable),
    ] {
        assert_eq!(unusable(text), reason, "{text:?}");
    }
    let good = identity::mint(&secret(SECRET), &alice());
    for around in [format!(" {good}"), format!("\"{good}\"")] {
        assert_eq!(unusable(&around), Rejected::Undecodable);
    }
    for around in [format!("{good} "), format!("{good}\n"), format!("{good}\0")] {
        assert_eq!(unusable(&around), Rejected::Signature);
    }
}

#[test]
fn base64_of_another_dialect_is_refused() {
    let claims = but(alice(), json!({"x": "???>>>~~~"}));
    let good = token(&json!({"alg": "HS256"}), &claims, hmac(SECRET.as_bytes()));
    assert_eq!(user(anywhere(&good, &KeySet::empty())).user_id(), "alice");
    let (header, rest) = good.split_once('.').unwrap();
    assert_eq!(unusable(&format!("{header}=.{rest}")), Rejected::Undecodable);
    assert_eq!(unusable(&good.replace(['-', '_'], "+")), Rejected::Signature);
}

#[test]
fn an_api_key_gets_its_own_explanation() {
    for key in [
        "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH",
        "sb_secret_N7UND0UgjKTVK",
        "sb_",
        "sb_a.b.c",
    ] {
        let refused = unusable(key);
        assert_eq!(refused, Rejected::ApiKey);
        assert!(refused.hint().unwrap().contains("apikey"));
    }
}

#[test]
fn a_token_over_sixteen_kilobytes_is_refused_unread() {
    let padded =
        |padding: usize| identity::mint(&secret(SECRET), &but(alice(), json!({"x": "y".repeat(padding)})));
    let too_long = |token: &str| anywhere(token, &KeySet::empty()).err();
    // Three bytes of text are four of base64, so not every length can be had.
    let sizes = || (11_000..13_000).map(padded);
    let fits = sizes().rfind(|token| token.len() <= 16_384).unwrap();
    assert!(fits.len() > 16_382);
    assert_eq!(user(anywhere(&fits, &KeySet::empty())).user_id(), "alice");
    let longer = sizes().find(|token| token.len() > 16_384).unwrap();
    assert_eq!(too_long(&longer), Some(Rejected::TooLong));
    assert_eq!(too_long(&"x".repeat(10_000_000)), Some(Rejected::TooLong));
    assert_eq!(
        too_long(&format!("sb_{}", "x".repeat(16_384))),
        Some(Rejected::TooLong)
    );
    assert_eq!(Rejected::TooLong.code(), "MK_TOKEN_TOO_LONG");
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let deep = format!("{}{}", "[".repeat(2500), "]".repeat(2500));
    let message = format!(
        "{}.{}",
        b64(r#"{"alg":"HS256"}"#),
        b64(format!(r#"{{"x":{deep}}}"#))
    );
    let signed = format!("{message}.{}", b64(hmac(SECRET.as_bytes())(message.as_bytes())));
    assert_eq!(refusal(anywhere(&signed, &KeySet::empty())), Rejected::Claims);
}

#[test]
fn broken_text_in_signed_claims_is_refused() {
    for payload in [
        &b"{\"exp\":2000003600,\"x\":\"\xff\"}"[..],
        br#"{"x":"\ud800"}"#,
        b"{",
        b"",
        br#"{"x":1e999}"#,
    ] {
        let message = format!("{}.{}", b64(r#"{"alg":"HS256"}"#), b64(payload));
        let signed = format!("{message}.{}", b64(hmac(SECRET.as_bytes())(message.as_bytes())));
        assert_eq!(refusal(anywhere(&signed, &KeySet::empty())), Rejected::Claims);
    }
}
