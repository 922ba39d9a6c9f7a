//! What receivers are sent, as the document says it: a callback of the operation that subscribes them. poem-openapi has
//! none.

use serde_json::{Value, json};
use store::rows::events::EventType;

/// The events that look alike: a schema, their types, and what their `data` is.
const SHAPES: [(&str, &[EventType], &str); 6] = [
    (
        "LeadEvent",
        &[EventType::LeadCreated, EventType::LeadUpdated],
        "Lead",
    ),
    (
        "ContactEvent",
        &[EventType::ContactCreated, EventType::ContactUpdated],
        "Contact",
    ),
    (
        "CallEvent",
        &[EventType::CallLogged, EventType::CallUpdated],
        "CallLog",
    ),
    ("MessageEvent", &[EventType::MessageLogged], "AutomationLog"),
    (
        "ConnectionErrorEvent",
        &[EventType::ConnectionError],
        "RefusedConnection",
    ),
    (
        "DeletedEvent",
        &[EventType::LeadDeleted, EventType::ContactDeleted],
        "DeletedRow",
    ),
];

/// Adds the callback and its schemas.
pub(super) fn add(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else {
        return;
    };
    for (name, types, data) in SHAPES {
        schemas.insert(name.to_owned(), shape(types, data));
    }
    schemas.insert("DeletedRow".to_owned(), deleted_row());
    schemas.insert("RefusedConnection".to_owned(), refused_connection());
    schemas.insert("Event".to_owned(), any_event());
    document["paths"]["/v1/event-subscriptions"]["post"]["callbacks"] = json!({"event": {"{$request.body#/url}": {"post": {
        "summary": "What is sent to the address, for each event",
        "description": "Signed as Standard Webhooks (standardwebhooks.com) has it; its libraries verify it. The same id comes \
                        again until an answer of 200 to 299: within 20 s, or after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h. 410 ends the subscription.",
        "parameters": [
            header("webhook-id", "The event's id, the same at each attempt: who has seen it has it"),
            header("webhook-timestamp", "When it is sent, in seconds since 1970"),
            header("webhook-signature", "`v1,` and the signature; two of them for a day after the secret was exchanged"),
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": reference("Event")}}},
        "responses": {
            "2XX": {"description": "The event has arrived"},
            "4XX": {
                "description": "It is sent again later; 410 ends the subscription. No body is read.",
                "content": {"application/problem+json": {"schema": reference("Problem")}},
            },
        },
    }}}});
}

fn shape(types: &[EventType], data: &str) -> Value {
    let names: Vec<_> = types.iter().map(|known| known.as_str()).collect();
    let mut properties = json!({
        "id": {"type": "string", "description": "The same as `webhook-id`"},
        "type": {"type": "string", "enum": names},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened"},
        "data": reference(data),
    });
    if names.iter().any(|name| name.ends_with(".updated")) {
        properties["changed"] = json!({
            "type": "array", "items": {"type": "string"}, "description": "Which fields an update changed; `data` is the row as it is now",
        });
    }
    json!({"type": "object", "required": ["id", "type", "timestamp", "data"], "properties": properties})
}

fn deleted_row() -> Value {
    json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}})
}

fn refused_connection() -> Value {
    json!({
        "type": "object",
        "description": "A service that refuses the caller's key or grant.",
        "required": ["service", "kind", "status", "last_error", "account"],
        "properties": {
            "service": {"type": "string"},
            "kind": {"type": "string", "enum": ["key", "oauth"]},
            "status": {"type": "string", "enum": ["error"]},
            "last_error": {"type": "string", "description": "How the provider refused it"},
            "account": {"type": "string", "nullable": true},
        },
    })
}

fn any_event() -> Value {
    let all: Vec<_> = SHAPES.iter().map(|(name, ..)| reference(name)).collect();
    let mapping = SHAPES.iter().flat_map(|(name, types, _)| {
        types
            .iter()
            .map(move |known| (known.as_str().to_owned(), path(name).into()))
    });
    json!({
        "description": "What a receiver is told.",
        "oneOf": all,
        "discriminator": {"propertyName": "type", "mapping": Value::Object(mapping.collect())},
    })
}

fn header(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "header", "required": true, "schema": {"type": "string"}, "description": description})
}

fn reference(name: &str) -> Value {
    json!({"$ref": path(name)})
}

fn path(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_one_shape() {
        for known in EventType::ALL {
            let shapes = SHAPES.iter().filter(|(_, types, _)| types.contains(&known));
            assert_eq!(shapes.count(), 1, "{}", known.as_str());
        }
    }
}
