//! Vapi: voice assistants, which report calls and ask during them.

mod parse;
mod report;
mod secrets;
mod verify;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Freshness};
use crate::auth::{Auth, VapiAuth};
use crate::bad_auth::BadAuth;
use crate::delivery::Delivery;
use crate::event::{Event, Kind, Question};
use crate::number::PhoneNumber;
use crate::parse::SAMPLE;
use crate::provider::{Provider, SAMPLE_CUSTOMER};
use crate::secret::Secret;
use crate::verify::VerificationError;

/// Events that come by the dozen during a call, of which nothing ever comes.
const CHATTER: [&str; 8] = [
    "conversation-update",
    "speech-update",
    "model-output",
    "voice-input",
    "transcript",
    "user-interrupted",
    "language-change-detected",
    "assistant.speechStarted",
];

pub(crate) struct Vapi;

impl Provider for Vapi {
    fn default_auth(&self) -> Auth {
        Auth::Vapi(VapiAuth::default())
    }

    fn read_auth(&self, settings: &Value) -> Result<Auth, BadAuth> {
        let auth = VapiAuth::deserialize(settings).map_err(|error| BadAuth::unreadable(&error))?;
        let has_more = settings.as_object().is_some_and(|members| members.len() > 1);
        if has_more && auth == VapiAuth::Secret {
            return Err(BadAuth::no_settings());
        }
        Ok(Auth::Vapi(auth))
    }

    fn check(
        &self,
        delivery: &Delivery,
        auth: &Auth,
        secrets: &[Secret],
        now: DateTime<Utc>,
    ) -> Result<(), VerificationError> {
        match auth {
            Auth::Vapi(auth) => verify::check(delivery, auth, secrets, now),
            _ => Err(VerificationError::NotConfigured),
        }
    }

    fn sends_json_only(&self) -> bool {
        true
    }

    fn kept(&self, name: &str, value: Value) -> Option<Value> {
        secrets::kept(name, value)
    }

    fn parse(&self, payload: &Value) -> Event {
        parse::parse(payload)
    }

    fn is_chatter(&self, event_type: &str) -> bool {
        CHATTER.contains(&event_type)
    }

    /// Questions get a true answer that lets the call go on: there are no assistants or tools here.
    fn answer(&self, event: &Event, _freshness: Freshness) -> Answer {
        match &event.kind {
            Kind::Question(question) => Answer::Json(answer_to(question)),
            _ => Answer::Ok,
        }
    }

    fn answer_to_list(&self, _events: &[(Event, Freshness)]) -> Answer {
        Answer::Ok
    }

    fn answer_unread(&self) -> Answer {
        Answer::Ok
    }

    /// An end-of-call report.
    fn sample(&self, tenant: &PhoneNumber, id: &str, now: DateTime<Utc>) -> (&'static str, String) {
        let began = now - TimeDelta::seconds(30);
        let body = json!({
            SAMPLE: true,
            "message": {
                "type": "end-of-call-report",
                "timestamp": now.timestamp_millis(),
                "startedAt": began.to_rfc3339_opts(SecondsFormat::Millis, true),
                "endedAt": now.to_rfc3339_opts(SecondsFormat::Millis, true),
                "endedReason": "customer-ended-call",
                "analysis": {"summary": "A test call from Mako"},
                "call": {"id": id, "type": "inboundPhoneCall"},
                "phoneNumber": {"number": tenant.as_str()},
                "customer": {"number": SAMPLE_CUSTOMER},
            }
        });
        ("application/json", body.to_string())
    }

    fn sign(&self, delivery: Delivery, auth: &Auth, secret: &Secret) -> Option<Delivery> {
        Some(match auth {
            Auth::Vapi(VapiAuth::Bearer { header, prefix: true }) => {
                delivery.with_header(header, &format!("Bearer {}", secret.text()))
            }
            Auth::Vapi(VapiAuth::Bearer {
                header,
                prefix: false,
            }) => delivery.with_header(header, secret.text()),
            _ => delivery.with_header(verify::SECRET, secret.text()),
        })
    }
}

/// docs.vapi.ai/server-url/events: the shapes that each question wants.
fn answer_to(question: &Question) -> Value {
    match question {
        // Spoken to the caller.
        Question::Assistant => json!({"error": "Sorry, nobody can take this call at the moment."}),
        Question::ToolCalls(calls) => {
            let results: Vec<Value> = calls
                .iter()
                .map(|call| json!({"toolCallId": call.id, "name": call.name.as_deref().unwrap_or_default(), "error": "This tool is not served here."}))
                .collect();
            json!({ "results": results })
        }
        Question::TransferDestination => json!({"error": "There is nobody to transfer this call to."}),
        Question::KnowledgeBase => json!({"documents": []}),
        Question::Other => json!({}),
    }
}
