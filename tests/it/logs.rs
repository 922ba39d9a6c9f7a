//! What do logs tell? Which operation, which status, how long; no token, phone, address or value.

use reqwest::Method;
use serde_json::json;
use tests::people::JWT_SECRET;
use tests::people::Person::{Alice, Bob};
use tests::service::{Answer, ENCRYPTION_KEY};
use tests::{Service, TestDatabase, cluster};

#[tokio::test]
async fn no_token_phone_or_value_reaches_the_log() {
    let database = TestDatabase::new().await.with_rows().await;
    // The most talkative setting there is.
    let mut service = Service::with(&database.login_url(), &[("LOG", "trace")]).await;
    let lead = json!({"name": "Log-Name", "phone": "+14155552671", "status": "log-status", "source": "log-source", "summary": "log-summary"});
    let made = service.post(Alice, "/v1/leads", &lead).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    service
        .get(Alice, "/v1/leads?q=log-search&phone=%2B14155552671")
        .await;
    service.get(Bob, &format!("/v1/leads/{id}")).await;
    service
        .patch(
            Alice,
            &format!("/v1/leads/{id}"),
            &json!({"summary": "log-patched"}),
        )
        .await;
    service
        .post(
            Alice,
            "/v1/leads",
            &json!({"name": ["log-refused"], "log_field": "log-value"}),
        )
        .await;
    service
        .post(
            Alice,
            "/v1/contacts/import",
            &json!({"contacts": [{"id": "log-id", "name": "Log Import", "email": "log@import.example"}]}),
        )
        .await;
    // Errors of the database name the constraint, not the row.
    let key = || {
        service
            .request_as(Alice, Method::POST, "/v1/leads")
            .header("idempotency-key", "log-idempotency")
            .json(&lead)
    };
    futures_util::future::join_all((0..4).map(|_| Answer::of(key()))).await;
    Answer::of(
        service
            .request(Method::GET, "/v1/me")
            .bearer_auth("log.bad.token"),
    )
    .await;
    service.get(Alice, "/v1/dashboard/activity").await;
    service.process.signal("TERM").await;
    let (status, log) = std::mem::replace(
        &mut service.process,
        tests::process::Process::start(&mut tokio::process::Command::new("true")),
    )
    .output()
    .await;
    assert_eq!(status, Some(0));
    assert!(
        log.contains("listLeads") && log.contains("createLead"),
        "the log was there to look at"
    );
    let token = Alice.token();
    let (_, payload_on) = token.split_once('.').unwrap();
    for secret in [
        &payload_on[..20],
        JWT_SECRET,
        ENCRYPTION_KEY,
        cluster::LOGIN_PASSWORD,
        Alice.email(),
        Bob.email(),
        "4155552671",
        "Log-Name",
        "log-status",
        "log-source",
        "log-summary",
        "log-search",
        "log-patched",
        "log-refused",
        "log_field",
        "log-value",
        "log-id\"",
        "Log Import",
        "log@import",
        "log-idempotency",
        "log.bad.token",
    ] {
        assert!(
            !log.contains(secret),
            "{secret} is in the log:\n{}",
            log.lines().find(|line| line.contains(secret)).unwrap()
        );
    }
}
