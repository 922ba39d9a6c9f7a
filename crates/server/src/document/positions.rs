//! The header by which callers read what they have written, in the document: the edge writes it, whatever the operation.

use serde_json::{Value, json};

/// Names the header at every answer to a write, and at every read that may bring it.
pub(super) fn add(document: &mut Value) {
    document["components"]["parameters"]["Position"] = json!({
        "name": "x-mako-lsn", "in": "header", "required": false, "schema": {"type": "string"},
        "description": "What a write's answer said: this read sees that write, though a replica answers reads.",
    });
    document["components"]["headers"]["Position"] = json!({
        "schema": {"type": "string"},
        "description": "Where the write is in the database's log, if reads may be answered by a replica: a read that brings it sees it.",
    });
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let of_rows = paths.filter(|(path, _)| path.starts_with("/v1/") && !path.starts_with("/v1/relay/"));
    for (_, methods) in of_rows {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            if method == "get" {
                let parameters = operation["parameters"].take();
                let mut parameters = parameters.as_array().cloned().unwrap_or_default();
                parameters.push(json!({"$ref": "#/components/parameters/Position"}));
                operation["parameters"] = parameters.into();
            } else {
                name_in_answers(operation);
            }
        }
    }
}

fn name_in_answers(operation: &mut Value) {
    let responses = operation["responses"].as_object_mut().into_iter().flatten();
    for (_, response) in responses.filter(|(status, _)| status.starts_with('2')) {
        response["headers"]["x-mako-lsn"] = json!({"$ref": "#/components/headers/Position"});
    }
}
