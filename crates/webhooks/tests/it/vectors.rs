//! Do the published and computed examples come out as they should?
//!
//! `tests/vectors` was computed with npm twilio 6.2.0 and standardwebhooks 1.1.1, and with two other
//! implementations.

use std::path::Path;

use serde_json::{Value, json};
use webhooks::{Auth, Delivery, Source, VerificationError, verify};

use crate::support::{NOW, at, auth, form, now, secret, twilio};

const SHARED_KEY: &str = "webhooks_sharedkey_01";

fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

/// The delivery of a vector of `twilio.json`, with a signature, to the address it is checked against.
fn delivery(vector: &Value, signature: &str) -> Delivery {
    let url = vector
        .get("validated_against")
        .unwrap_or(&vector["url"])
        .as_str()
        .unwrap();
    if let Some(body) = vector.get("body").and_then(Value::as_str) {
        let headers = [
            ("x-twilio-signature", signature),
            ("content-type", "application/json"),
        ];
        return Delivery::new(Source::Twilio, "POST", url, headers, body);
    }
    let body = text(vector, "raw_body");
    if body.is_empty() {
        return Delivery::new(
            Source::Twilio,
            "GET",
            url,
            [("x-twilio-signature", signature)],
            "",
        );
    }
    form(url, signature, body)
}

#[test]
fn every_twilio_vector_verifies_with_the_auth_token() {
    for vector in vectors("twilio.json").as_array().unwrap() {
        let delivery = delivery(vector, text(vector, "signature"));
        let verdict = twilio(delivery, text(vector, "token"));
        assert!(verdict.is_ok(), "{}: {:?}", vector["name"], verdict.err());
    }
}

#[test]
fn every_twilio_vector_verifies_with_a_shared_key() {
    let settings = format!("key={SHARED_KEY},algorithm=HMAC_SHA256");
    for vector in vectors("twilio.json").as_array().unwrap() {
        // The shared keys of the vectors are their auth tokens.
        let signed = delivery(vector, text(vector, "signature_hmac_sha256_shared_key"))
            .with_header("X-Twilio-Webhooks-Signature-Settings", &settings);
        let key = format!("{SHARED_KEY}={}", text(vector, "token"));
        let others = [secret("webhooks_sharedkey_02=other"), secret(&key)];
        let verdict = verify(signed.clone(), &Auth::Twilio, &others, now());
        assert!(verdict.is_ok(), "{}: {:?}", vector["name"], verdict.err());
        let other_id = secret(&format!("webhooks_sharedkey_02={}", text(vector, "token")));
        assert!(matches!(
            verify(signed, &Auth::Twilio, &[other_id], now()),
            Err(VerificationError::Wrong { .. })
        ));
    }
}

#[test]
fn settings_choose_the_algorithm_and_an_unknown_one_is_refused() {
    let all = vectors("twilio.json");
    let vector = &all[0];
    let signed = |settings: &str| {
        let signature = text(vector, "signature");
        let delivery =
            delivery(vector, signature).with_header("x-twilio-webhooks-signature-settings", settings);
        twilio(delivery, text(vector, "token"))
    };
    for settings in [
        "",
        "key=webhooks_sharedkey_01",
        "algorithm=HMAC_SHA1",
        "algorithm=hmac_sha1, key=",
        "algorithm=",
    ] {
        assert!(signed(settings).is_ok(), "{settings}");
    }
    assert!(matches!(
        signed("algorithm=HMAC_SHA256"),
        Err(VerificationError::Wrong { .. })
    ));
    assert!(matches!(
        signed("algorithm=NONE"),
        Err(VerificationError::Malformed { .. })
    ));
}

#[test]
fn a_changed_json_body_or_one_without_its_hash_is_refused() {
    let all = vectors("twilio.json");
    let vector = &all[1];
    let (url, signature) = (text(vector, "url"), text(vector, "signature"));
    let post = |url: &str, body: &str| {
        let headers = [
            ("x-twilio-signature", signature),
            ("content-type", "application/json"),
        ];
        twilio(
            Delivery::new(Source::Twilio, "POST", url, headers, body),
            text(vector, "token"),
        )
    };
    assert!(post(url, text(vector, "body")).is_ok());
    let spaced = text(vector, "body").replace(':', ": ");
    assert!(matches!(post(url, &spaced), Err(VerificationError::Wrong { .. })));
    let (bare, _) = url.split_once('?').unwrap();
    assert!(matches!(
        post(bare, text(vector, "body")),
        Err(VerificationError::Malformed { .. })
    ));
}

