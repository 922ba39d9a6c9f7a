//! What the provider hears.

use serde_json::{Value, json};

use crate::event::{Event, Kind, Question};
use crate::source::Source;

/// TwiML without a verb: nothing is sent back, nothing is said.
const EMPTY_TWIML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

/// The answer to a verified delivery that was recorded. All are successes: a provider that hears an error
/// does not try again (Twilio, Vapi), or stops the tenant's scenario (Make).
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// 200 `text/xml`, empty TwiML. Twilio would send `text/plain` to the customer as a message.
    EmptyTwiml,
    /// 204.
    NoContent,
    /// 200 `application/json`.
    Json(Value),
    /// 200 without a body.
    Ok,
}

/// Whether an event is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It was recorded now.
    First,
    /// It had been recorded before.
    Duplicate,
}

impl Answer {
    /// The answer that fits an event. A duplicate hears the same as the first, but for Make, where
    /// `{"status":"duplicate"}` is for the scenario's author to see.
    ///
    /// Questions of Vapi's get a true answer that lets the call go on: there are no assistants or tools here.
    /// A call whose `VoiceUrl` points here is hung up by empty TwiML, as by any answer that isn't a menu.
    #[must_use]
    pub fn to(event: &Event, standing: Freshness) -> Self {
        match (&event.kind, event.source) {
            (Kind::Question(question), _) => Self::Json(answer_to(question)),
            (Kind::Message(_), Source::Twilio) => Self::EmptyTwiml,
            (Kind::Call(call), Source::Twilio) if call.wants_twiml => Self::EmptyTwiml,
            (_, Source::Twilio) => Self::NoContent,
            (_, Source::Vapi) => Self::Ok,
            (_, Source::Make) => Self::Json(for_author(event, standing)),
        }
    }

    /// The answer to a list of events, in its order. Make hears of each, and `duplicate` of the whole if none is new.
    #[must_use]
    pub fn to_list(source: Source, events: &[(Event, Freshness)]) -> Self {
        match source {
            Source::Twilio => Self::NoContent,
            Source::Vapi => Self::Ok,
            Source::Make => {
                let old = !events.is_empty()
                    && events
                        .iter()
                        .all(|(_, standing)| *standing == Freshness::Duplicate);
                let whole = if old {
                    Freshness::Duplicate
                } else {
                    Freshness::First
                };
                let each = events
                    .iter()
                    .map(|(event, standing)| for_author(event, *standing));
                Self::Json(json!({"status": word(whole), "events": each.collect::<Vec<_>>()}))
            }
        }
    }

    /// 200 or 204.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::NoContent => 204,
            Self::EmptyTwiml | Self::Json(_) | Self::Ok => 200,
        }
    }

    /// The content type, if there is a body.
    #[must_use]
    pub fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::EmptyTwiml => Some("text/xml"),
            Self::Json(_) => Some("application/json"),
            Self::NoContent | Self::Ok => None,
        }
    }

    /// The body; empty if there is none.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::EmptyTwiml => EMPTY_TWIML.into(),
            Self::Json(value) => value.to_string(),
            Self::NoContent | Self::Ok => String::new(),
        }
    }
}

/// What the author of a scenario sees of an event.
fn for_author(event: &Event, standing: Freshness) -> Value {
    json!({"status": word(standing), "dedupe_key": event.dedupe_key})
}

fn word(standing: Freshness) -> &'static str {
    match standing {
        Freshness::First => "received",
        Freshness::Duplicate => "duplicate",
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
