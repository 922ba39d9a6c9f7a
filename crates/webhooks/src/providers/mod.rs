//! The providers, a folder each, and what is asked of them by source.
//!
//! A new one is a file here that says what [`Provider`] asks, a line below, a line in `source.rs` and its ways of
//! authenticating in `auth.rs`.

mod make;
mod twilio;
mod vapi;

use serde_json::Value;

use crate::answer::{Answer, Freshness};
use crate::auth::Auth;
use crate::bad_auth::BadAuth;
use crate::event::Event;
use crate::provider::Provider;
use crate::source::Source;

/// The provider of a source.
pub(crate) fn of(source: Source) -> &'static dyn Provider {
    match source {
        Source::Twilio => &twilio::Twilio,
        Source::Vapi => &vapi::Vapi,
        Source::Make => &make::Make,
    }
}

impl Source {
    /// Whether dates may come without a zone, so that an endpoint has one for them.
    #[must_use]
    pub fn may_lack_zone(self) -> bool {
        of(self).may_lack_zone()
    }

    /// Bytes that a delivery may have, where that is less than any request may.
    #[must_use]
    pub fn body_limit(self) -> Option<usize> {
        of(self).body_limit()
    }
}

impl Auth {
    /// What a source uses when nothing was configured, as on the platform's addresses.
    #[must_use]
    pub fn default_of(source: Source) -> Self {
        of(source).default_auth()
    }

    /// Reads a configuration; null and `{}` are the default.
    ///
    /// # Errors
    /// [`BadAuth`] for unknown names or ways, headers that can't be names, a format without the body, one
    /// that needs an id and names no header for it, a tolerance beyond a day.
    pub fn from_json(source: Source, value: &Value) -> Result<Self, BadAuth> {
        if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(Self::default_of(source));
        }
        of(source).read_auth(value)?.checked()
    }
}

impl Event {
    /// Whether it is one of the many that a call makes while it lasts, and that change nothing.
    #[must_use]
    pub fn is_chatter(&self) -> bool {
        let word = self.event_type.split('[').next().unwrap_or_default();
        of(self.source).is_chatter(word)
    }
}

impl Answer {
    /// The answer that fits an event. A duplicate hears the same as the first, but for Make, where
    /// `{"status":"duplicate"}` is for the scenario's author to see.
    #[must_use]
    pub fn to(event: &Event, freshness: Freshness) -> Self {
        of(event.source).answer(event, freshness)
    }

    /// The answer to a list of events, in its order. Make hears of each, and `duplicate` of the whole if none is new.
    #[must_use]
    pub fn to_list(source: Source, events: &[(Event, Freshness)]) -> Self {
        of(source).answer_to_list(events)
    }

    /// The answer to a delivery that is kept and that nobody has looked at yet.
    #[must_use]
    pub fn to_unread(source: Source) -> Self {
        of(source).answer_unread()
    }
}
