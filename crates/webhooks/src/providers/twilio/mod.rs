//! Twilio: calls, recordings and messages, in forms that it signs.

mod parse;
mod stream;
mod url_forms;
mod verify;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::hmac;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::answer::{Answer, Freshness};
use crate::auth::Auth;
use crate::bad_auth::BadAuth;
use crate::delivery::Delivery;
use crate::event::{Event, Kind};
use crate::form;
use crate::number::PhoneNumber;
use crate::parse::SAMPLE;
use crate::provider::{Provider, SAMPLE_CUSTOMER};
use crate::secret::Secret;
use crate::verify::VerificationError;

pub(crate) struct Twilio;

impl Provider for Twilio {
    fn default_auth(&self) -> Auth {
        Auth::Twilio
    }

    fn read_auth(&self, _settings: &Value) -> Result<Auth, BadAuth> {
        Err(BadAuth("twilio has no auth settings; leave auth out".into()))
    }

    fn check(
        &self,
        delivery: &Delivery,
        auth: &Auth,
        secrets: &[Secret],
        _now: DateTime<Utc>,
    ) -> Result<(), VerificationError> {
        match auth {
            Auth::Twilio => verify::check(delivery, secrets),
            _ => Err(VerificationError::NotConfigured),
        }
    }

    /// Twilio signs an empty JSON body as `{}`.
    fn empty_json(&self) -> Option<Value> {
        Some(Value::Object(Map::new()))
    }

    /// The hash of a JSON body is in the address for the signature alone.
    fn kept(&self, name: &str, value: Value) -> Option<Value> {
        (name != verify::BODY_HASH).then_some(value)
    }

    fn parse(&self, payload: &Value) -> Event {
        parse::parse(payload)
    }

    /// A call whose `VoiceUrl` points here is hung up by empty TwiML, as by any answer that isn't a menu.
    fn answer(&self, event: &Event, _freshness: Freshness) -> Answer {
        match &event.kind {
            Kind::Message(_) => Answer::EmptyTwiml,
            Kind::Call(call) if call.wants_twiml => Answer::EmptyTwiml,
            _ => Answer::NoContent,
        }
    }

    fn answer_to_list(&self, _events: &[(Event, Freshness)]) -> Answer {
        Answer::NoContent
    }

    fn answer_unread(&self) -> Answer {
        Answer::NoContent
    }

    /// Its forms have at most 64 KB; a batch of its event streams may be longer.
    fn body_limit(&self) -> Option<usize> {
        Some(1 << 20)
    }

    /// An inbound message.
    fn sample(&self, tenant: &PhoneNumber, id: &str, _now: DateTime<Utc>) -> (&'static str, String) {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("MessageSid", id)
            .append_pair("SmsSid", id)
            .append_pair("AccountSid", "AC00000000000000000000000000000000")
            .append_pair("SmsStatus", "received")
            .append_pair("From", SAMPLE_CUSTOMER)
            .append_pair("To", tenant.as_str())
            .append_pair("Body", "A test message from Mako")
            .append_pair("NumMedia", "0")
            .append_pair("ApiVersion", "2010-04-01")
            .append_pair(SAMPLE, "true")
            .finish();
        ("application/x-www-form-urlencoded", body)
    }

    /// A secret with an id (a shared key) signs with SHA-256 and says so; JSON bodies need their `bodySHA256` in the
    /// address already.
    fn sign(&self, mut delivery: Delivery, _auth: &Auth, secret: &Secret) -> Option<Delivery> {
        let parameters = if delivery.is_json() || delivery.method() == "GET" {
            String::new()
        } else {
            verify::concatenated(form::pairs(delivery.body())?)
        };
        let algorithm = match secret.id() {
            Some(id) => {
                let settings = format!("key={id},algorithm=HMAC_SHA256");
                delivery = delivery.with_header(verify::SETTINGS, &settings);
                hmac::HMAC_SHA256
            }
            None => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        };
        let text = [delivery.url().as_bytes(), parameters.as_bytes()].concat();
        let code = hmac::sign(&hmac::Key::new(algorithm, secret.bytes()), &text);
        Some(delivery.with_header(verify::SIGNATURE, &STANDARD.encode(code)))
    }
}