#[test]
fn scheme_slash_and_port_are_treated_as_the_sdk_does() {
    let all = vectors("twilio.json");
    let vector = &all[3];
    let to = |url: &str| {
        twilio(
            form(url, text(vector, "signature"), text(vector, "raw_body")),
            text(vector, "token"),
        )
    };
    for url in [
        "https://hooks.example.com/v1/twilio/sms",
        "https://hooks.example.com:8443/v1/twilio/sms",
        "https://HOOKS.example.com/v1/twilio/sms",
        // The SDK refuses a fragment; it is never sent, so here it is cut off.
        "https://hooks.example.com/v1/twilio/sms#rc=3&rp=all",
    ] {
        assert!(to(url).is_ok(), "{url}");
    }
    for url in [
        "http://hooks.example.com/v1/twilio/sms",
        "https://hooks.example.com/v1/twilio/sms/",
        "https://hooks.example.com/v1/twilio",
        "https://hooks.example.org/v1/twilio/sms",
    ] {
        assert!(matches!(to(url), Err(VerificationError::Wrong { .. })), "{url}");
    }
}

#[test]
fn the_sdks_own_neighbours_verify() {
    let body =
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
    for (url, signature) in [
        (
            "https://mycompany.com:443/myapp.php?foo=1&bar=2",
            "kvajT1Ptam85bY51eRf/AJRuM3w=",
        ),
        (
            "http://mycompany.com:80/myapp.php?foo=1&bar=2",
            "0ZXoZLH/DfblKGATFgpif+LLRf4=",
        ),
        (
            "http://mycompany.com/myapp.php?foo=1&bar=2",
            "0ZXoZLH/DfblKGATFgpif+LLRf4=",
        ),
        (
            "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
            "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
        ),
        (
            "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2",
            "CukzLTc1tT5dXEDIHm/tKBanW10=",
        ),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing",
            "TfZzewPq8wqrGlMfyAud8+/IvJ0=",
        ),
    ] {
        let verdict = twilio(form(url, signature, body), "12345");
        assert!(verdict.is_ok(), "{url}: {:?}", verdict.err());
    }
    let json = [
        (
            r#"{"property": "value", "boolean": true}"#,
            "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
            "a9nBmqA0ju/hNViExpshrM61xv4=",
        ),
        (
            "{}",
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "Ldidvp12m26NI7eqEvxnEpkd9Hc=",
        ),
        // What the SDK takes an empty body for.
        (
            "",
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "Ldidvp12m26NI7eqEvxnEpkd9Hc=",
        ),
    ];
    for (body, hash, signature) in json {
        let url = format!("https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256={hash}");
        let headers = [
            ("x-twilio-signature", signature),
            ("content-type", "application/json"),
        ];
        let verdict = twilio(
            Delivery::new(Source::Twilio, "POST", &url, headers, body),
            "12345",
        );
        assert!(verdict.is_ok(), "{body}: {:?}", verdict.err());
    }
}

