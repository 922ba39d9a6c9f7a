//! Access that ends is renewed once, whoever asks and through whichever service; what can't be renewed says so.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tests::authorization_server::AuthorizationServer;
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tests::process::until;
use tests::service::Answer;
use tests::token_server::TokenServer;
use tests::{Service, TestDatabase};

use super::{connect, connection, service};

/// Ends alice's access, as if its time were over.
async fn end_access(database: &TestDatabase) {
    let sql = "update api_keys set expires_at = now() - interval '1 second', refresh_at = now() - interval '1 minute'
               where user_id = $1";
    database
        .superuser()
        .await
        .execute(sql, &[&Alice.id()])
        .await
        .unwrap();
}

async fn relayed(service: &Service) -> Answer {
    service.get(Alice, "/v1/relay/hubspot/contacts").await
}

#[tokio::test]
async fn two_hundred_calls_through_two_services_at_the_end_of_the_access_renew_it_once_and_none_fails() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let one = Arc::new(service(&database, &server).await);
    let other = Arc::new(service(&database, &server).await);
    connect(&one, &server, Alice).await;
    connect(&one, &server, Bob).await;
    end_access(&database).await;
    let calls = (0..200).map(|n| {
        let service = Arc::clone(if n % 2 == 0 { &one } else { &other });
        tokio::spawn(async move { relayed(&service).await })
    });
    for call in futures_util::future::join_all(calls).await {
        let answer = call.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let seen = server.seen().await;
    assert_eq!(
        (&seen["refreshed"], &seen["refused"]),
        (&json!(1), &json!(0)),
        "{seen}"
    );
    let renewed = connection(&one, Alice, "hubspot").await;
    assert_eq!(
        (&renewed["status"], &renewed["last_error"]),
        (&json!("connected"), &json!(null))
    );
}

#[tokio::test]
async fn a_refused_access_token_is_renewed_and_the_request_sent_once_more() {
    let database = TestDatabase::new().await;
    let server = TokenServer::start().await;
    let service = super::quirks::service(&database, &server, "HUBSPOT").await;
    let granted =
        |token: &str| json!({"access_token": token, "refresh_token": "refresh-1", "expires_in": 1800});
    super::quirks::connect(&service, &server, "hubspot", "", granted("access-token-1")).await;
    server.takes(&["Bearer access-token-2"]);
    server.answers(200, granted("access-token-2"));
    let body = "x".repeat(1000);
    let sent = service.request_as(Alice, Method::POST, "/v1/relay/hubspot/contacts");
    let answer = Answer::of(sent.body(body.clone())).await;
    assert_eq!(
        (answer.status, answer.body),
        (200, json!(body)),
        "{}",
        answer.text
    );
    // Longer than what is kept: this one is lost, the next one isn't.
    server.takes(&["Bearer access-token-3"]);
    server.answers(200, granted("access-token-3"));
    for status in [401, 200] {
        let sent = service.request_as(Alice, Method::POST, "/v1/relay/hubspot/contacts");
        assert_eq!(Answer::of(sent.body("x".repeat(100_000))).await.status, status);
    }
    // A provider that refuses every token is asked for one more each time, not in a circle.
    server.takes(&[]);
    server.answers(200, granted("access-token-4"));
    assert_eq!(relayed(&service).await.status, 401);
    assert_eq!(
        connection(&service, Alice, "hubspot").await["last_error"],
        "The provider answered 401"
    );
    // Uses of what is sealed are the exchanged code, three renewals and six calls.
    let uses = async || service.get(Alice, "/v1/key-uses?service=hubspot").await.body["data"].clone();
    until(async || uses().await.as_array().is_some_and(|uses| uses.len() == 10)).await;
    let uses = uses().await;
    let tokens = uses
        .as_array()
        .unwrap()
        .iter()
        .filter(|used| used["path"] == "/oauth/2026-03/token");
    assert_eq!(
        tokens
            .filter(|used| used["method"] == "POST" && used["status"] == 200)
            .count(),
        4,
        "{uses}"
    );
    assert!(!uses.to_string().contains("oken-"), "{uses}");
}

