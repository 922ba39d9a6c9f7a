//! Does each configuration of an endpoint verify what it should, and nothing else?

use serde_json::{Value, json};
use webhooks::{
    Auth, Delivery, Kind, Secret, Source, UnusableSecret, VerificationError, Zone, parse, redact, sample,
    sign, verify,
};

use crate::support::{TENANT, auth, customer, json, now, number, secret, tenants};

/// Every configuration that an endpoint may have.
fn configurations() -> Vec<(Source, Value, Secret)> {
    let base64 = || secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let text = || secret("a-secret-of-this-test");
    vec![
        (Source::Twilio, Value::Null, text()),
        (Source::Twilio, json!({}), secret("webhooks_sharedkey_01=abc")),
        (Source::Vapi, json!({}), text()),
        (Source::Vapi, json!({"type": "secret"}), text()),
        (Source::Vapi, json!({"type": "bearer"}), text()),
        (
            Source::Vapi,
            json!({"type": "bearer", "headerName": "X-Own", "bearerPrefixEnabled": false}),
            text(),
        ),
        (Source::Vapi, json!({"type": "hmac"}), text()),
        (
            Source::Vapi,
            json!({"type": "hmac", "algorithm": "sha512", "encoding": "base64", "includeTimestamp": false}),
            text(),
        ),
        (
            Source::Vapi,
            json!({"type": "hmac", "algorithm": "sha1", "payload_format": "{method} {url} {x} {{body}} {timestamp}"}),
            text(),
        ),
        (Source::Vapi, json!({"type": "standard_webhooks"}), base64()),
        (Source::Make, json!({"type": "api_key"}), text()),
        (
            Source::Make,
            json!({"type": "hmac", "signature_header": "x-hash", "include_timestamp": false}),
            text(),
        ),
        (
            Source::Make,
            json!({"type": "standard_webhooks", "tolerance_seconds": 60}),
            base64(),
        ),
    ]
}

#[test]
fn a_sample_verifies_under_every_configuration_and_under_no_other_secret() {
    for (source, configuration, key) in configurations() {
        let auth = auth(source, &configuration);
        auth.check_secret(&key).unwrap();
        assert_eq!(
            Auth::from_json(source, &auth.to_json()).unwrap(),
            auth,
            "{configuration}"
        );
        let url = format!("https://hooks.example.com/webhooks/{source}/endpoint-key");
        let made = sample(source, &url, &number(TENANT), "sample-1", &auth, &key, now()).unwrap();

        let bare = Delivery::new(
            source,
            "POST",
            &url,
            [("content-type", "application/json")],
            made.body(),
        );
        let refused = verify(bare, &auth, std::slice::from_ref(&key), now()).unwrap_err();
        assert_eq!(
            (refused.status(), refused.reason()),
            (401, "missing"),
            "{configuration}"
        );
        let wrong = [secret("AAAA")];
        let refused = verify(made.clone(), &auth, &wrong, now()).unwrap_err();
        assert_eq!(
            (refused.status(), refused.reason()),
            (403, "wrong"),
            "{configuration}"
        );
        assert_eq!(
            verify(made.clone(), &auth, &[], now()).unwrap_err(),
            VerificationError::NotConfigured
        );

        let rotating = [secret("AAAA"), key];
        let proof = verify(made, &auth, &rotating, now()).unwrap();
        let event = parse(&redact(&proof, Zone::default()).unwrap().each[0]);
        assert!(event.is_sample);
        assert_eq!(tenants(&event), [TENANT]);
        assert_eq!(customer(&event), Some("+15005550006"));
        assert!(!matches!(event.kind, Kind::Other));
    }
}

#[test]
fn a_delivery_is_not_checked_by_another_sources_rules() {
    let key = secret("a-secret");
    let delivery = json(Source::Vapi, &json!({})).with_header("x-vapi-secret", "a-secret");
    assert_eq!(
        verify(delivery, &Auth::default_of(Source::Make), &[key], now()).unwrap_err(),
        VerificationError::NotConfigured
    );
}

#[test]
fn keys_are_accepted_where_people_put_them() {
    let key = [secret("a-key")];
    let by = |source, name: &str, value: &str| {
        let delivery = json(source, &json!({})).with_header(name, value);
        verify(delivery, &Auth::default_of(source), &key, now()).map(|_| ())
    };
    for (source, name, value) in [
        (Source::Make, "X-Make-ApiKey", "a-key"),
        (Source::Make, "x-api-key", "a-key"),
        (Source::Make, "Authorization", "Bearer a-key"),
        (Source::Vapi, "X-Vapi-Secret", "a-key"),
        (Source::Vapi, "authorization", "bearer a-key"),
    ] {
        assert_eq!(by(source, name, value), Ok(()), "{name}");
    }
    assert!(matches!(
        by(Source::Make, "x-make-apikey", "b-key"),
        Err(VerificationError::Wrong { .. })
    ));
    assert!(matches!(
        by(Source::Make, "authorization", "Basic a-key"),
        Err(VerificationError::Missing { .. })
    ));
    assert!(matches!(
        by(Source::Vapi, "x-make-apikey", "a-key"),
        Err(VerificationError::Missing { .. })
    ));
}

