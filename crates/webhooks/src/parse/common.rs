//! What readers of payloads have in common.

use ring::digest;
use serde_json::Value;

use crate::event::{CallIds, Event, Kind};
use crate::source::Source;

/// The member that marks a signed sample.
pub(crate) const SAMPLE: &str = "mako_sample";
/// The member that says in which zone a record's dates without one are; UTC if it isn't there.
pub(crate) const ZONE: &str = "mako_timezone";

/// An event of which only the type is known yet.
pub(crate) fn event(source: Source, event_type: impl Into<String>, dedupe_key: String) -> Event {
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
pub(crate) fn contents_key(source: Source, payload: &Value) -> String {
    // `serde_json` writes members in the order of their names.
    let hash = digest::digest(&digest::SHA256, payload.to_string().as_bytes());
    format!("{source}:sha256:{}", hex::encode(hash))
}
