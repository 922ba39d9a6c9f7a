//! Makes events of payloads.

mod common;

use identity::Verified;
use ring::digest;

use crate::event::{Event, Kind, RoutingHint};
use crate::json;
use crate::leads::cut;
use crate::providers;
use crate::redact::Recorded;

pub(crate) use common::{SAMPLE, ZONE, contents_key, event};

/// Longest event type, in characters.
const EVENT_TYPE: usize = 100;
/// Longest dedupe key, in characters: the CHECK on `webhook_events`.
const DEDUPE_KEY: usize = 200;

/// Tells what happened, to whom and for which number. Everything can be told: what isn't known is
/// [`Kind::Other`].
#[must_use]
pub fn parse(recorded: &Verified<Recorded>) -> Event {
    let payload = recorded.get().payload();
    let mut event = providers::of(recorded.get().source()).parse(payload);
    event.event_type = cut(&event.event_type, EVENT_TYPE).to_owned();
    event.dedupe_key = bounded(event.dedupe_key);
    bound_names(&mut event);
    event.is_sample = json::text(payload, &[SAMPLE]).is_some();
    event
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
