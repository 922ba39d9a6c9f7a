//! What the tests share.

use chrono::{DateTime, Utc};
use serde_json::Value;
use webhooks::{
    Auth, Delivery, Event, PhoneNumber, Recorded, Secret, Source, VerificationError, Verified, Zone, parse,
    redact, sign, verify,
};

pub(crate) const TENANT: &str = "+15558675310";
pub(crate) const CUSTOMER: &str = "+14017122661";
/// The vectors' time.
pub(crate) const NOW: i64 = 1_795_342_272;

pub(crate) fn now() -> DateTime<Utc> {
    at(NOW)
}

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

pub(crate) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

pub(crate) fn auth(source: Source, json: &Value) -> Auth {
    Auth::from_json(source, json).unwrap()
}

pub(crate) fn form(url: &str, signature: &str, body: &str) -> Delivery {
    Delivery::new(
        Source::Twilio,
        "POST",
        url,
        [
            ("X-Twilio-Signature", signature),
            ("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),
        ],
        body,
    )
}

pub(crate) fn json(source: Source, body: &Value) -> Delivery {
    let body = body.to_string();
    let mut url = format!("https://hooks.example.com/webhooks/{source}");
    if source == Source::Twilio {
        let hash = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
        url = format!("{url}?bodySHA256={}", hex::encode(hash));
    }
    let kind = [("content-type", "application/json")];
    Delivery::new(source, "POST", &url, kind, body)
}

/// Twilio's verdict with one auth token.
pub(crate) fn twilio(delivery: Delivery, token: &str) -> Result<Verified<Delivery>, VerificationError> {
    verify(delivery, &Auth::Twilio, &[secret(token)], now())
}

/// Signed as the provider does by default, and verified.
pub(crate) fn verified(delivery: Delivery) -> Verified<Delivery> {
    let auth = Auth::default_of(delivery.source());
    let key = secret("a-secret-of-this-test");
    let signed = sign(delivery, &auth, &key, "msg_1", now()).unwrap();
    verify(signed, &auth, &[key], now()).unwrap()
}

pub(crate) fn recorded(delivery: Delivery) -> Verified<Recorded> {
    let records = redact(&verified(delivery), Zone::default()).unwrap();
    assert!(!records.is_list);
    records.each.into_iter().next().unwrap()
}

/// The events of a list.
pub(crate) fn listed(delivery: Delivery) -> Vec<Event> {
    let records = redact(&verified(delivery), Zone::default()).unwrap();
    assert!(records.is_list);
    records.each.iter().map(parse).collect()
}

/// The event of a form as Twilio posts it.
pub(crate) fn twilio_event(body: &str) -> Event {
    parse(&recorded(form(
        "https://hooks.example.com/webhooks/twilio",
        "",
        body,
    )))
}

pub(crate) fn vapi_event(body: &Value) -> Event {
    parse(&recorded(json(Source::Vapi, body)))
}

pub(crate) fn make_event(body: &Value) -> Event {
    parse(&recorded(json(Source::Make, body)))
}

pub(crate) fn tenants(event: &Event) -> Vec<&str> {
    event.tenant_numbers().map(PhoneNumber::as_str).collect()
}

pub(crate) fn customer(event: &Event) -> Option<&str> {
    event.customer_number().map(PhoneNumber::as_str)
}

/// Tenant, customer, dedupe key, type.
#[track_caller]
pub(crate) fn assert_sides(event: &Event, key: &str, event_type: &str) {
    assert_eq!(tenants(event), [TENANT], "tenant");
    assert_eq!(customer(event), Some(CUSTOMER), "customer");
    assert_eq!(event.dedupe_key, key);
    assert_eq!(event.event_type, event_type);
}
