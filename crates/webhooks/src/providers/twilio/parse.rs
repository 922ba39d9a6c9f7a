//! Reads what Twilio says.
//!
//! Sources: twilio.com/docs/messaging/guides/webhook-request, /track-outbound-message-status,
//! /voice/twiml#request-parameters, /voice/api/call-resource#statuscallback, /voice/api/recording.

use serde_json::Value;

use super::stream;
use crate::event::{
    Call, CallIds, Customer, Direction, Event, Kind, Media, Message, MessageChange, OptOut, Recording,
    RoutingHint,
};
use crate::parse::{contents_key, event};
use crate::party::{Channel, Party};
use crate::source::Source;
use crate::status::{CallStatus, MessageStatus, RecordingStatus};
use crate::{json, leads};

/// Twilio's limit is ten; a form may claim anything.
const MOST_MEDIA: usize = 100;
/// Longest address that `call_logs.recording_url` holds.
const LONGEST_URL: usize = 2048;
/// A whole message that is one of these unsubscribes its sender, in SMS.
const STOP_WORDS: [&str; 8] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
];
/// The two ends of a call, and their older names.
const CALLER: [&str; 2] = ["From", "Caller"];
const CALLED: [&str; 2] = ["To", "Called"];

pub(super) fn parse(payload: &Value) -> Event {
    match stream::Streamed::read(payload) {
        Some(streamed) => match streamed.callback.as_ref().and_then(callback) {
            Some(event) => event,
            None => event(Source::Twilio, streamed.event_type, streamed.dedupe_key),
        },
        None => callback(payload)
            .unwrap_or_else(|| event(Source::Twilio, "other", contents_key(Source::Twilio, payload))),
    }
}

/// What a callback's form says.
fn callback(payload: &Value) -> Option<Event> {
    let mut event = recording(payload)
        .or_else(|| message(payload))
        .or_else(|| call(payload))?;
    event.account = text(payload, "AccountSid");
    event.occurred_at = json::time(payload, &["Timestamp", "RecordingStartTime"]);
    Some(event)
}

/// A callback about a recording names its call only, which tells whose it is; an app that hands one on, such as a
/// voicemail's, may name both ends.
fn recording(payload: &Value) -> Option<Event> {
    let sid = text(payload, "RecordingSid")?;
    let status = RecordingStatus::parse(&text(payload, "RecordingStatus")?)?;
    let word = status.as_str();
    let mut event = event(
        Source::Twilio,
        format!("recording.{word}"),
        format!("twilio:rec:{sid}:{word}"),
    );
    event.call = call_ids(payload);
    if text(payload, "Direction").is_some() {
        take_sides(&mut event, payload, direction(payload));
    } else {
        // Either may be the tenant's.
        event.hints = [CALLED, CALLER]
            .into_iter()
            .filter_map(|names| first_number(payload, names))
            .collect();
    }
    event
        .hints
        .extend(event.call.provider.iter().cloned().map(RoutingHint::Call));
    event.kind = Kind::Recording(Recording {
        sid,
        status,
        url: url(payload, "RecordingUrl"),
        duration: json::number(payload, &["RecordingDuration"]).and_then(json::seconds),
    });
    Some(event)
}

fn message(payload: &Value) -> Option<Event> {
    let sid = json::text(payload, &["MessageSid", "SmsSid", "SmsMessageSid"])?;
    let word = json::text(payload, &["MessageStatus", "SmsStatus"]).map(|word| word.to_ascii_lowercase());
    match word.as_deref() {
        None | Some("received" | "receiving") => Some(inbound(payload, sid)),
        Some(word) => Some(fate(payload, sid, word)),
    }
}

/// To the tenant, from the customer.
fn inbound(payload: &Value, sid: String) -> Event {
    let mut event = event(Source::Twilio, "message.received", format!("twilio:msg:in:{sid}"));
    event.call = message_ids(&sid);
    event.hints = number(payload, "To")
        .into_iter()
        .chain(messaging_service(payload))
        .collect();
    event.customer = customer(payload, "From", text(payload, "ProfileName").as_deref());
    event.kind = Kind::Message(Message {
        sid,
        body: raw(payload, "Body"),
        media: media(payload),
        opt_out: opt_out(payload),
    });
    event
}

