//! What holds for whatever is posted?

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use webhooks::{
    Auth, Delivery, PhoneNumber, Secret, Source, VerificationError, Zone, parse, redact, sign, verify,
};

use crate::support::{CUSTOMER, TENANT, at, auth, customer, now, recorded, secret, tenants, verified};

fn encoded(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn post(source: Source, url: &str, body: &[u8]) -> Delivery {
    Delivery::new(source, "POST", url, [("accept", "*/*")], body)
}

/// JSON of any shape, not too big.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // serde_json reads floats to the last digit but one.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        ".{0,40}".prop_map(Value::from),
        Just(json!(TENANT)),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        let name = prop_oneof![
            "[a-zA-Z_]{1,12}",
            Just("message".to_owned()),
            Just("call".to_owned()),
            Just("type".to_owned()),
            Just("data".to_owned()),
            Just("customer".to_owned()),
            Just("number".to_owned()),
        ];
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            vec((name, inner), 0..8).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_signed_verifies_and_a_changed_value_address_or_secret_does_not(
        pairs in vec((".{1,20}", ".{0,50}"), 0..12),
        path in "[a-z/%0-9]{0,20}",
        token in "[0-9a-f]{32}",
        extra in "[a-z]{1,9}",
    ) {
        let url = format!("https://hooks.example.com/{path}");
        let key = secret(&token);
        let delivery = post(Source::Twilio, &url, encoded(&pairs).as_bytes());
        let signed = sign(delivery, &Auth::Twilio, &key, "", now()).unwrap();
        let keys = [key];
        prop_assert!(verify(signed.clone(), &Auth::Twilio, &keys, now()).is_ok());

        let refused = |delivery: Delivery, keys: &[Secret]| {
            matches!(verify(delivery, &Auth::Twilio, keys, now()), Err(VerificationError::Wrong { .. }))
        };
        let again = |url: &str, pairs: &[(String, String)]| {
            Delivery::new(Source::Twilio, "POST", url, signed.headers(), encoded(pairs))
        };
        prop_assert!(refused(signed.clone(), &[secret("another")]));
        let longer = url.clone() + "x";
        prop_assert!(refused(again(&longer, &pairs), &keys));
        let mut more = pairs.clone();
        more.push(("zzz".into(), extra));
        prop_assert!(refused(again(&url, &more), &keys));
        let mut reordered = pairs.clone();
        reordered.reverse();
        prop_assert!(!refused(again(&url, &reordered), &keys));
    }

    #[test]
    fn every_plan_verifies_what_it_signs_and_no_other_body(
        body in vec(any::<u8>(), 0..200),
        other in vec(any::<u8>(), 0..200),
        algorithm in prop_oneof![Just("sha1"), Just("sha256"), Just("sha512")],
        encoding in prop_oneof![Just("hex"), Just("base64")],
        format in prop_oneof![Just("{body}"), Just("{timestamp}.{body}"), Just("{method}{url}{body}"), Just("{svix-id}{body}")],
        prefix in "[a-z0-9=,]{0,6}",
        offset in -300_i64..=300,
    ) {
        let auth = auth(Source::Vapi, &json!({"type": "hmac", "algorithm": algorithm, "signature_encoding": encoding,
            "payload_format": format, "signature_prefix": prefix, "message_id_header": "x-id"}));
        let keys = [secret("a-secret-of-this-test")];
        let signed = sign(post(Source::Vapi, "https://h/x", &body), &auth, &keys[0], "id-1", now()).unwrap();
        let later = at(now().timestamp() + offset);
        prop_assert!(verify(signed.clone(), &auth, &keys, later).is_ok());
        if other != body {
            let changed = Delivery::new(Source::Vapi, "POST", signed.url(), signed.headers(), other);
            let refused = verify(changed, &auth, &keys, later).map_err(|refused| refused.reason());
            prop_assert_eq!(refused.err(), Some("wrong"));
        }
    }

    #[test]
    fn a_key_is_the_whole_key(key in "[!-~]{1,40}", presented in "[!-~]{0,40}") {
        let delivery = post(Source::Make, "https://h/", b"{}").with_header("x-make-apikey", &presented);
        let verdict = verify(delivery, &Auth::default_of(Source::Make), &[secret(&key)], now());
        prop_assert_eq!(verdict.is_ok(), key == presented);
    }

    #[test]
    fn any_json_is_an_event_and_its_record_read_back_is_the_same(body in any_json(), make in any::<bool>()) {
        let source = if make { Source::Make } else { Source::Vapi };
        let proof = verified(post(source, "https://h/", body.to_string().as_bytes()));
        if let Ok(records) = redact(&proof, Zone::default()) {
            prop_assert_eq!(records.is_list, body.is_array());
            for recorded in &records.each {
                let event = parse(recorded);
                let row: Value = serde_json::from_str(&recorded.get().payload().to_string()).unwrap();
                prop_assert_eq!(&row, recorded.get().payload());
                prop_assert!(event.dedupe_key.chars().count() <= 200);
            }
        } else {
            let is_no_event = |value: &Value| !value.is_object();
            prop_assert!(body.as_array().map_or_else(|| is_no_event(&body), |list| list.iter().any(is_no_event)));
        }
    }

    #[test]
    fn the_same_delivery_has_the_same_key_however_often_it_comes(pairs in vec(("[A-Za-z]{1,12}", ".{0,30}"), 0..9)) {
        let event = || parse(&recorded(post(Source::Twilio, "https://h/", encoded(&pairs).as_bytes())));
        prop_assert_eq!(event().dedupe_key, event().dedupe_key);
    }

    #[test]
    fn the_sides_of_a_call_are_never_mixed_up(inbound in any::<bool>(), status in "ringing|in-progress|completed|busy") {
        let (from, to, direction) = if inbound {
            (CUSTOMER, TENANT, "inbound")
        } else {
            (TENANT, CUSTOMER, "outbound-api")
        };
        let pairs = [("CallSid", "CA1"), ("From", from), ("To", to), ("CallStatus", &status), ("Direction", direction)];
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let event = parse(&recorded(post(Source::Twilio, "https://h/", encoded(&pairs).as_bytes())));
        prop_assert_eq!(tenants(&event), [TENANT]);
        prop_assert_eq!(customer(&event), Some(CUSTOMER));
    }

    #[test]
    fn a_number_read_is_read_again_as_itself(text in ".{0,24}|\\+?[0-9 ().-]{0,20}") {
        if let Some(number) = PhoneNumber::parse(&text) {
            prop_assert!(PhoneNumber::parse(number.as_str()).as_ref() == Some(&number));
            prop_assert!(number.last_four().len() <= 4);
        }
    }
}
