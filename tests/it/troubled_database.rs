//! What is answered while the database is slow, full, away or not migrated?

use reqwest::Method;
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tests::service::Answer;
use tests::{Service, TestDatabase};

use crate::edge::assert_problem;

#[tokio::test]
async fn the_statement_timeout_is_a_504_and_the_connection_lives_on() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::with(
        &database.login_url(),
        &[("STATEMENT_TIMEOUT", "300ms"), ("POOL_SIZE", "1")],
    )
    .await;
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
    let blocker = database.superuser().await;
    batch(&blocker, "begin; lock table leads in access exclusive mode").await;
    assert_problem(&service.get(Alice, "/v1/leads").await, 504, "57014");
    batch(&blocker, "rollback").await;
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
}

#[tokio::test]
async fn preparing_on_a_cold_connection_is_bound_by_the_statement_timeout_too() {
    let database = TestDatabase::new().await.with_rows().await;
    let settings = [("STATEMENT_TIMEOUT", "300ms"), ("POOL_SIZE", "1")];
    let service = Service::with(&database.login_url(), &settings).await;
    let blocker = database.superuser().await;
    batch(&blocker, "begin; lock table leads in access exclusive mode").await;
    assert_problem(&service.get(Alice, "/v1/leads").await, 504, "57014");
    assert_eq!(service.get(Alice, "/v1/call-logs").await.status, 200);
}

#[tokio::test]
async fn a_full_pool_is_a_503_with_retry_after() {
    let database = TestDatabase::new().await.with_rows().await;
    let settings = [
        ("STATEMENT_TIMEOUT", "20s"),
        ("REQUEST_TIMEOUT", "25s"),
        ("POOL_SIZE", "1"),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
    let blocker = database.superuser().await;
    batch(&blocker, "begin; lock table leads in access exclusive mode").await;
    let waiting = service.request_as(Alice, Method::GET, "/v1/leads");
    let waiting = tokio::spawn(async move { Answer::of(waiting).await });
    database.until_blocked(1).await; // From here on it has the connection.
    let refused = service.get(Bob, "/v1/call-logs").await;
    batch(&blocker, "rollback").await;
    assert_problem(&refused, 503, "PGRST003");
    assert!(!refused.header("retry-after").is_empty());
    let waited = waiting.await.unwrap();
    assert_eq!(waited.status, 200, "whoever holds the connection gets its answer");
}

#[tokio::test]
async fn a_database_that_goes_away_is_a_503_and_comes_back() {
    let cluster = std::sync::Arc::new(tests::cluster::Cluster::start(devdb::Search::from_env()).await);
    let database = TestDatabase::on(cluster).await.with_rows().await;
    let service = Service::on(&database).await;
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
    let superuser = database.superuser().await;
    // Every connection of the service is cut: the next request may notice, the one after must work.
    batch(&superuser, "alter role mako nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = 'mako'").await;
    let down = service.get(Alice, "/v1/leads").await;
    assert_eq!(down.status, 503, "{}", down.text);
    let ready = Answer::of(service.request(Method::GET, "/ready")).await;
    assert_eq!(ready.status, 503);
    assert_eq!(
        Answer::of(service.request(Method::GET, "/health")).await.status,
        200,
        "the process is well"
    );
    batch(&superuser, "alter role mako login").await;
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
}

#[tokio::test]
async fn a_database_that_was_never_migrated_is_not_ready() {
    let database = TestDatabase::empty().await;
    let service = Service::on(&database).await;
    let ready = Answer::of(service.request(Method::GET, "/ready")).await;
    let leads = service.get(Alice, "/v1/leads").await;
    for answer in [ready, leads] {
        assert_problem(&answer, 503, "MK503");
        assert!(answer.body["hint"].as_str().unwrap().contains("mako migrate"));
        assert!(!answer.header("retry-after").is_empty());
    }
}

#[tokio::test]
async fn who_waits_for_a_database_that_is_away_hears_503_and_not_of_too_many_requests() {
    // It takes connections, and says nothing.
    let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://mako:x@{}/mako", hangs.local_addr().unwrap());
    // A user's share is one connection.
    let service = Service::with(&url, &[("POOL_SIZE", "2")]).await;
    assert_eq!(
        service.get(Alice, "/v1/leads").await.status,
        503,
        "nobody waits for her"
    );
    let list = || service.get(Alice, "/v1/leads");
    let (first, second, third) = tokio::join!(list(), list(), list());
    for answer in [first, second, third] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(!answer.header("retry-after").is_empty());
    }
}
