//! What providers send: real shapes, signed as they sign, posted to the service.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use webhooks::{Auth, Delivery, Secret, Source};

use crate::people::Person;
use crate::service::{Answer, Service};

/// What providers were told; nothing listens there, the service only signs and compares with it.
pub const BASE_URL: &str = "https://hooks.example.com/crm";
/// Twilio's auth token in tests.
pub const TWILIO_AUTH_TOKEN: &str = "twilio-auth-token-of-the-tests-0";
/// Vapi's secret in tests.
pub const VAPI_SECRET: &str = "vapi-secret-of-the-tests";
/// Make's key in tests.
pub const MAKE_API_KEY: &str = "make-api-key-of-the-tests";

/// The settings of a service that takes webhooks.
pub const SETTINGS: [(&str, &str); 4] = [
    ("PUBLIC_BASE_URL", BASE_URL),
    ("TWILIO_AUTH_TOKEN", TWILIO_AUTH_TOKEN),
    ("VAPI_SECRET", VAPI_SECRET),
    ("MAKE_API_KEY", MAKE_API_KEY),
];

/// Each tenant's verified number.
pub const NUMBERS: [(Person, &str); 2] = [(Person::Alice, "+15005550001"), (Person::Bob, "+15005550002")];

/// Both tenants, each with a verified number.
pub const TENANTS: &str = "
    insert into users (id, email, password) values
      ('a11ce000-0000-4000-8000-000000000001', 'alice@example.com', '!'), ('b0b00000-0000-4000-8000-000000000002', 'bob@example.com', '!');
    insert into user_phone_numbers (user_id, phone, verified_at) values
      ('a11ce000-0000-4000-8000-000000000001', '+15005550001', now()), ('b0b00000-0000-4000-8000-000000000002', '+15005550002', now())";

/// The platform's secret of a source.
#[must_use]
pub fn platform_secret(source: Source) -> &'static str {
    match source {
        Source::Twilio => TWILIO_AUTH_TOKEN,
        Source::Vapi => VAPI_SECRET,
        Source::Make => MAKE_API_KEY,
    }
}

/// A form of Twilio's.
#[must_use]
pub fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut body = url_form();
    for (name, value) in pairs {
        body.append_pair(name, value);
    }
    body.finish().into_bytes()
}

fn url_form() -> form_urlencoded::Serializer<'static, String> {
    form_urlencoded::Serializer::new(String::new())
}

/// An inbound message.
#[must_use]
pub fn sms(sid: &str, from: &str, to: &str, body: &str) -> Vec<u8> {
    form(&[
        ("MessageSid", sid),
        ("SmsStatus", "received"),
        ("AccountSid", "AC1"),
        ("From", from),
        ("To", to),
        ("Body", body),
        ("NumMedia", "0"),
    ])
}

/// A status of an inbound call.
#[must_use]
pub fn call(sid: &str, status: &str, from: &str, to: &str, sequence: u32) -> Vec<u8> {
    let (sequence, duration) = (sequence.to_string(), "42");
    let mut pairs = vec![
        ("CallSid", sid),
        ("CallStatus", status),
        ("AccountSid", "AC1"),
        ("Direction", "inbound"),
        ("From", from),
        ("To", to),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", &sequence),
    ];
    if status == "completed" {
        pairs.push(("CallDuration", duration));
    }
    form(&pairs)
}

/// Vapi's report of an ended call.
#[must_use]
pub fn report(id: &str, call_sid: Option<&str>, from: &str, to: &str, summary: &str) -> Value {
    json!({"message": {
        "type": "end-of-call-report",
        "endedReason": "customer-ended-call",
        "durationSeconds": 61.4,
        "analysis": {"summary": summary},
        "artifact": {"recordingUrl": format!("https://storage.example.com/{id}.wav")},
        "call": {"id": id, "type": "inboundPhoneCall", "phoneCallProviderId": call_sid},
        "phoneNumber": {"number": to},
        "customer": {"number": from},
    }})
}

/// Signs a delivery of a source for an address below [`BASE_URL`].
#[must_use]
pub fn signed(source: Source, path: &str, body: impl Into<Vec<u8>>, secret: &str) -> Delivery {
    let kind = match source {
        Source::Twilio if !path.contains("bodySHA256=") => "application/x-www-form-urlencoded",
        _ => "application/json",
    };
    let delivery = Delivery::new(
        source,
        "POST",
        &format!("{BASE_URL}{path}"),
        [("content-type", kind)],
        body,
    );
    let secret = Secret::new(secret.to_owned()).expect("a secret");
    #[expect(clippy::disallowed_methods, reason = "signed at the real time")]
    let now = chrono::Utc::now();
    webhooks::sign(delivery, &Auth::default_of(source), &secret, "msg_1", now).expect("it can be signed")
}

/// A delivery to the platform's address, rightly signed.
#[must_use]
pub fn platform(source: Source, body: impl Into<Vec<u8>>) -> Delivery {
    signed(
        source,
        &format!("/webhooks/{source}"),
        body,
        platform_secret(source),
    )
}

/// What Event Streams posts to the platform's address: CloudEvents, each of a type below `com.twilio.` with its data.
#[must_use]
pub fn streamed(events: &[(&str, Value)]) -> Delivery {
    let list: Vec<Value> = events
        .iter()
        .enumerate()
        .map(|(n, (kind, data))| {
            json!({"specversion": "1.0", "type": format!("com.twilio.{kind}"), "source": "AB1",
                "id": format!("EZ{n}"), "data": data})
        })
        .collect();
    let body = Value::from(list).to_string();
    let hash = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    let hash = hash
        .as_ref()
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let path = format!("/webhooks/twilio?bodySHA256={hash}");
    signed(Source::Twilio, &path, body, TWILIO_AUTH_TOKEN)
}

/// Posts a delivery to the service as its provider would, behind a proxy that keeps the path.
pub async fn post(service: &Service, delivery: &Delivery) -> Answer {
    Answer::of(request(delivery, |path| service.request(Method::POST, path))).await
}

/// The request of a delivery, made of one to its path.
pub fn request(delivery: &Delivery, to: impl FnOnce(&str) -> RequestBuilder) -> RequestBuilder {
    let path = delivery.url().strip_prefix(BASE_URL).expect("below the base");
    let empty = to(path).body(delivery.body().to_vec());
    delivery
        .headers()
        .fold(empty, |request, (name, value)| request.header(name, value))
}
