//! Makes events of payloads.

mod make;
mod twilio;
mod twilio_stream;
mod vapi;
mod vapi_report;

use identity::Verified;
use ring::digest;
use serde_json::Value;

use crate::event::{CallIds, Event, Kind, RoutingHint};
use crate::json;
use crate::leads::cut;
use crate::redact::Recorded;
use crate::source::Source;

/// Longest event type, in characters.
const EVENT_TYPE: usize = 100;
/// Longest dedupe key, in characters: the CHECK on `webhook_events`.
const DEDUPE_KEY: usize = 200;
/// The member that marks a signed sample.
pub(crate) const SAMPLE: &str = "mako_sample";
/// The member that says in which zone a record's dates without one are; UTC if it isn't there.
pub(crate) const ZONE: &str = "mako_timezone";

/// Tells what happened, to whom and for which number. Everything can be told: what isn't known is
/// [`Kind::Other`].
#[must_use]
pub fn parse(recorded: &Verified<Recorded>) -> Event {
    let payload = recorded.get().payload();
    let mut event = match recorded.get().source() {
        Source::Twilio => twilio::parse(payload),
        Source::Vapi => vapi::parse(payload),
        Source::Make => make::parse(payload),
    };
    event.event_type = cut(&event.event_type, EVENT_TYPE).to_owned();
    event.dedupe_key = bounded(event.dedupe_key);
    bound_names(&mut event);
    event.is_sample = json::text(payload, &[SAMPLE]).is_some();
    event
}

/// An event of which only the type is known yet.
fn event(source: Source, event_type: impl Into<String>, dedupe_key: String) -> Event {
    Event {
        source,
        event_type: event_type.into(),
        dedupe_key,
        hints: Vec::new(),
        customer: None,
        account: None,
        call: CallIds::default(),
        occurred_at: None,
        is_sample: false,
        kind: Kind::Other,
    }
}

/// The key of an event that has no name: the same contents are the same event.
fn contents_key(source: Source, payload: &Value) -> String {
    // `serde_json` writes members in the order of their names.
    let hash = digest::digest(&digest::SHA256, payload.to_string().as_bytes());
    format!("{source}:sha256:{}", hex::encode(hash))
}

/// Names that providers give calls and messages are short; a long one is cut like a key, and still tells them apart.
/// Columns and indexes hold no more.
fn bound_names(event: &mut Event) {
    let bound = |name: &mut String| *name = bounded(std::mem::take(name));
    let calls = [&mut event.call.provider, &mut event.call.vapi];
    calls.into_iter().flatten().for_each(bound);
    for hint in &mut event.hints {
        match hint {
            RoutingHint::Call(name)
            | RoutingHint::MessagingService(name)
            | RoutingHint::VapiNumber(name)
            | RoutingHint::VapiAssistant(name) => bound(name),
            RoutingHint::Number(_) => {}
        }
    }
    match &mut event.kind {
        Kind::Call(call) => call.parent.iter_mut().for_each(bound),
        Kind::Recording(recording) => bound(&mut recording.sid),
        Kind::Message(message) => bound(&mut message.sid),
        Kind::MessageStatus(change) => bound(&mut change.sid),
        Kind::CallReport(_) | Kind::Question(_) | Kind::Automation(_) | Kind::Other => {}
    }
}

/// A key that fits its column: one that is too long keeps its beginning and ends in its hash.
fn bounded(key: String) -> String {
    let key = if key.contains('\0') {
        key.replace('\0', "\u{fffd}")
    } else {
        key
    };
    if key.chars().count() <= DEDUPE_KEY {
        return key;
    }
    let hash = hex::encode(digest::digest(&digest::SHA256, key.as_bytes()));
    format!("{}:{hash}", cut(&key, DEDUPE_KEY - hash.len() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_cut_and_stays_distinct() {
        let (one, other) = (bounded("ü".repeat(300) + "1"), bounded("ü".repeat(300) + "2"));
        assert_eq!(one.chars().count(), DEDUPE_KEY);
        assert_ne!(one, other);
        assert_eq!(bounded("short".into()), "short");
    }
}
