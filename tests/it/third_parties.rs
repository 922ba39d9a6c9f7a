//! What may a token do that isn't the user's own session? Apps that the user let in get at nothing that outlives them,
//! here and through the real PostgREST; scopes and second factors bind where they are asked for.

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::Person::Alice;
use tests::people::{service_token, sign};
use tests::postgrest::Postgrest;
use tests::process::until;
use tests::service::Answer;
use tests::{Service, TestDatabase};

/// Alice's token, with other claims beside hers.
fn token(claims: &Value) -> String {
    let mut payload = Alice.payload();
    for (name, value) in claims.as_object().expect("an object") {
        payload[name] = value.clone();
    }
    sign(&payload)
}

/// A token of an app that alice let in.
fn app(client_id: &str) -> String {
    token(&json!({"client_id": client_id, "scope": "openid email"}))
}

async fn ask(service: &Service, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    Answer::of(service.request(method, path).bearer_auth(token).json(body)).await
}

async fn rest(postgrest: &Postgrest, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    let request = reqwest::Client::new()
        .request(method, format!("{}{path}", postgrest.url))
        .bearer_auth(token);
    Answer::of(request.header("prefer", "return=representation").json(body)).await
}

/// What apps are refused: each with a body that a session's token is taken with.
fn held_back() -> Vec<(Method, &'static str, Value)> {
    vec![
        (Method::GET, "/v1/api-keys", json!({})),
        (Method::PUT, "/v1/api-keys/vapi", json!({"api_key": "replaced"})),
        (
            Method::POST,
            "/v1/api-keys/vapi/verify",
            json!({"api_key": "guessed"}),
        ),
        (Method::DELETE, "/v1/api-keys/vapi", json!({})),
        (Method::GET, "/v1/relay/vapi/call", json!({})),
        (Method::POST, "/v1/relay/vapi/call", json!({})),
        (Method::GET, "/v1/webhook-endpoints", json!({})),
        (Method::PUT, "/v1/webhook-endpoints/make", json!({})),
        (Method::DELETE, "/v1/webhook-endpoints/make", json!({})),
        (
            Method::POST,
            "/v1/event-subscriptions",
            json!({"url": "https://example.com/"}),
        ),
        (Method::GET, "/v1/event-subscriptions", json!({})),
        (Method::GET, "/v1/event-deliveries", json!({})),
        (
            Method::POST,
            "/v1/phone-numbers",
            json!({"phone": "+15550100777"}),
        ),
    ]
}

#[tokio::test]
async fn an_app_reads_and_writes_rows_and_gets_at_no_key_address_or_number() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let app = app("app");
    for (method, path, body) in held_back() {
        let refused = ask(&service, &app, method.clone(), path, &body).await;
        assert_eq!(refused.outcome(), (403, "MK_THIRD_PARTY"), "{method} {path}");
        assert!(refused.text.contains("THIRD_PARTY_CLIENTS"), "{}", refused.text);
    }
    let lead = json!({"name": "a", "phone": "1", "status": "new", "source": "app"});
    for (method, path, body, status) in [
        (Method::GET, "/v1/leads", &json!({}), 200),
        (Method::POST, "/v1/leads", &lead, 201),
        (Method::GET, "/v1/phone-numbers", &json!({}), 200),
        (Method::GET, "/v1/me", &json!({}), 200),
    ] {
        let done = ask(&service, &app, method, path, body).await;
        assert_eq!(done.status, status, "{path}: {}", done.text);
    }
    // Whatever stands there, it is not a session.
    for odd in [json!(""), json!(7), json!([]), json!({})] {
        let token = token(&json!({"client_id": odd}));
        let refused = ask(&service, &token, Method::GET, "/v1/api-keys", &json!({})).await;
        assert_eq!(refused.outcome(), (403, "MK_THIRD_PARTY"), "{odd}");
    }
    let session = token(&json!({"client_id": null}));
    let mine = ask(&service, &session, Method::GET, "/v1/api-keys", &json!({})).await;
    assert_eq!(mine.status, 200, "{}", mine.text);
}

