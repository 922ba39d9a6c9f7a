//! What one tenant does, the others needn't wait for.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tests::service::Answer;
use tests::{Service, TestDatabase};
use tokio::task::JoinSet;

use crate::access_tokens::in_days;

#[tokio::test]
async fn one_tenants_imports_that_wait_for_each_other_leave_the_others_their_connections() {
    let database = TestDatabase::new().await.with_rows().await;
    let settings = [
        ("POOL_SIZE", "4"),
        ("STATEMENT_TIMEOUT", "20s"),
        ("REQUEST_TIMEOUT", "25s"),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    let blocker = database.superuser().await;
    let lock = format!("begin; select from users where id = '{}' for update", Alice.id());
    batch(&blocker, &lock).await;
    let mut imports = JoinSet::new();
    for n in 0..8 {
        let contacts = json!({"contacts": [{"id": n.to_string(), "name": format!("Ann {n}")}]});
        let import = service
            .request_as(Alice, Method::POST, "/v1/contacts/import")
            .json(&contacts);
        imports.spawn(Answer::of(import));
    }
    database.until_blocked(2).await;

    let bobs = tokio::time::timeout(Duration::from_secs(4), async {
        let lead = json!({"name": "n", "phone": "+15551230001", "status": "new", "source": "SMS"});
        let listed = service.get(Bob, "/v1/leads").await.status;
        (listed, service.post(Bob, "/v1/leads", &lead).await.status)
    });
    assert_eq!(
        bobs.await,
        Ok((200, 201)),
        "bob is answered before anybody gives up waiting"
    );

    let refused = service.get(Alice, "/v1/leads").await;
    assert_eq!(refused.outcome(), (429, "MK_RATE"));
    assert!(!refused.header("retry-after").is_empty());
    batch(&blocker, "rollback").await;
    let mut answers: Vec<u16> = imports
        .join_all()
        .await
        .iter()
        .map(|answer| answer.status)
        .collect();
    answers.sort_unstable();
    assert_eq!(
        answers[..2],
        [200, 200],
        "who held a connection was served: {answers:?}"
    );
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
}

#[tokio::test]
async fn a_tenants_loop_is_told_to_wait_at_once_and_leaves_the_others_their_connections() {
    let database = TestDatabase::new().await.with_rows().await;
    // Room for all of them in the database: it is their sockets that run out.
    let settings = [
        ("MAX_CONNECTIONS", "8"),
        ("POOL_SIZE", "32"),
        ("STATEMENT_TIMEOUT", "20s"),
        ("REQUEST_TIMEOUT", "25s"),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    let blocker = database.superuser().await;
    let lock = format!("begin; select from users where id = '{}' for update", Alice.id());
    batch(&blocker, &lock).await;
    let mut imports = JoinSet::new();
    for n in 0..8 {
        let contacts = json!({"contacts": [{"id": n.to_string(), "name": format!("Ann {n}")}]});
        let import = service
            .request_as(Alice, Method::POST, "/v1/contacts/import")
            .json(&contacts);
        imports.spawn(Answer::of(import));
    }
    for _ in 0..4 {
        let refused = imports.join_next().await.unwrap().unwrap();
        assert_eq!(refused.outcome(), (429, "MK_RATE"), "{}", refused.text);
        assert!(!refused.header("retry-after").is_empty());
    }
    database.until_blocked(4).await;
    for _ in 0..20 {
        let refused = service.get(Alice, "/v1/leads").await;
        assert_eq!(refused.outcome(), (429, "MK_RATE"));
    }
    let bobs = (0..3).map(|_| service.get(Bob, "/v1/leads"));
    for answer in join_all(bobs).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    batch(&blocker, "rollback").await;
    for answer in imports.join_all().await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
}

#[tokio::test]
async fn tokens_that_are_still_to_be_looked_up_leave_sessions_their_connections() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::with(&database.login_url(), &[("POOL_SIZE", "4")]).await;
    let blocker = database.superuser().await;
    batch(&blocker, "begin; lock table mako.access_tokens").await;
    let mut strangers = JoinSet::new();
    for n in 0..8 {
        let request = service
            .request(Method::GET, "/v1/leads")
            .bearer_auth(format!("mko_{n}"));
        strangers.spawn(Answer::of(request));
    }
    database.until_blocked(2).await;
    assert_eq!(service.get(Bob, "/v1/leads").await.status, 200);
    batch(&blocker, "rollback").await;
    for answer in strangers.join_all().await {
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_token_whose_row_somebody_holds_is_good_and_waits_for_nobody() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let token = json!({"name": "t", "scopes": ["leads:read"], "expires_at": in_days(1)});
    let made = service.post(Alice, "/v1/access-tokens", &token).await;
    let blocker = database.superuser().await;
    batch(&blocker, "begin; select from mako.access_tokens for update").await;
    let request = service
        .request(Method::GET, "/v1/leads")
        .bearer_auth(made.body["token"].as_str().unwrap());
    assert_eq!(Answer::of(request).await.status, 200);
}