/// What Twilio has made of the message, if it says so: only callbacks of a service with Advanced Opt-Out do. Without it
/// the words are those by which Twilio itself stops messages to a number
/// (help.twilio.com, "Twilio support for opt-out keywords").
fn opt_out(payload: &Value) -> Option<OptOut> {
    match text(payload, "OptOutType").as_deref() {
        Some("STOP") => return Some(OptOut::Stop),
        Some("START") => return Some(OptOut::Start),
        Some("HELP") => return Some(OptOut::Help),
        _ => {}
    }
    let (channel, _) = Party::read(&text(payload, "From")?)?;
    let word = raw(payload, "Body").trim().to_ascii_uppercase();
    (channel == Channel::Phone && STOP_WORDS.contains(&word.as_str())).then_some(OptOut::Stop)
}

/// From the tenant, to the customer. `To` may be missing, and `From` may be a messaging service's choice. A
/// status that we don't know is still one, and not a message from the tenant to itself.
fn fate(payload: &Value, sid: String, word: &str) -> Event {
    let error_code = text(payload, "ErrorCode");
    let code = error_code.as_deref().unwrap_or("-");
    let key = format!("twilio:msg:status:{sid}:{word}:{code}");
    let mut event = event(Source::Twilio, format!("message.{word}"), key);
    // Of a message sent by a service only some of its statuses name the number.
    event.hints = number(payload, "From")
        .into_iter()
        .chain(messaging_service(payload))
        .chain([RoutingHint::Call(sid.clone())])
        .collect();
    event.call = message_ids(&sid);
    event.customer = customer(payload, "To", None);
    if let Some(status) = MessageStatus::parse(word) {
        event.kind = Kind::MessageStatus(MessageChange {
            sid,
            status,
            error_code,
            error_message: json::text(payload, &["ErrorMessage", "ChannelStatusMessage"]),
        });
    }
    event
}

fn call(payload: &Value) -> Option<Event> {
    let sid = text(payload, "CallSid")?;
    let status = CallStatus::parse(&text(payload, "CallStatus")?)?;
    let direction = direction(payload);
    // Callbacks say that they are ones, or come when it is too late for TwiML.
    let sequence = text(payload, "SequenceNumber");
    let is_callback = sequence.is_some() || text(payload, "CallbackSource").is_some() || status.is_final();
    let wants_twiml = !is_callback && !matches!(status, CallStatus::Initiated);
    let word = status.as_str();
    let key = if wants_twiml && direction == Direction::Inbound {
        format!("twilio:call:in:{sid}")
    } else {
        format!(
            "twilio:call:status:{sid}:{word}:{}",
            sequence.as_deref().unwrap_or("-")
        )
    };
    let mut event = event(Source::Twilio, format!("call.{word}"), key);
    event.call = call_ids(payload);
    take_sides(&mut event, payload, direction);
    event.kind = Kind::Call(Call {
        direction,
        status,
        wants_twiml,
        parent: text(payload, "ParentCallSid"),
        ended_reason: None,
        // `Duration` is in minutes, for the bill.
        duration: json::number(payload, &["CallDuration"]).and_then(json::seconds),
        recording_url: url(payload, "RecordingUrl"),
    });
    Some(event)
}

