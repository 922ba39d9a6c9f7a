//! Whose token makes a session, and which tokens only look like one?

use identity::{Principal, Rejected, ServiceToken};
use serde_json::{Value, json};

use crate::support::{
    NOW, SECRET, alice, anywhere, but, crm, hs256, key_set, refusal, secret, supabase, user,
};

fn crm_token() -> Value {
    json!({"userId": "c0ffee", "email": "a@example.com", "role": "admin", "iat": NOW, "exp": NOW + 86400})
}

fn service(principal: Result<Principal, Rejected>) -> ServiceToken {
    match principal {
        Ok(Principal::Service(token)) => token,
        other => panic!("a service was expected: {other:?}"),
    }
}

#[test]
fn a_supabase_token_is_its_users_session() {
    let full = but(
        alice(),
        json!({"session_id": "s", "is_anonymous": false, "amr": [{"method": "password", "timestamp": NOW}],
            "app_metadata": {"providers": ["email"]}, "user_metadata": {"name": "Alice \u{1f600}"}}),
    );
    let claims = user(hs256(supabase(), &full));
    assert_eq!(claims.user_id(), "alice");
    assert_eq!(
        serde_json::from_str::<Value>(claims.payload()).unwrap(),
        full,
        "nothing is lost"
    );
}

#[test]
fn an_anonymous_sign_in_is_a_user_of_its_own() {
    let claims = user(hs256(
        supabase(),
        &but(alice(), json!({"sub": "guest", "is_anonymous": true})),
    ));
    assert_eq!(claims.user_id(), "guest");
}

#[test]
fn a_token_of_the_crm_is_its_users_session_whatever_their_rank() {
    let claims = user(hs256(crm(), &crm_token()));
    assert_eq!(claims.user_id(), "c0ffee");
    assert_eq!(
        serde_json::from_str::<Value>(claims.payload()).unwrap(),
        but(crm_token(), json!({"sub": "c0ffee", "role": "authenticated"})),
    );
}

#[test]
fn a_sub_in_a_crm_token_names_nobody() {
    let claims = user(hs256(crm(), &but(crm_token(), json!({"sub": "mallory"}))));
    assert_eq!(claims.user_id(), "c0ffee");
    assert_eq!(
        serde_json::from_str::<Value>(claims.payload()).unwrap()["sub"],
        "c0ffee"
    );
}

#[test]
fn a_password_reset_token_is_not_a_session() {
    let reset = json!({"userId": "c0ffee", "email": "a@example.com", "iat": NOW, "exp": NOW + 900});
    assert_eq!(refusal(hs256(crm(), &reset)), Rejected::NoSession);
    assert_eq!(Rejected::NoSession.code(), "PGRST303");
    assert_eq!(
        refusal(hs256(crm(), &but(reset, json!({"role": ""})))),
        Rejected::NoSession
    );
}

#[test]
fn the_two_kinds_of_deployment_do_not_take_each_others_tokens() {
    assert_eq!(refusal(hs256(supabase(), &crm_token())), Rejected::Role);
    assert_eq!(refusal(hs256(crm(), &alice())), Rejected::UserId);
}

#[test]
fn an_anon_key_is_nobody_whatever_else_it_lacks() {
    let anon = json!({"iss": "supabase", "ref": "abcdefgh", "role": "anon", "iat": NOW, "exp": NOW + 9});
    let settings = || identity::VerifierSettings {
        audience: Some("authenticated".into()),
        issuer: Some("https://ref.supabase.co/auth/v1".into()),
        ..supabase()
    };
    assert_eq!(refusal(hs256(settings(), &anon)), Rejected::Anonymous);
    assert_eq!(refusal(hs256(crm(), &anon)), Rejected::Anonymous);
    assert_eq!(
        refusal(hs256(supabase(), &but(alice(), json!({"role": null})))),
        Rejected::Anonymous
    );
}

#[test]
fn a_role_of_the_database_is_not_a_session() {
    for role in [
        "postgres",
        "supabase_admin",
        "authenticator",
        "mako_router",
        "dashboard_user",
    ] {
        assert_eq!(
            refusal(hs256(supabase(), &but(alice(), json!({"role": role})))),
            Rejected::Role
        );
    }
}

#[test]
fn a_service_key_is_nobody_until_it_names_a_user() {
    let legacy =
        json!({"iss": "supabase", "ref": "abcdefgh", "role": "service_role", "iat": NOW, "exp": NOW + 9});
    for settings in [supabase(), crm()] {
        let claims = service(hs256(settings, &legacy)).acting_as("bob").unwrap();
        assert_eq!(claims.user_id(), "bob");
        assert_eq!(
            serde_json::from_str::<Value>(claims.payload()).unwrap(),
            json!({"sub": "bob", "role": "authenticated", "service_token": true}),
        );
    }
}

#[test]
fn the_sub_of_a_service_key_is_not_who_it_acts_as() {
    let token = service(hs256(supabase(), &but(alice(), json!({"role": "service_role"}))));
    assert_eq!(token.acting_as("bob").unwrap().user_id(), "bob");
    assert_eq!(token.acting_as("").unwrap_err(), Rejected::UserId);
}

#[test]
fn a_service_key_must_meet_audience_and_issuer_too() {
    let legacy = json!({"iss": "supabase", "role": "service_role", "exp": NOW + 9});
    let audience = identity::VerifierSettings {
        audience: Some("authenticated".into()),
        ..supabase()
    };
    assert_eq!(refusal(hs256(audience, &legacy)), Rejected::Audience);
    let issuer = identity::VerifierSettings {
        issuer: Some("https://ref.supabase.co/auth/v1".into()),
        ..supabase()
    };
    assert_eq!(refusal(hs256(issuer, &legacy)), Rejected::Issuer);
}