#[tokio::test]
async fn through_postgrest_an_app_gets_at_no_more() {
    let database = TestDatabase::new().await.with_rows().await;
    let postgrest = Postgrest::on(&database).await;
    let superuser = database.superuser().await;
    let count = async || -> Vec<i64> {
        let sql = "select count(*) from api_keys union all select count(*) from webhook_endpoints
          union all select count(*) from user_phone_numbers union all select count(*) from user_phone_numbers where label = 'taken'";
        let rows = superuser.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let before = count().await;
    assert!(before[..3].iter().all(|rows| *rows > 0), "{before:?}");
    for client in [json!("app"), json!(""), json!(7), json!({"a": 1})] {
        let app = token(&json!({"client_id": client}));
        for table in ["api_keys", "webhook_endpoints"] {
            let path = format!("/{table}?select=id");
            assert_eq!(
                rest(&postgrest, &app, Method::GET, &path, &json!({})).await.body,
                json!([])
            );
            let path = format!("/{table}?user_id=eq.{}&select=id", Alice.id());
            assert_eq!(
                rest(&postgrest, &app, Method::DELETE, &path, &json!({}))
                    .await
                    .body,
                json!([])
            );
        }
        let number = json!({"phone": "+15550100777", "provider": "twilio"});
        let claimed = rest(&postgrest, &app, Method::POST, "/user_phone_numbers", &number).await;
        assert_eq!(claimed.outcome(), (403, "42501"), "{}", claimed.text);
        let path = format!("/user_phone_numbers?user_id=eq.{}", Alice.id());
        for (method, body) in [
            (Method::PATCH, json!({"label": "taken"})),
            (Method::DELETE, json!({})),
        ] {
            assert_eq!(rest(&postgrest, &app, method, &path, &body).await.body, json!([]));
        }
        let seen = rest(&postgrest, &app, Method::GET, &path, &json!({})).await;
        assert_eq!(
            seen.body.as_array().map(Vec::len),
            Some(3),
            "numbers may be read: {}",
            seen.text
        );
        assert_eq!(count().await, before, "{client}");
    }
    // Her own session sees and does it all.
    let session = Alice.token();
    let seen = rest(
        &postgrest,
        &session,
        Method::GET,
        "/api_keys?select=id",
        &json!({}),
    )
    .await;
    assert_eq!(seen.body.as_array().map(Vec::len), Some(3), "{}", seen.text);
}

#[tokio::test]
async fn an_app_that_the_setting_names_is_trusted_by_both_and_no_longer_when_it_is_taken_out() {
    let database = TestDatabase::new().await.with_rows().await;
    let postgrest = Postgrest::on(&database).await;
    let key = json!({"api_key": "the-key-that-an-app-may-save"});
    let outcomes = async |service: &Service, client: &str| {
        let saved = ask(service, &app(client), Method::PUT, "/v1/api-keys/hubspot", &key).await;
        let path = "/api_keys?select=id&service_name=eq.hubspot";
        let seen = rest(&postgrest, &app(client), Method::GET, path, &json!({})).await;
        (saved.status, seen.body.as_array().map(Vec::len))
    };
    let settings = [("THIRD_PARTY_CLIENTS", "app-1, app-2")];
    let trusting = Service::with(&database.login_url(), &settings).await;
    assert_eq!(outcomes(&trusting, "app-1").await, (200, Some(1)));
    assert_eq!(outcomes(&trusting, "app-2").await, (200, Some(1)));
    assert_eq!(outcomes(&trusting, "app-3").await, (403, Some(0)));
    drop(trusting);
    let fewer = Service::with(&database.login_url(), &[("THIRD_PARTY_CLIENTS", "app-2")]).await;
    assert_eq!(outcomes(&fewer, "app-1").await, (403, Some(0)));
    assert_eq!(outcomes(&fewer, "app-2").await, (200, Some(1)));
    drop(fewer);
    let strict = Service::on(&database).await;
    assert_eq!(outcomes(&strict, "app-2").await, (403, Some(0)));
}

#[tokio::test]
async fn a_database_that_comes_later_is_told_whom_to_trust() {
    let database = TestDatabase::empty().await;
    let settings = [("THIRD_PARTY_CLIENTS", "app")];
    let _service = Service::with(&database.login_url(), &settings).await;
    crate::migrations::migrate(&database).await.unwrap();
    let superuser = database.superuser().await;
    until(async || {
        let rows = superuser
            .query("select client_id from mako.third_party_clients", &[])
            .await
            .unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).eq(["app"])
    })
    .await;
}

#[tokio::test]
async fn a_token_with_scopes_does_what_they_say() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let reader = token(&json!({"scope": "leads:read"}));
    let read = ask(&service, &reader, Method::GET, "/v1/leads", &json!({})).await;
    assert_eq!(
        read.body["data"].as_array().map(Vec::len),
        Some(3),
        "{}",
        read.text
    );
    let lead = json!({"name": "a", "phone": "1", "status": "new", "source": "s"});
    let refused = ask(&service, &reader, Method::POST, "/v1/leads", &lead).await;
    assert_eq!(refused.outcome(), (403, "MK_SCOPE"));
    assert_eq!(refused.body["details"], "needed: leads:write");
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer error=\"insufficient_scope\", scope=\"leads:write\""
    );
    let relayed = ask(&service, &reader, Method::GET, "/v1/relay/vapi/call", &json!({})).await;
    assert_eq!(relayed.body["details"], "needed: relay:vapi");
}

#[tokio::test]
async fn groups_that_want_a_second_factor_get_one_from_users_and_not_from_back_ends() {
    let database = TestDatabase::new().await.with_rows().await;
    let settings = [("REQUIRE_AAL2", "api-keys,relay")];
    let service = Service::with(&database.login_url(), &settings).await;
    let outcome = async |claims: &Value, path: &str| {
        let answer = ask(&service, &token(claims), Method::GET, path, &json!({})).await;
        (answer.status, answer.outcome().1.to_owned())
    };
    let refused = (403, "MK_AAL2".to_owned());
    assert_eq!(outcome(&json!({"aal": "aal1"}), "/v1/api-keys").await, refused);
    assert_eq!(outcome(&json!({}), "/v1/relay/vapi/call").await, refused);
    assert_eq!(outcome(&json!({"aal": "aal2"}), "/v1/api-keys").await.0, 200);
    assert_eq!(outcome(&json!({"aal": "aal1"}), "/v1/leads").await.0, 200);
    let back_end = service
        .request(Method::GET, "/v1/api-keys")
        .bearer_auth(service_token())
        .header("x-mako-user", Alice.id());
    assert_eq!(Answer::of(back_end).await.status, 200);
}
