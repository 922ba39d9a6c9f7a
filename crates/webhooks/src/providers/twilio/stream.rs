//! Reads Twilio's Event Streams: CloudEvents, which say in JSON what callbacks say in forms.
//!
//! Sources: twilio.com/docs/events/event-types/messaging/inbound-message, …/messaging/outbound-message and
//! …/voice/status-callback.

use serde_json::{Map, Value};

use crate::json;

/// A CloudEvent of Twilio's.
pub(super) struct Streamed {
    /// Twilio's word for it.
    pub(super) event_type: String,
    /// Of an event that says nothing that a callback would.
    pub(super) dedupe_key: String,
    /// What a callback would have said, by its names; both have the same key, so that one of them has effects.
    pub(super) callback: Option<Value>,
}

impl Streamed {
    /// None if it isn't a CloudEvent.
    pub(super) fn read(payload: &Value) -> Option<Self> {
        payload.get("specversion")?;
        let event_type = json::text(payload, &["type"])?;
        let id = json::text(payload, &["id"])?;
        Some(Self {
            callback: callback(payload, &event_type),
            dedupe_key: format!("twilio:event:{id}"),
            event_type,
        })
    }
}

fn callback(payload: &Value, event_type: &str) -> Option<Value> {
    let kind = event_type.strip_prefix("com.twilio.")?;
    if kind == "messaging.inbound-message.received" {
        return named(payload.get("data")?, &[("SmsStatus", "received")]);
    }
    if let Some(status) = kind.strip_prefix("messaging.message.") {
        return named(payload.get("data")?, &[("MessageStatus", status)]);
    }
    // The name until 2024 had `webhook.` in it.
    let voice = kind.strip_prefix("voice.")?;
    voice
        .strip_prefix("webhook.")
        .unwrap_or(voice)
        .strip_prefix("status-callback.")?;
    named(
        json::at(payload, "data.request.parameters")?,
        &[("CallbackSource", "event-streams")],
    )
}

/// The members by the names that callbacks give them, and what those say beside them.
fn named(data: &Value, beside: &[(&str, &str)]) -> Option<Value> {
    let mut said: Map<String, Value> = data
        .as_object()?
        .iter()
        .map(|(name, value)| (as_in_callbacks(name), value.clone()))
        .collect();
    for (name, value) in beside {
        said.entry(*name).or_insert_with(|| (*value).into());
    }
    Some(Value::Object(said))
}

/// `messageSid` and `message_sid` are `MessageSid` there.
fn as_in_callbacks(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
        })
        .collect()
}