#[test]
fn configurations_that_would_check_nothing_are_refused() {
    for (source, value, what) in [
        (
            Source::Vapi,
            json!({"type": "hmac", "payload_format": "{timestamp}"}),
            "{body}",
        ),
        (
            Source::Vapi,
            json!({"type": "hmac", "payload_format": "{svix-id}.{body}"}),
            "message_id_header",
        ),
        (
            Source::Vapi,
            json!({"type": "hmac", "include_timestamp": false, "payload_format": "{timestamp}{body}"}),
            "include_timestamp",
        ),
        (
            Source::Vapi,
            json!({"type": "hmac", "tolerance_seconds": 86_401}),
            "86400",
        ),
        (
            Source::Vapi,
            json!({"type": "hmac", "signature_header": "a b"}),
            "header name",
        ),
        (
            Source::Vapi,
            json!({"type": "hmac", "signature_prefix": "v1, "}),
            "blanks",
        ),
        (
            Source::Vapi,
            json!({"type": "bearer", "header": ""}),
            "header name",
        ),
        (
            Source::Vapi,
            json!({"type": "hmac", "secretKey": "s3cret"}),
            "secretKey",
        ),
        (Source::Vapi, json!({"type": "magic"}), "magic"),
        (
            Source::Vapi,
            json!({"type": "secret", "x": "s3cret"}),
            "no further",
        ),
        (
            Source::Vapi,
            json!({"type": "bearer", "prefix": "s3cret"}),
            "wrong type",
        ),
        (Source::Vapi, json!({"header": "x"}), "type"),
        (Source::Vapi, json!("secret"), ""),
        (Source::Twilio, json!({"type": "secret"}), "twilio"),
        (Source::Make, json!({"type": "bearer"}), "bearer"),
    ] {
        let refused = Auth::from_json(source, &value).unwrap_err().to_string();
        assert!(
            refused.contains(what) && !refused.contains("s3cret"),
            "{value}: {refused}"
        );
    }
}

#[test]
fn a_generated_secret_fits_its_configuration() {
    for (source, configuration, _) in configurations() {
        let auth = auth(source, &configuration);
        let made = auth.new_secret(&[7; 32]);
        assert_eq!(made.is_none(), source == Source::Twilio);
        if let Some(made) = made {
            auth.check_secret(&secret(&made)).unwrap();
        }
    }
    let standard = auth(Source::Vapi, &json!({"type": "standard_webhooks"}));
    assert_eq!(
        standard.check_secret(&secret("not base64")),
        Err(UnusableSecret::NotBase64)
    );
    let plain = auth(Source::Vapi, &json!({}));
    assert_eq!(
        plain.check_secret(&secret("line\nbreak")),
        Err(UnusableSecret::NotAHeaderValue)
    );
}

#[test]
fn a_timestamp_in_milliseconds_is_understood() {
    let auth = auth(Source::Vapi, &json!({"type": "hmac"}));
    let key = secret("vapi-test-secret");
    let by = |timestamp: i64| {
        let body = format!("{timestamp}.{{}}");
        // What signs is a plan for the body alone, over the text that the other plan composes.
        let alone = crate::support::auth(Source::Vapi, &json!({"type": "hmac", "include_timestamp": false}));
        let signed = sign(
            Delivery::new(Source::Vapi, "POST", "https://h/", [("a", "b")], body),
            &alone,
            &key,
            "",
            now(),
        );
        let signed = signed.unwrap();
        let signature = signed
            .headers()
            .find(|(name, _)| *name == "x-signature")
            .unwrap()
            .1
            .to_owned();
        let delivery = json(Source::Vapi, &json!({}))
            .with_header("x-signature", &signature)
            .with_header("x-timestamp", &timestamp.to_string());
        verify(delivery, &auth, std::slice::from_ref(&key), now()).map(|_| ())
    };
    assert_eq!(by(now().timestamp_millis() - 299_000), Ok(()));
    assert_eq!(by(now().timestamp() - 299), Ok(()));
    assert_eq!(
        by(now().timestamp_millis() - 301_000),
        Err(VerificationError::Stale { age_seconds: 301 })
    );
    assert!(matches!(by(i64::MIN), Err(VerificationError::Stale { .. })));
}