/// Which end of a call is the tenant's and which the customer's.
fn take_sides(event: &mut Event, payload: &Value, direction: Direction) {
    match direction {
        Direction::Outbound => {
            event.hints = first_number(payload, CALLER).into_iter().collect();
            event.customer = first_customer(payload, CALLED, None);
        }
        // The caller id shown may be the customer's number, and the target the tenant's staff.
        Direction::Leg => {
            event.hints = text(payload, "ParentCallSid")
                .into_iter()
                .map(RoutingHint::Call)
                .collect();
        }
        Direction::Inbound | Direction::Web => {
            // Calls to the tenant's own line that were forwarded to Twilio.
            event.hints = first_number(payload, CALLED)
                .into_iter()
                .chain(number(payload, "ForwardedFrom"))
                .collect();
            event.customer = first_customer(payload, CALLER, text(payload, "CallerName").as_deref());
        }
    }
}

/// Which way a call went. Twilio says `inbound` of every call that comes to *it*, also of one that the tenant's own app or
/// telephone makes (twilio.com/docs/voice/twiml#request-parameters): then `To` is who was dialled, not whose call it is.
fn direction(payload: &Value) -> Direction {
    match text(payload, "Direction").as_deref() {
        Some("outbound-dial") => Direction::Leg,
        Some("outbound-api" | "trunking-terminating") => Direction::Outbound,
        Some(other) if other.starts_with("outbound") => Direction::Outbound,
        _ if text(payload, "ParentCallSid").is_some() => Direction::Leg,
        _ if is_tenants_equipment(payload) => Direction::Outbound,
        _ => Direction::Inbound,
    }
}

/// Whether the caller is a client of the Voice SDK or a SIP user: only an account's own get as far as Twilio.
fn is_tenants_equipment(payload: &Value) -> bool {
    let caller = CALLER.into_iter().find_map(|name| text(payload, name));
    caller
        .and_then(|caller| Party::read(&caller))
        .is_some_and(|(channel, _)| matches!(channel, Channel::Client | Channel::Sip))
}

fn media(payload: &Value) -> Vec<Media> {
    let count = json::number(payload, &["NumMedia"])
        .and_then(json::seconds)
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(0);
    (0..count.min(MOST_MEDIA))
        .filter_map(|i| {
            Some(Media {
                url: text(payload, &format!("MediaUrl{i}"))?,
                content_type: text(payload, &format!("MediaContentType{i}")),
            })
        })
        .collect()
}

fn call_ids(payload: &Value) -> CallIds {
    CallIds {
        provider: text(payload, "CallSid"),
        vapi: None,
    }
}

fn message_ids(sid: &str) -> CallIds {
    CallIds {
        provider: Some(sid.to_owned()),
        vapi: None,
    }
}

fn messaging_service(payload: &Value) -> Option<RoutingHint> {
    text(payload, "MessagingServiceSid").map(RoutingHint::MessagingService)
}

fn number(payload: &Value, name: &str) -> Option<RoutingHint> {
    match Party::read(&text(payload, name)?)?.1 {
        Party::Number(number) => Some(RoutingHint::Number(number)),
        Party::Withheld | Party::Named(_) => None,
    }
}

fn first_number(payload: &Value, names: [&str; 2]) -> Option<RoutingHint> {
    names.into_iter().find_map(|name| number(payload, name))
}

fn customer(payload: &Value, name: &str, known_as: Option<&str>) -> Option<Customer> {
    let (channel, party) = Party::read(&text(payload, name)?)?;
    Some(Customer {
        party,
        channel,
        name: known_as.map(|name| leads::cut(name, 200).to_owned()),
        email: None,
    })
}

fn first_customer(payload: &Value, names: [&str; 2], known_as: Option<&str>) -> Option<Customer> {
    names
        .into_iter()
        .find_map(|name| customer(payload, name, known_as))
}

fn url(payload: &Value, name: &str) -> Option<String> {
    text(payload, name).filter(|url| url.len() <= LONGEST_URL)
}

fn text(payload: &Value, name: &str) -> Option<String> {
    json::text(payload, &[name])
}

/// A text as it was sent, blanks and all.
fn raw(payload: &Value, name: &str) -> String {
    let value = payload.get(name);
    // A name that came twice: the first counts.
    let first = value.and_then(|value| value.get(0)).or(value);
    first.and_then(Value::as_str).unwrap_or_default().to_owned()
}