#[tokio::test]
async fn a_grant_that_has_ended_says_so_and_is_not_asked_for_again() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    connect(&service, &server, Alice).await;
    // The provider sees the first refresh token twice, and ends the grant.
    let superuser = database.superuser().await;
    let copy = "create table copy as select encrypted_key, updated_at from api_keys";
    batch(&superuser, copy).await;
    end_access(&database).await;
    assert_eq!(relayed(&service).await.status, 200);
    let restore = "update api_keys k set encrypted_key = c.encrypted_key from copy c";
    batch(&superuser, restore).await;
    end_access(&database).await;
    for _ in 0..3 {
        assert_eq!(relayed(&service).await.outcome(), (409, "MK_CONNECTION_ERROR"));
    }
    let seen = server.seen().await;
    assert_eq!(
        (&seen["refreshed"], &seen["refused"]),
        (&json!(1), &json!(1)),
        "{seen}"
    );
    let ended = connection(&service, Alice, "hubspot").await;
    assert_eq!(ended["status"], "error");
    assert_eq!(
        ended["last_error"],
        "The provider has ended the authorisation (invalid_grant)"
    );
    connect(&service, &server, Alice).await;
    assert_eq!(relayed(&service).await.status, 200);
    assert_eq!(
        connection(&service, Alice, "hubspot").await["status"],
        "connected"
    );
}

#[tokio::test]
async fn a_provider_that_fails_for_a_while_is_asked_again_later() {
    let database = TestDatabase::new().await;
    let server = TokenServer::start().await;
    let service = super::quirks::service(&database, &server, "HUBSPOT").await;
    let granted =
        |token: &str| json!({"access_token": token, "refresh_token": "refresh-1", "expires_in": 1800});
    super::quirks::connect(&service, &server, "hubspot", "", granted("access-token-1")).await;
    server.takes(&["Bearer access-token-1", "Bearer access-token-2"]);
    // Before the end a failure costs nobody anything.
    let superuser = database.superuser().await;
    batch(&superuser, "update api_keys set refresh_at = now()").await;
    server.answers(503, Value::Null);
    assert_eq!(relayed(&service).await.status, 200);
    end_access(&database).await;
    server.answers(503, Value::Null);
    let asked = server.seen().len();
    let failed = relayed(&service).await;
    assert_eq!(
        (failed.outcome(), failed.header("retry-after")),
        ((503, "MK503"), "1"),
        "{}",
        failed.text
    );
    batch(
        &superuser,
        "update api_keys set refresh_at = now() + interval '1 hour'",
    )
    .await;
    assert_eq!(relayed(&service).await.status, 503);
    assert_eq!(server.seen().len(), asked + 1, "it isn't asked while it has time");
    end_access(&database).await;
    server.answers(200, granted("access-token-2"));
    assert_eq!(relayed(&service).await.status, 200);
    let failures = superuser
        .query_one("select refresh_failures from api_keys", &[])
        .await
        .unwrap();
    assert_eq!(failures.get::<_, i32>(0), 0);
}

/// Kills a service that has asked for a renewal and not yet saved the answer; another one on the same database.
async fn killed_before_the_commit(database: &TestDatabase, server: &AuthorizationServer) -> Service {
    let killed = Arc::new(service(database, server).await);
    connect(&killed, server, Alice).await;
    end_access(database).await;
    server.hold().await;
    let call = tokio::spawn({
        let request = killed.request_as(Alice, Method::GET, "/v1/relay/hubspot/contacts");
        async move { request.send().await.is_ok() }
    });
    tests::process::until(async || server.seen().await["held"] == 1).await;
    killed.process.signal("KILL").await;
    assert!(!call.await.unwrap());
    server.release().await;
    // As if the lease's time were over.
    let superuser = database.superuser().await;
    batch(&superuser, "update api_keys set refresh_lease = now()").await;
    service(database, server).await
}

#[tokio::test]
async fn a_renewal_lost_with_its_service_is_made_again_where_the_provider_lets_it() {
    let database = TestDatabase::new().await;
    let server = AuthorizationServer::start(&[("ROTATE", "off")]).await;
    let other = killed_before_the_commit(&database, &server).await;
    let answer = relayed(&other).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(server.seen().await["refreshed"], 2);
}

#[tokio::test]
async fn a_rotated_refresh_token_lost_with_its_service_asks_for_a_new_authorisation() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let other = killed_before_the_commit(&database, &server).await;
    assert_eq!(relayed(&other).await.outcome(), (409, "MK_CONNECTION_ERROR"));
    assert_eq!(connection(&other, Alice, "hubspot").await["status"], "error");
    connect(&other, &server, Alice).await;
    assert_eq!(relayed(&other).await.status, 200);
}

#[tokio::test]
async fn a_caller_who_goes_away_takes_no_rotated_token_along() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    connect(&service, &server, Alice).await;
    end_access(&database).await;
    server.hold().await;
    let call = tokio::spawn({
        let request = service.request_as(Alice, Method::GET, "/v1/relay/hubspot/contacts");
        async move { drop(request.send().await) }
    });
    tests::process::until(async || server.seen().await["held"] == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    server.release().await;
    let answer = relayed(&service).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let seen = server.seen().await;
    assert_eq!(
        (&seen["refreshed"], &seen["refused"]),
        (&json!(1), &json!(0)),
        "{seen}"
    );
}