#[test]
fn a_refusal_says_which_addresses_were_tried_and_nothing_else() {
    let delivery = form(
        "https://hooks.example.com/webhooks/twilio/endpoint-key?who=me",
        "AAAA",
        "From=%2B14017122661",
    );
    let refused = twilio(delivery, "the-token").unwrap_err();
    assert_eq!(
        refused,
        VerificationError::Wrong {
            tried: vec![
                "https://hooks.example.com/webhooks/twilio/…?…".into(),
                "https://hooks.example.com:443/webhooks/twilio/…?…".into(),
            ]
        }
    );
    let shown = format!("{refused} {refused:?}");
    for hidden in ["endpoint-key", "who", "1401712", "the-token", "AAAA"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn whatever_stands_in_for_a_signature_is_answered_403_and_nothing_401() {
    let to = |signature: &str, kind: &str, body: &str| {
        let headers = [("x-twilio-signature", signature), ("content-type", kind)];
        let delivery = Delivery::new(
            Source::Twilio,
            "POST",
            "https://hooks.example.com/",
            headers,
            body,
        );
        twilio(delivery, "a-token").unwrap_err().status()
    };
    let form = "application/x-www-form-urlencoded";
    for (signature, kind, body) in [
        ("bogus", form, "a=b"),
        ("AAAA", form, "a=b"),
        ("AAAA", form, "no form"),
        ("AAAA", "application/json", "{}"),
    ] {
        assert_eq!(to(signature, kind, body), 403, "{signature} {kind} {body}");
    }
    assert_eq!(to("", form, "a=b"), 401);
    assert_eq!(to(" ", "application/json", "{}"), 401);
}

/// The delivery of a vector of `vapi_hmac.json`, and its configuration in Vapi's own names.
fn vapi(file: &Value, vector: &Value) -> (Delivery, Auth) {
    let headers: Vec<(&str, &str)> = vector["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let named = |ending: &str| {
        headers
            .iter()
            .map(|(name, _)| *name)
            .find(|name| name.ends_with(ending))
    };
    let mut hmac_scheme = json!({
        "type": "hmac",
        "payloadFormat": vector["payloadFormat"],
        "algorithm": vector["algorithm"],
        "signatureEncoding": vector["encoding"],
        "secretIsBase64": vector["secretIsBase64"],
        "signatureHeader": named("signature").unwrap(),
    });
    if let Some(name) = named("timestamp") {
        hmac_scheme["timestampHeader"] = name.into();
    } else {
        hmac_scheme["includeTimestamp"] = false.into();
    }
    if let Some(name) = named("id") {
        hmac_scheme["messageIdHeader"] = name.into();
        hmac_scheme["signaturePrefix"] = "v1,".into();
    }
    let url = "https://hooks.example.com/webhooks/vapi";
    let delivery = Delivery::new(Source::Vapi, "POST", url, headers, text(file, "body"));
    (delivery, auth(Source::Vapi, &hmac_scheme))
}

#[test]
fn every_vapi_vector_verifies_and_none_with_another_secret_body_or_hour() {
    let file = vectors("vapi_hmac.json");
    for vector in file["vectors"].as_array().unwrap() {
        let (delivery, auth) = vapi(&file, vector);
        let name = &vector["name"];
        let key = secret(text(vector, "secret"));
        let check = |delivery: Delivery, at| verify(delivery, &auth, std::slice::from_ref(&key), at);
        assert!(check(delivery.clone(), at(NOW + 299)).is_ok(), "{name}");
        assert!(check(delivery.clone(), at(NOW - 299)).is_ok(), "{name}");
        let both = [secret("AAAA"), key.clone()];
        assert!(verify(delivery.clone(), &auth, &both, now()).is_ok(), "{name}");
        assert!(matches!(
            verify(delivery.clone(), &auth, &[secret("AAAA")], now()),
            Err(VerificationError::Wrong { .. })
        ));
        if text(vector, "payloadFormat").contains("{timestamp}") {
            for (hour, age_seconds) in [(NOW + 301, 301), (NOW - 301, -301)] {
                let refused = check(delivery.clone(), at(hour)).unwrap_err();
                assert_eq!(refused, VerificationError::Stale { age_seconds }, "{name}");
            }
        }
        let headers: Vec<_> = delivery.headers().collect();
        let changed = Delivery::new(Source::Vapi, "POST", delivery.url(), headers, &b"{}"[..]);
        assert!(
            matches!(check(changed, now()), Err(VerificationError::Wrong { .. })),
            "{name}"
        );
    }
}

#[test]
fn the_reference_test_of_standard_webhooks_verifies_for_vapi_and_make() {
    for source in [Source::Vapi, Source::Make] {
        let headers = [
            ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
            ("webhook-timestamp", "1649367553"),
            (
                "webhook-signature",
                "v1,AAAA v1a,BBBB v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ];
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let delivery = Delivery::new(source, "POST", "https://hooks.example.com/", headers, body);
        let auth = auth(source, &json!({"type": "standard_webhooks"}));
        let key = [secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")];
        assert!(verify(delivery.clone(), &auth, &key, at(1_649_367_553)).is_ok());
        assert!(matches!(
            verify(delivery, &auth, &key, now()),
            Err(VerificationError::Stale { .. })
        ));
    }
}
