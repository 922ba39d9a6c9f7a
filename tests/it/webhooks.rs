//! What becomes of a delivery? Each kind of event, its answer and its effects, seen by the tenant whose it is.

mod calls;
mod effects;
mod endpoints;
mod events;
mod lists;
mod numbers;
mod people;

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{
    self, BASE_URL, SETTINGS, TWILIO_AUTH_TOKEN, call, form, platform, post, report, signed, sms, streamed,
};
use tests::people::Person::{self, Alice, Bob};
use tests::process::Process;
use tests::provider::{OWNED_NUMBER, Provider};
use tests::service::{Answer, mako};
use tests::{Service, TestDatabase};
use webhooks::{Delivery, Source};

const ALICES_NUMBER: &str = "+15005550001";
const CUSTOMER: &str = "+14017122661";

/// A service that takes webhooks; alice's number is verified.
async fn setting() -> (TestDatabase, Service) {
    setting_with(&[]).await
}

/// The same with more settings.
async fn setting_with(more: &[(&str, &str)]) -> (TestDatabase, Service) {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    for (person, number) in [(Alice, Some(ALICES_NUMBER)), (Bob, None)] {
        let (id, email) = (person.id(), person.email());
        batch(
            &client,
            &format!("insert into users (id, email, password) values ('{id}', '{email}', '!')"),
        )
        .await;
        if let Some(number) = number {
            batch(&client, &format!("insert into user_phone_numbers (user_id, phone, verified_at) values ('{id}', '{number}', now())")).await;
        }
    }
    let settings = [&SETTINGS, more].concat();
    let service = Service::with(&database.login_url(), &settings).await;
    (database, service)
}

async fn rows(service: &Service, person: Person, path: &str) -> Vec<Value> {
    let answer = service.get(person, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["data"].as_array().expect("a list").clone()
}

async fn accepted(service: &Service, delivery: &Delivery) -> Answer {
    let answer = post(service, delivery).await;
    assert!(answer.status < 300, "{} {}", answer.status, answer.text);
    answer
}

#[tokio::test]
async fn a_delivery_that_proves_nothing_is_refused_and_leaves_nothing() {
    let (database, service) = setting().await;
    let body = sms("SM1", CUSTOMER, ALICES_NUMBER, "hello");
    let wrong = signed(Source::Twilio, "/webhooks/twilio", body.clone(), "another-token");
    assert_eq!(
        post(&service, &wrong).await.outcome(),
        (403, "MK_WEBHOOK_REFUSED")
    );
    // Signed for another address, or with a parameter more than was signed.
    let elsewhere = signed(
        Source::Twilio,
        "/webhooks/twilio?x=1",
        body.clone(),
        TWILIO_AUTH_TOKEN,
    );
    let signature = elsewhere
        .headers()
        .find(|(name, _)| *name == "x-twilio-signature")
        .unwrap()
        .1;
    let moved = service
        .request(Method::POST, "/webhooks/twilio")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(body.clone());
    assert_eq!(Answer::of(moved).await.outcome(), (403, "MK_WEBHOOK_REFUSED"));
    let unsigned = service
        .request(Method::POST, "/webhooks/twilio")
        .body(body.clone());
    assert_eq!(Answer::of(unsigned).await.outcome(), (401, "MK_WEBHOOK_UNSIGNED"));
    for (source, json) in [(Source::Vapi, json!({"message": {}})), (Source::Make, json!({}))] {
        let path = format!("/webhooks/{source}");
        let wrong = signed(source, &path, json.to_string(), "another-secret");
        assert_eq!(
            post(&service, &wrong).await.outcome(),
            (403, "MK_WEBHOOK_REFUSED"),
            "{source}"
        );
        let unsigned = service.request(Method::POST, &path).json(&json);
        assert_eq!(
            Answer::of(unsigned).await.outcome(),
            (401, "MK_WEBHOOK_UNSIGNED"),
            "{source}"
        );
    }
    let malformed = platform(Source::Vapi, "{not json");
    assert_eq!(post(&service, &malformed).await.outcome(), (400, "MK400"));
    for (path, outcome) in [
        ("/webhooks/stripe", (404, "PGRST125")),
        ("/webhooks/twilio/no-such-key", (404, "MK404")),
        ("/webhooks/twilio/a/b", (404, "PGRST125")),
    ] {
        assert_eq!(
            Answer::of(service.request(Method::POST, path).body(""))
                .await
                .outcome(),
            outcome,
            "{path}"
        );
    }
    let get = Answer::of(service.request(Method::GET, "/webhooks/twilio")).await;
    assert_eq!((get.outcome(), get.header("allow")), ((405, "PGRST117"), "POST"));
    let count: i64 = database
        .superuser()
        .await
        .query_one("select count(*) from webhook_events", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(count, 0);
    let log = service.process.log();
    assert!(
        log.contains(&format!("tried {BASE_URL}/webhooks/twilio")),
        "the log says which address was tried"
    );
    for secret in [TWILIO_AUTH_TOKEN, signature, CUSTOMER, ALICES_NUMBER, "x=1"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn every_kind_of_delivery_hears_what_its_provider_wants() {
    let (_database, service) = setting().await;
    let heard = accepted(
        &service,
        &platform(Source::Twilio, sms("SM1", CUSTOMER, ALICES_NUMBER, "hi")),
    )
    .await;
    assert_eq!((heard.status, heard.header("content-type")), (200, "text/xml"));
    assert!(heard.text.ends_with("<Response></Response>"), "{}", heard.text);
    let heard = accepted(
        &service,
        &platform(
            Source::Twilio,
            call("CA1", "completed", CUSTOMER, ALICES_NUMBER, 3),
        ),
    )
    .await;
    assert_eq!((heard.status, heard.text.as_str()), (204, ""));
    let question = json!({"message": {"type": "tool-calls", "call": {"id": "c1"},
        "toolCallList": [{"id": "t1", "function": {"name": "f", "arguments": {}}}]}});
    let heard = accepted(&service, &platform(Source::Vapi, question.to_string())).await;
    assert_eq!(heard.body["results"][0]["toolCallId"], "t1");
    let heard = accepted(
        &service,
        &platform(
            Source::Vapi,
            report("c2", None, CUSTOMER, ALICES_NUMBER, "hi").to_string(),
        ),
    )
    .await;
    assert_eq!(heard.status, 200);
    let automation =
        json!({"event_id": "e1", "event_type": "note", "tenant_phone": ALICES_NUMBER, "data": {"a": 1}});
    let heard = accepted(&service, &platform(Source::Make, automation.to_string())).await;
    assert_eq!(heard.body["status"], "received");
    let heard = accepted(&service, &platform(Source::Make, automation.to_string())).await;
    assert_eq!((heard.status, &heard.body["status"]), (200, &json!("duplicate")));
}
