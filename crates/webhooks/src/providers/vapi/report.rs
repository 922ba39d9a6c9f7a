//! Reads what Vapi reports of a call that ended.

use serde_json::Value;

use super::parse;
use crate::event::{CallIds, CallReport, Customer, Direction, Event, Kind, RoutingHint};
use crate::json;
use crate::parse::{contents_key, event};
use crate::party::Party;
use crate::source::Source;
use crate::status::CallStatus;

/// Longest address that `call_logs.recording_url` holds.
const LONGEST_URL: usize = 2048;

/// The members of an `end-of-call-report`, or of the older shape's call. `call` within it is a snapshot from
/// when the call was made, so it is asked last.
pub(super) fn report(message: &Value) -> CallReport {
    let ended_reason = json::text(message, &["endedReason", "call.endedReason"]);
    let started_at = json::time(message, &["startedAt", "call.startedAt"]);
    let ended_at = json::time(message, &["endedAt", "call.endedAt"]);
    let between = || {
        let length = ended_at? - started_at?;
        json::seconds(f64::from(i32::try_from(length.num_milliseconds() / 100).ok()?) / 10.0)
    };
    CallReport {
        direction: parse::direction(message),
        status: ended_reason
            .as_deref()
            .map_or(CallStatus::Completed, CallStatus::of_ended_reason),
        summary: json::text(message, &SUMMARY),
        sentiment: json::text(message, &SENTIMENT),
        success: json::text(message, &SUCCESS),
        transcript: json::text(message, &TRANSCRIPT),
        recording_url: RECORDING
            .into_iter()
            .find_map(|path| json::text(message, &[path]).filter(|url| url.len() <= LONGEST_URL)),
        duration: json::number(message, &DURATION)
            .and_then(json::seconds)
            .or_else(between),
        started_at,
        ended_at,
        cost: json::number(message, &["cost", "call.cost"]),
        ended_reason,
    }
}

const SUMMARY: [&str; 4] = [
    "analysis.summary",
    "summary",
    "call.analysis.summary",
    "call.summary",
];
const SENTIMENT: [&str; 8] = [
    "analysis.structuredData.sentiment",
    "analysis.sentiment",
    "sentiment",
    "artifact.structuredData.sentiment",
    "call.analysis.structuredData.sentiment",
    "call.analysis.sentiment",
    "call.sentiment",
    "call.metadata.sentiment",
];
const SUCCESS: [&str; 2] = ["analysis.successEvaluation", "call.analysis.successEvaluation"];
const TRANSCRIPT: [&str; 4] = [
    "artifact.transcript",
    "transcript",
    "call.artifact.transcript",
    "call.transcript",
];
const RECORDING: [&str; 8] = [
    "artifact.recordingUrl",
    "recordingUrl",
    "artifact.recording.mono.combinedUrl",
    "artifact.stereoRecordingUrl",
    "stereoRecordingUrl",
    "artifact.recording.stereoUrl",
    "call.recordingUrl",
    "call.artifact.recordingUrl",
];
const DURATION: [&str; 5] = [
    "durationSeconds",
    "call.durationSeconds",
    "duration",
    "call.duration",
    "artifact.durationSeconds",
];

/// The shape that the CRM accepts: `call.ended`, or any body with `call.endedAt`; the call is in `call`,
/// `data.call`, `data`, or is the body itself.
pub(super) fn older(payload: &Value) -> Event {
    let word = json::text(payload, &["type", "event", "event_type", "message.event"]).unwrap_or_default();
    let outer = ["message", "data"]
        .into_iter()
        .filter_map(|name| json::at(payload, name))
        .find(|inner| inner.get("call").is_some_and(Value::is_object))
        .unwrap_or(payload);
    let ended = word == "call.ended" || json::at(outer, "call.endedAt").is_some();
    if !ended {
        let word = if word.is_empty() { "other".into() } else { word };
        return event(Source::Vapi, word, contents_key(Source::Vapi, payload));
    }
    // Everything in one object, as `report` reads it: beside `call` first, then in it.
    let message = match outer.get("call") {
        Some(Value::Object(_)) => outer.clone(),
        _ => serde_json::json!({ "call": json::at(payload, "data").unwrap_or(payload) }),
    };
    let mut event = event(Source::Vapi, "call.ended", contents_key(Source::Vapi, payload));
    event.call = CallIds {
        vapi: json::text(&message, &["call.id", "call.callId", "callId", "id"]),
        ..parse::call_ids(&message)
    };
    if let Some(call) = &event.call.vapi {
        event.dedupe_key = format!("vapi:call.ended:{call}");
    }
    let direction = parse::direction(&message);
    event.hints = older_hints(&message, direction);
    event.customer = older_customer(&message, direction);
    event.occurred_at = json::time(&message, &["call.endedAt", "endedAt", "timestamp"]);
    event.kind = Kind::CallReport(Box::new(report(&message)));
    event
}

/// `phoneNumber` is the tenant's if it is an object, and the customer's if it is text.
fn older_hints(message: &Value, direction: Direction) -> Vec<RoutingHint> {
    let mut hints = parse::hints(message);
    let side = match direction {
        Direction::Outbound => ["call.from", "from"],
        _ => ["call.to", "to"],
    };
    let number = side.into_iter().find_map(|path| parse::party(message, path));
    if let Some((_, Party::Number(number))) = number {
        // Behind the numbers that Vapi itself names, before its ids.
        let numbers = hints
            .iter()
            .filter(|hint| matches!(hint, RoutingHint::Number(_)))
            .count();
        hints.insert(numbers, RoutingHint::Number(number));
    }
    hints
}

fn older_customer(message: &Value, direction: Direction) -> Option<Customer> {
    let other_side = match direction {
        Direction::Outbound => ["call.to", "to"],
        _ => ["call.from", "from"],
    };
    let paths = [
        "call.customer.phoneNumber",
        "customer.phoneNumber",
        "call.customer.number",
        "customer.number",
    ];
    let (channel, party) = paths
        .into_iter()
        .chain(other_side)
        .chain(["call.phoneNumber", "phoneNumber"])
        .find_map(|path| parse::party(message, path))?;
    Some(parse::named(message, channel, party))
}