#[test]
fn audience_and_issuer_are_checked_when_configured() {
    let strict = || identity::VerifierSettings {
        audience: Some("authenticated".into()),
        issuer: Some("https://us".into()),
        ..supabase()
    };
    let good = but(alice(), json!({"iss": "https://us"}));
    assert_eq!(user(hs256(strict(), &good)).user_id(), "alice");
    assert_eq!(
        user(hs256(
            strict(),
            &but(good.clone(), json!({"aud": ["x", "authenticated"]}))
        ))
        .user_id(),
        "alice"
    );
    for (change, reason) in [
        (json!({"aud": null}), Rejected::Audience),
        (json!({"aud": "other"}), Rejected::Audience),
        (json!({"aud": []}), Rejected::Audience),
        (json!({"aud": 5}), Rejected::AudienceNotText),
        (json!({"iss": null}), Rejected::Issuer),
        (json!({"iss": "https://us.evil.example"}), Rejected::Issuer),
        (json!({"iss": ["https://us"]}), Rejected::Issuer),
    ] {
        let refused = refusal(hs256(strict(), &but(good.clone(), change.clone())));
        assert_eq!((refused, refused.code()), (reason, "PGRST303"), "{change}");
    }
}

#[test]
fn a_token_lives_between_its_times() {
    for (change, reason) in [
        (json!({"exp": null}), Rejected::NoExpiry),
        (json!({"exp": "2000003600"}), Rejected::ExpiryNotNumber),
        (json!({"exp": [NOW]}), Rejected::Claims),
        (json!({"exp": NOW - 31}), Rejected::Expired),
        (json!({"nbf": NOW + 31}), Rejected::NotYetValid),
        (json!({"nbf": "x"}), Rejected::NotBeforeNotNumber),
        (json!({"iat": NOW + 31}), Rejected::IssuedInFuture),
        (json!({"iat": true}), Rejected::IssuedAtNotNumber),
    ] {
        let refused = refusal(hs256(supabase(), &but(alice(), change.clone())));
        assert_eq!((refused, refused.code()), (reason, "PGRST303"), "{change}");
    }
    for change in [
        json!({"exp": NOW - 30, "nbf": NOW + 30, "iat": NOW + 30}),
        json!({"exp": 2_000_000_000.5}),
    ] {
        assert_eq!(user(hs256(supabase(), &but(alice(), change))).user_id(), "alice");
    }
}

#[test]
fn a_user_id_is_text() {
    let (long, longest) = ("x".repeat(256), "x".repeat(255));
    for id in [
        json!(7),
        json!(""),
        json!("  "),
        json!(true),
        json!("a\nb"),
        json!(long),
    ] {
        assert_eq!(
            refusal(hs256(supabase(), &but(alice(), json!({"sub": id})))),
            Rejected::UserId,
            "{id}"
        );
        assert_eq!(
            refusal(hs256(crm(), &but(crm_token(), json!({"userId": id})))),
            Rejected::UserId,
            "{id}"
        );
    }
    assert_eq!(
        refusal(hs256(supabase(), &but(alice(), json!({"sub": null})))),
        Rejected::UserId
    );
    assert_eq!(
        user(hs256(supabase(), &but(alice(), json!({"sub": longest})))).user_id(),
        longest
    );
}

#[test]
fn a_nul_anywhere_in_the_claims_is_refused() {
    for change in [
        json!({"user_metadata": {"a": [{"b": "x\0y"}]}}),
        json!({"user_metadata": {"deep": {"k\0": 1}}}),
        json!({"\0": 1}),
        json!({"email": "\0"}),
    ] {
        let refused = refusal(hs256(supabase(), &but(alice(), change.clone())));
        assert_eq!(refused, Rejected::NulCharacter, "{change}");
    }
    // A backslash before u0000 is text.
    assert_eq!(
        user(hs256(supabase(), &but(alice(), json!({"x": "\\u0000"})))).user_id(),
        "alice"
    );
}

#[test]
fn a_key_that_comes_twice_is_read_once() {
    let twice = |text: &str| {
        let header = json!({"alg": "HS256"});
        let message = format!(
            "{}.{}",
            crate::support::b64(header.to_string()),
            crate::support::b64(text)
        );
        let signature = crate::support::hmac(SECRET.as_bytes())(message.as_bytes());
        anywhere(
            &format!("{message}.{}", crate::support::b64(signature)),
            &key_set(&[]),
        )
    };
    let claims = user(twice(
        r#"{"exp":2000003600,"role":"postgres","role":"authenticated","sub":"alice","x":1,"x":2}"#,
    ));
    let text = claims.payload();
    assert_eq!(
        text,
        r#"{"exp":2000003600,"role":"authenticated","sub":"alice","x":2}"#
    );
    // Of the registered claims the second one is not even read.
    assert_eq!(
        refusal(twice(
            r#"{"exp":2000003600,"role":"authenticated","sub":"alice","sub":"bob"}"#
        )),
        Rejected::Claims
    );
}

#[test]
fn a_payload_that_is_no_object_is_refused() {
    for payload in [
        json!([]),
        json!("alice"),
        json!(1),
        json!(null),
        json!([{"sub": "alice"}]),
    ] {
        assert_eq!(
            refusal(hs256(supabase(), &payload)),
            Rejected::Claims,
            "{payload}"
        );
    }
}

#[test]
fn what_is_minted_verifies_and_only_with_its_secret() {
    let minted = identity::mint(&secret("another secret, which is long enough too"), &alice());
    assert_eq!(refusal(anywhere(&minted, &key_set(&[]))), Rejected::Signature);
    assert_eq!(user(hs256(supabase(), &alice())).user_id(), "alice");
}
