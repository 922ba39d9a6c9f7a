//! What one tenant does, the others needn't wait for.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tests::service::Answer;
use tests::{Service, TestDatabase};
use tokio::task::JoinSet;

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
