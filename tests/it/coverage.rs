//! Does the document tell the truth, and is every operation in it guarded? A new operation is tested here the
//! moment it exists; the list of exemptions may only shrink.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::Person::{Alice, Mallory};
use tests::process::Process;
use tests::service::{Answer, mako};
use tests::snapshot::assert_file;
use tests::{Service, TestDatabase};

/// Operations that answer without a token. Take from this list; don't add to it.
const OPEN: &[&str] = &["getHealth", "getMetrics", "getReady"];

async fn document() -> String {
    let (code, text) = Process::start(&mut mako(&["openapi"], &[]).await).output().await;
    assert_eq!(code, Some(0), "{text}");
    text
}

/// Every operation of a document: id, method, path.
fn operations(document: &Value) -> Vec<(String, Method, String)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"]
                .as_str()
                .expect("an operationId")
                .to_owned();
            all.push((id, method.to_uppercase().parse().expect("a method"), path.clone()));
        }
    }
    all
}

/// A path with an id that exists nowhere.
fn filled(path: &str) -> String {
    path.replace("{id}", "no-such-row")
        .replace("{service}", "vapi")
        .replace("{source}", "vapi")
        .replace("{path}", "call")
}

#[tokio::test]
async fn the_committed_document_is_the_services_own() {
    assert_file(Path::new("../openapi/openapi.json"), &document().await);
}

#[tokio::test]
async fn the_document_keeps_the_contracts_promises() {
    let document: Value = serde_json::from_str(&document().await).unwrap();
    assert_eq!(document["openapi"], "3.0.0");
    assert_eq!(
        document["info"]["license"],
        json!({"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}),
        "3.0 has no `identifier`"
    );
    let operations = operations(&document);
    let ids: BTreeSet<_> = operations.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids.len(), operations.len(), "operation ids are unique");
    let promised = [
        "getMe",
        "listLeads",
        "createLead",
        "getLead",
        "updateLead",
        "deleteLead",
        "listContacts",
        "createContact",
        "getContact",
        "updateContact",
        "deleteContact",
        "importContacts",
        "listCallLogs",
        "createCallLog",
        "getCallLog",
        "listAutomationLogs",
        "createAutomationLog",
        "getAutomationLog",
        "getDashboardStats",
        "getDashboardTimeseries",
        "getDashboardFunnel",
        "getDashboardActivity",
        "listApiKeys",
        "saveApiKey",
        "deleteApiKey",
        "verifyApiKey",
        "revealApiKey",
        "listConnections",
        "authorizeConnection",
        "completeConnection",
        "deleteConnection",
        "listKeyUses",
        "relayGet",
        "relayPost",
        "relayPut",
        "relayPatch",
        "relayDelete",
        "listPhoneNumbers",
        "claimPhoneNumber",
        "releasePhoneNumber",
        "verifyPhoneNumber",
        "listWebhookEndpoints",
        "saveWebhookEndpoint",
        "testWebhookEndpoint",
        "listWebhookEvents",
        "getWebhookEvent",
        "replayWebhookEvent",
        "listEventSubscriptions",
        "createEventSubscription",
        "getEventSubscription",
        "updateEventSubscription",
        "deleteEventSubscription",
        "listEventDeliveries",
        "getEventDelivery",
    ];
    for id in promised {
        assert!(ids.contains(id), "{id} is missing");
    }
    for (id, method, path) in &operations {
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        assert_eq!(
            operation["tags"].as_array().map(Vec::len),
            Some(1),
            "{id} has a tag"
        );
        assert!(
            operation["summary"].is_string() || operation["description"].is_string(),
            "{id} is described"
        );
        if !OPEN.contains(&id.as_str()) {
            assert!(operation["security"].is_array(), "{id} names its security scheme");
            for status in ["401", "403", "404", "422", "503"] {
                let problem = &operation["responses"][status]["content"]["application/problem+json"];
                assert!(problem.is_object(), "{id} declares {status}");
            }
        }
    }
}

#[tokio::test]
async fn every_operation_refuses_strangers() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let document: Value = serde_json::from_str(&document().await).unwrap();
    let mut open = BTreeSet::new();
    for (id, method, path) in operations(&document) {
        // A body that is no JSON: even so the missing token comes first.
        let without = Answer::of(service.request(method.clone(), &filled(&path)).body("}")).await;
        if without.status == 200 {
            open.insert(id);
            continue;
        }
        assert_eq!(without.outcome(), (401, "PGRST302"), "{id}");
        assert_eq!(without.body["message"], "Unauthorized: No active session", "{id}");
        assert_eq!(without.header("www-authenticate"), "Bearer", "{id}");
        let bad = Answer::of(
            service
                .request(method.clone(), &filled(&path))
                .bearer_auth("a.b.c"),
        )
        .await;
        assert_eq!(bad.outcome(), (401, "PGRST301"), "{id}");
    }
    assert_eq!(open, OPEN.iter().map(|&id| id.to_owned()).collect());
}

#[tokio::test]
async fn no_operation_shows_another_tenants_rows() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let document: Value = serde_json::from_str(&document().await).unwrap();
    let superuser = database.superuser().await;
    for (id, method, path) in operations(&document) {
        // Keys are named by service, not by id: tests/it/api_keys.rs and relay.rs try to reach another's.
        if OPEN.contains(&id.as_str()) || path.contains("{service}") || path.contains("{source}") {
            continue;
        }
        if !path.contains("{id}") {
            if method == Method::GET {
                let answer = service.get(Mallory, &path).await;
                assert_eq!(answer.status, 200, "{id}: {}", answer.text);
                for whose in [Alice.email(), "bob@example.com", Alice.id()] {
                    assert!(!answer.text.contains(whose), "{id}");
                }
            }
            continue;
        }
        // One of alice's rows, by its real id.
        let table = path
            .split('/')
            .nth(2)
            .expect("/v1/<table>/{id}")
            .replace('-', "_")
            .replace("phone_numbers", "user_phone_numbers")
            .replace("access_tokens", "mako.access_tokens")
            .replace("event_", "mako.event_");
        let sql = format!("select id from {table} where user_id = $1 limit 1");
        let row: String = superuser.query_one(&sql, &[&Alice.id()]).await.unwrap().get(0);
        let request = service.request_as(Mallory, method.clone(), &path.replace("{id}", &row));
        let answer = Answer::of(if method == Method::PATCH {
            request.json(&json!({}))
        } else {
            request
        })
        .await;
        assert_eq!(answer.outcome(), (404, "MK404"), "{id}");
        // The same answer as for a row that isn't there, but for the request's id.
        let request = service.request_as(Mallory, method.clone(), &filled(&path));
        let nowhere = Answer::of(if method == Method::PATCH {
            request.json(&json!({}))
        } else {
            request
        })
        .await;
        let blank = |mut body: Value| {
            body["request_id"] = Value::Null;
            body
        };
        assert_eq!(blank(nowhere.body), blank(answer.body), "{id}");
        let there: i64 = superuser
            .query_one(&format!("select count(*) from {table} where id = $1"), &[&row])
            .await
            .unwrap()
            .get(0);
        assert_eq!(there, 1, "{id}");
    }
}
