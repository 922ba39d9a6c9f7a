//! Does one look tell which keys work? What a provider said last is what the list says, to its tenant alone.

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::Person::{self, Alice, Bob};
use tests::provider::Provider;
use tests::service::Answer;
use tests::{Service, TestDatabase};

const KEY: &str = "sk-live-Zq7vXw2KpLr9TnBd4HsJ";

async fn save(service: &Service, person: Person, name: &str) {
    let path = format!("/v1/api-keys/{name}");
    let saved = service.put(person, &path, &json!({"api_key": KEY})).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
}

async fn connection(service: &Service, person: Person, name: &str) -> Value {
    let list = service.get(person, "/v1/connections").await;
    assert_eq!(list.status, 200, "{}", list.text);
    let all = list.body["data"].as_array().cloned().unwrap_or_default();
    all.into_iter()
        .find(|it| it["service"] == name)
        .unwrap_or_default()
}

async fn status(service: &Service, person: Person, name: &str) -> Value {
    connection(service, person, name).await["status"].clone()
}

#[tokio::test]
async fn a_provider_that_refuses_the_key_shows_after_one_call_and_so_does_one_that_takes_it_again() {
    let database = TestDatabase::new().await;
    let provider = Provider::start();
    let settings = [("RELAY_BASE_URL_HUBSPOT", provider.url.as_str())];
    let service = Service::with(&database.login_url(), &settings).await;
    assert_eq!(status(&service, Alice, "hubspot").await, "none");
    save(&service, Alice, "hubspot").await;
    save(&service, Bob, "hubspot").await;
    let unused = connection(&service, Alice, "hubspot").await;
    assert_eq!(
        (&unused["status"], &unused["kind"], &unused["last_ok_at"]),
        (&json!("connected"), &json!("key"), &Value::Null)
    );
    let call = async |path: &str| {
        service
            .get(Alice, &format!("/v1/relay/hubspot/{path}"))
            .await
            .status
    };
    assert_eq!(call("contacts").await, 200);
    let used = connection(&service, Alice, "hubspot").await;
    assert!(
        used["last_ok_at"].is_string() && used["last_used_at"].is_string(),
        "{used}"
    );
    for code in [401, 403] {
        assert_eq!(call(&format!("status/{code}")).await, code);
        let refused = connection(&service, Alice, "hubspot").await;
        assert_eq!(refused["status"], "error", "{refused}");
        assert_eq!(refused["last_error"], format!("The provider answered {code}"));
        assert_eq!(refused["last_ok_at"], used["last_ok_at"]);
    }
    assert_eq!(
        status(&service, Bob, "hubspot").await,
        "connected",
        "it is not bob's key"
    );
    // Whatever else the provider answers, it took the key.
    assert_eq!(call("status/404").await, 404);
    assert_eq!(status(&service, Alice, "hubspot").await, "connected");
    call("status/401").await;
    save(&service, Alice, "hubspot").await;
    let replaced = connection(&service, Alice, "hubspot").await;
    assert_eq!(
        (&replaced["status"], &replaced["last_error"]),
        (&json!("connected"), &Value::Null)
    );
}

#[tokio::test]
async fn what_a_replaced_key_was_told_says_nothing_of_the_new_one() {
    let database = TestDatabase::new().await;
    let provider = Provider::start();
    let settings = [("RELAY_BASE_URL_ZOHO", provider.url.as_str())];
    let service = Service::with(&database.login_url(), &settings).await;
    save(&service, Alice, "zoho").await;
    let call = Answer::of(service.request_as(Alice, Method::GET, "/v1/relay/zoho/held/401"));
    let replace = async {
        tests::process::until(async || !provider.seen().is_empty()).await;
        save(&service, Alice, "zoho").await;
        provider.release();
    };
    let (answer, ()) = tokio::join!(call, replace);
    assert_eq!(answer.status, 401);
    assert_eq!(status(&service, Alice, "zoho").await, "connected");
}

#[tokio::test]
async fn a_disconnected_service_is_none_and_a_deleted_connection_leaves_no_key() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    save(&service, Alice, "vapi").await;
    save(&service, Bob, "vapi").await;
    assert_eq!(service.delete(Alice, "/v1/api-keys/vapi").await.status, 204);
    assert_eq!(status(&service, Alice, "vapi").await, "none");
    assert_eq!(service.delete(Alice, "/v1/connections/vapi").await.status, 204);
    assert_eq!(
        service.delete(Alice, "/v1/connections/vapi").await.outcome(),
        (404, "MK404")
    );
    let left = database
        .superuser()
        .await
        .query("select user_id from api_keys", &[])
        .await
        .unwrap();
    assert_eq!(
        left.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(),
        [Bob.id()]
    );
    assert_eq!(status(&service, Bob, "vapi").await, "connected");
}

#[tokio::test]
async fn the_list_has_every_service_once() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    save(&service, Alice, "monday").await;
    let list = service.get(Alice, "/v1/connections").await;
    let names: Vec<_> = list.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["service"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "vapi",
            "twilio",
            "make",
            "hubspot",
            "salesforce",
            "pipedrive",
            "zoho",
            "monday"
        ]
    );
}
