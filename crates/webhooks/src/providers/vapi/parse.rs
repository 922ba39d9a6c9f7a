//! Reads what Vapi says.
//!
//! Sources: npm @vapi-ai/server-sdk 2.0.1 (`ServerMessage`), docs.vapi.ai/server-url/events, and the older
//! shape that the CRM accepts.

use serde_json::Value;

use super::report;
use crate::event::{Call, CallIds, Customer, Direction, Event, Kind, Question, RoutingHint, ToolCall};
use crate::parse::{contents_key, event};
use crate::party::{Channel, Party};
use crate::source::Source;
use crate::status::CallStatus;
use crate::{json, leads};

/// More calls of tools at once are not answered: Vapi sends one or two.
const MOST_TOOL_CALLS: usize = 100;

pub(super) fn parse(payload: &Value) -> Event {
    let Some(message) = payload.get("message").filter(|message| message.is_object()) else {
        return report::older(payload);
    };
    let Some(word) = json::text(message, &["type"]) else {
        return report::older(payload);
    };
    let mut event = event(Source::Vapi, word.clone(), contents_key(Source::Vapi, payload));
    event.call = call_ids(message);
    event.hints = hints(message);
    event.customer = customer(message);
    event.occurred_at = json::time(message, &["timestamp"]);
    event.kind = kind(message, &word);
    if let Some(key) = dedupe_key(message, &event) {
        event.dedupe_key = key;
    }
    event
}

fn kind(message: &Value, word: &str) -> Kind {
    match word {
        "status-update" => status_update(message).map_or(Kind::Other, Kind::Call),
        "end-of-call-report" => Kind::CallReport(Box::new(report::report(message))),
        "assistant-request" => Kind::Question(Question::Assistant),
        "tool-calls" => Kind::Question(Question::ToolCalls(tool_calls(message))),
        "transfer-destination-request" | "handoff-destination-request" => {
            Kind::Question(Question::TransferDestination)
        }
        "knowledge-base-request" => Kind::Question(Question::KnowledgeBase),
        "voice-request" | "call.endpointing.request" | "campaign.predial" | "function-call" => {
            Kind::Question(Question::Other)
        }
        // Conversations, speech, transcripts, sessions, chats, and what Vapi will think of next.
        _ => Kind::Other,
    }
}

fn status_update(message: &Value) -> Option<Call> {
    let ended_reason = json::text(message, &["endedReason"]);
    let status = match CallStatus::parse(&json::text(message, &["status"])?)? {
        CallStatus::Completed => ended_reason
            .as_deref()
            .map_or(CallStatus::Completed, CallStatus::of_ended_reason),
        status => status,
    };
    Some(Call {
        direction: direction(message),
        status,
        wants_twiml: false,
        parent: None,
        ended_reason,
        duration: None,
        recording_url: None,
    })
}

/// The provider promises no delivery id; a call and what is said of it are one.
fn dedupe_key(message: &Value, event: &Event) -> Option<String> {
    if let Kind::Question(Question::ToolCalls(calls)) = &event.kind
        && !calls.is_empty()
    {
        let ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
        return Some(format!("vapi:tool:{}", ids.join(",")));
    }
    let call = event.call.vapi.as_deref()?;
    match event.event_type.as_str() {
        "end-of-call-report" => Some(format!("vapi:eocr:{call}")),
        "status-update" => {
            let status = json::text(message, &["status"])?;
            Some(format!("vapi:status:{call}:{status}"))
        }
        word => {
            let at = json::text(message, &["timestamp"])?;
            Some(format!("vapi:{word}:{call}:{at}"))
        }
    }
}

/// Twilio's name of the call. Newer servers of Vapi's say it as the transport's (`TwilioTransport.callSid`).
const PROVIDERS_NAME: [&str; 4] = [
    "call.phoneCallProviderId",
    "phoneCallProviderId",
    "call.transport.callSid",
    "transport.callSid",
];

pub(super) fn call_ids(message: &Value) -> CallIds {
    CallIds {
        provider: json::text(message, &PROVIDERS_NAME),
        vapi: json::text(message, &["call.id"]),
    }
}

pub(super) fn direction(message: &Value) -> Direction {
    match json::text(message, &["call.type", "call.direction", "direction"]).as_deref() {
        Some("outboundPhoneCall" | "outbound" | "outbound-api") => Direction::Outbound,
        Some("webCall" | "vapi.websocketCall") => Direction::Web,
        _ => Direction::Inbound,
    }
}

/// The tenant's side. The same members for both directions.
pub(super) fn hints(message: &Value) -> Vec<RoutingHint> {
    let numbers = [
        "phoneNumber.number",
        "call.phoneNumber.number",
        "phoneNumber.twilioPhoneNumber",
        "call.phoneNumber.twilioPhoneNumber",
    ];
    let mut hints: Vec<RoutingHint> = Vec::new();
    for path in numbers {
        if let Some(Party::Number(number)) = party(message, path).map(|(_, party)| party) {
            hints.push(RoutingHint::Number(number));
        }
    }
    let ids = ["phoneNumber.id", "call.phoneNumber.id", "call.phoneNumberId"];
    hints.extend(json::text(message, &ids).map(RoutingHint::VapiNumber));
    let assistants = ["call.assistantId", "assistant.id", "call.assistant.id"];
    hints.extend(json::text(message, &assistants).map(RoutingHint::VapiAssistant));
    hints.dedup();
    hints
}

/// The customer's side. The same members for both directions.
fn customer(message: &Value) -> Option<Customer> {
    let paths = [
        "customer.number",
        "call.customer.number",
        "customer.sipUri",
        "call.customer.sipUri",
    ];
    let (channel, party) = paths.into_iter().find_map(|path| party(message, path))?;
    Some(named(message, channel, party))
}

/// A customer with what Vapi knows of the person.
pub(super) fn named(message: &Value, channel: Channel, party: Party) -> Customer {
    let short = |text: String, limit| leads::cut(&text, limit).to_owned();
    Customer {
        party,
        channel,
        name: json::text(message, &["customer.name", "call.customer.name"]).map(|name| short(name, 200)),
        email: json::text(message, &["customer.email", "call.customer.email"]).map(|email| short(email, 320)),
    }
}

pub(super) fn party(message: &Value, path: &str) -> Option<(Channel, Party)> {
    Party::read(&json::text(message, &[path])?)
}

/// The SDK's shape `{id, function: {name, arguments}}`, the documentation's `{id, name, parameters}`, and the
/// same inside `toolWithToolCallList`.
fn tool_calls(message: &Value) -> Vec<ToolCall> {
    let list = ["toolCallList", "toolCalls", "toolWithToolCallList"]
        .into_iter()
        .filter_map(|name| message.get(name)?.as_array())
        .find(|list| !list.is_empty());
    let calls = list.into_iter().flatten();
    calls
        .map(|item| item.get("toolCall").unwrap_or(item))
        .filter_map(tool_call)
        .take(MOST_TOOL_CALLS)
        .collect()
}

fn tool_call(item: &Value) -> Option<ToolCall> {
    let arguments = [
        "function.arguments",
        "function.parameters",
        "arguments",
        "parameters",
    ]
    .into_iter()
    .find_map(|path| json::at(item, path));
    let arguments = match arguments {
        Some(Value::String(text)) => {
            json::read(text.as_bytes()).unwrap_or_else(|| Value::String(text.clone()))
        }
        Some(value) => value.clone(),
        None => Value::Null,
    };
    Some(ToolCall {
        id: json::text(item, &["id"])?,
        name: json::text(item, &["function.name", "name"]),
        arguments,
    })
}
