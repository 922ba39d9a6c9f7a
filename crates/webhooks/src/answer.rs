//! What the provider hears.

use serde_json::Value;

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
