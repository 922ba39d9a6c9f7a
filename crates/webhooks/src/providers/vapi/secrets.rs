//! Removes from Vapi's payloads what may not be kept: beside credentials, what steers a live call, and bulk.

use serde_json::Value;

use crate::json::plain;

/// Members of Vapi's: live audio and control, where its callbacks go and with what, where recordings are put.
const VAPI_SECRETS: [&str; 16] = [
    "controlurl",
    "listenurl",
    "realtimeurl",
    "callurl",
    "callsipuri",
    "websocketurl",
    "monitor",
    "server",
    "serverurl",
    "webhookurl",
    "slackwebhookurl",
    "callbackurl",
    "headers",
    "sipheaders",
    "hooks",
    "artifactplan",
];
/// Vapi names keys of forty services: `openAIKey`, `gcpKey`, `awsAccessKeyId`.
const VAPI_SECRET_ENDINGS: [&str; 2] = ["key", "keyid"];
/// Bulk of Vapi's: the transcript is kept, its other forms and Vapi's measurements are not.
const VAPI_BULK: [&str; 11] = [
    "messages",
    "messagesopenaiformatted",
    "conversation",
    "performancemetrics",
    "nodes",
    "variables",
    "variablevalues",
    "costs",
    "costbreakdown",
    "assistantactivations",
    "inboundphonecalldebuggingartifacts",
];
/// Vapi's objects of configuration, of which only these members are kept.
const VAPI_CONFIGURATION: [&str; 11] = [
    "assistant",
    "assistantoverrides",
    "squad",
    "squadoverrides",
    "workflow",
    "workflowoverrides",
    "tool",
    "model",
    "voice",
    "transcriber",
    "phonenumber",
];
const CONFIGURATION_KEEPS: [&str; 8] = [
    "id",
    "name",
    "type",
    "number",
    "sipUri",
    "provider",
    "twilioPhoneNumber",
    "function",
];
/// How a call came to Vapi: beside these, addresses that steer it and the account's credentials.
const TRANSPORT_KEEPS: [&str; 3] = ["provider", "conversationType", "callSid"];
const FUNCTION_KEEPS: [&str; 3] = ["name", "arguments", "parameters"];

/// What is kept of a member by a name of Vapi's.
pub(super) fn kept(name: &str, value: Value) -> Option<Value> {
    let plain = plain(name);
    let plain = plain.as_str();
    let is_key = value.is_string() && VAPI_SECRET_ENDINGS.iter().any(|end| plain.ends_with(end));
    if is_key || VAPI_SECRETS.contains(&plain) || (VAPI_BULK.contains(&plain) && !value.is_string()) {
        return None;
    }
    if plain == "transport" {
        return value.is_object().then(|| keep(value, &TRANSPORT_KEEPS));
    }
    if VAPI_CONFIGURATION.contains(&plain) {
        return Some(keep(value, &CONFIGURATION_KEEPS));
    }
    Some(value)
}

/// Only named members of an object (or of each object in an array); text stays: in the older shape
/// `phoneNumber` is a number.
fn keep(value: Value, names: &[&str]) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(name, _)| names.contains(&name.as_str()))
                .map(|(name, value)| {
                    let value = if name == "function" {
                        keep(value, &FUNCTION_KEEPS)
                    } else {
                        value
                    };
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| keep(item, names)).collect()),
        other => other,
    }
}
