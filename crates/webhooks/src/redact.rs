//! Makes the record of a delivery, without secrets.

use std::fmt;

use identity::Verified;
use serde_json::{Map, Value};

use crate::delivery::Delivery;
use crate::provider::Provider;
use crate::source::Source;
use crate::zone::Zone;
use crate::{bound, form, json, providers, scrub};

/// A delivery as `webhook_events` keeps it: who sent it, and its contents without secrets.
///
/// Events are made of this, so that one that waits for its tenant, or is replayed, is the event that was
/// delivered.
#[derive(Clone, PartialEq)]
pub struct Recorded {
    source: Source,
    payload: Value,
}

impl Recorded {
    /// Takes a row over: `webhook_events.source` and `payload`.
    #[must_use]
    pub fn new(source: Source, payload: Value) -> Self {
        Self { source, payload }
    }

    /// Who sent it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The contents, at most 256 KiB of JSON: an object. Personal data.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.payload
    }

    /// The contents, taken out.
    #[must_use]
    pub fn into_payload(self) -> Value {
        self.payload
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What is recorded of a delivery: one event, or a list of them.
#[derive(Clone, Debug)]
pub struct Records {
    /// Whether a list was delivered, if only of one.
    pub is_list: bool,
    /// Each event by itself, in the order of the list, which may be empty.
    pub each: Vec<Verified<Recorded>>,
}

/// Most events of a list: what one request can record in time.
pub const LONGEST_LIST: usize = 500;

/// The body is neither a form nor JSON that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unparsable {
    /// Not JSON, or more than 128 levels deep.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON, but neither an object nor an array.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A list, in which this item (from 1) is no event.
    #[error("item {0} of the list is not a JSON object; nothing of the list was taken")]
    NotAnEvent(usize),
    /// A list with more than [`LONGEST_LIST`] events.
    #[error("the list has more than {LONGEST_LIST} events; nothing of it was taken")]
    TooLong,
    /// Not a form.
    #[error("the body is not a form of names and values")]
    NotAForm,
}

impl Unparsable {
    /// 400 or 413.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLong => 413,
            _ => 400,
        }
    }
}

/// Reads a verified delivery and leaves out what must not be stored: credentials, temporary addresses of
/// recordings, live control of calls, bulk. A form becomes an object, a repeated name an array; for GET it
/// is the query. Of a list each item is an event of its own. What Make hands on without a zone is in `zone`.
///
/// # Errors
/// [`Unparsable`].
pub fn redact(delivery: &Verified<Delivery>, zone: Zone) -> Result<Records, Unparsable> {
    let delivery = delivery.get();
    let provider = providers::of(delivery.source());
    let (is_list, items) = match contents(delivery, provider)? {
        Value::Array(items) => (true, items),
        one => (false, vec![one]),
    };
    if items.len() > LONGEST_LIST {
        return Err(Unparsable::TooLong);
    }
    if let Some(at) = items.iter().position(|item| !item.is_object()) {
        return Err(if is_list {
            Unparsable::NotAnEvent(at + 1)
        } else {
            Unparsable::NotAnObject
        });
    }
    let each = items.into_iter().enumerate().map(|(at, item)| {
        let mut payload = bound::bounded(scrub::without_secrets(provider, item));
        provider.complete(delivery, is_list.then_some(at + 1), zone, &mut payload);
        carry(Recorded::new(delivery.source(), payload))
    });
    Ok(Records {
        is_list,
        each: each.collect(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "what redact, just above, leaves of a verified delivery is as verified"
)]
fn carry(recorded: Recorded) -> Verified<Recorded> {
    Verified::assert_verified(recorded)
}

fn contents(delivery: &Delivery, provider: &dyn Provider) -> Result<Value, Unparsable> {
    if delivery.method() == "GET" {
        let query = delivery.query().unwrap_or_default();
        return Ok(object(form::lenient_pairs(query.as_bytes())));
    }
    let body = delivery.body();
    let looks_like_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    if delivery.is_json() || looks_like_json || provider.sends_json_only() {
        return match provider.empty_json() {
            Some(empty) if body.is_empty() => Ok(empty),
            _ => json::read(body).ok_or(Unparsable::NotJson),
        };
    }
    let pairs = form::pairs(body).ok_or(Unparsable::NotAForm)?;
    Ok(object(pairs))
}

fn object(pairs: Vec<(String, String)>) -> Value {
    let mut members = Map::new();
    for (name, value) in pairs {
        match members.get_mut(&name) {
            None => {
                members.insert(name, Value::String(value));
            }
            Some(Value::Array(values)) => values.push(Value::String(value)),
            Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
        }
    }
    Value::Object(members)
}
