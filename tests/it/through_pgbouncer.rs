//! Does it work through a transaction pooler? The real PgBouncer, with and without `PREPARED_STATEMENTS=off`, more clients
//! than servers.

use serde_json::json;
use tests::cluster::LOGIN_PASSWORD;
use tests::database::connect;
use tests::people::Person::{Alice, Bob, Mallory};
use tests::pgbouncer::{PgBouncer, keeps_statements};
use tests::{Service, TestDatabase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn the_api_works_through_a_transaction_pooler() {
    let database = TestDatabase::new().await.with_rows().await;
    let pooler = PgBouncer::with_pool(&database, 2).await;
    let service = Service::with(
        &pooler.login_url(),
        &[("PREPARED_STATEMENTS", "off"), ("POOL_SIZE", "8")],
    )
    .await;
    let lead = json!({"name": "a", "phone": "1", "status": "new", "source": "pooler"});
    let made = service.post(Mallory, "/v1/leads", &lead).await;
    assert_eq!(made.status, 201, "provisioned on the way: {}", made.text);
    let path = format!("/v1/leads/{}", made.body["id"].as_str().unwrap());
    assert_eq!(
        service
            .patch(Mallory, &path, &json!({"status": "won"}))
            .await
            .body["status"],
        "won"
    );
    assert_eq!(service.get(Bob, &path).await.outcome(), (404, "MK404"));
    assert_eq!(service.delete(Mallory, &path).await.status, 204);
    let import = json!({"contacts": [{"id": "1", "name": "A B", "email": "a@example.com"}]});
    assert_eq!(
        service.post(Alice, "/v1/contacts/import", &import).await.body["created"],
        1
    );
    for path in [
        "/v1/me",
        "/v1/leads?count=exact&q=a",
        "/v1/contacts",
        "/v1/call-logs",
        "/v1/automation-logs",
        "/v1/dashboard/stats",
        "/v1/dashboard/timeseries",
        "/v1/dashboard/funnel",
        "/v1/dashboard/activity",
    ] {
        let answer = service.get(Alice, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let ready = tests::service::Answer::of(service.request(reqwest::Method::GET, "/ready")).await;
    assert_eq!(ready.status, 200, "{}", ready.text);
}

/// What `/ready` says of prepared statements.
async fn prepared(service: &Service) -> String {
    let ready = service.get(Alice, "/ready").await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    ready.body["prepared_statements"].as_str().unwrap().to_owned()
}

async fn many_requests(service: &Service) {
    let requests = (0..60).map(|_| service.get(Alice, "/v1/leads?count=exact"));
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(
            (answer.status, &answer.body["count"]),
            (200, &json!(3)),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_pooler_that_keeps_no_statements_is_noticed_before_the_first_request() {
    let database = TestDatabase::new().await.with_rows().await;
    let pooler = PgBouncer::forgetful(&database, 2).await;
    let service = Service::with(&pooler.login_url(), &[("POOL_SIZE", "8")]).await;
    assert_eq!(prepared(&service).await, "lost");
    many_requests(&service).await;
    assert!(service.process.log().contains("PREPARED_STATEMENTS=off"));
}

#[tokio::test]
async fn a_pooler_that_keeps_statements_is_let_keep_them() {
    let database = TestDatabase::new().await.with_rows().await;
    let pooler = PgBouncer::with_pool(&database, 2).await;
    let service = Service::with(&pooler.login_url(), &[("POOL_SIZE", "8")]).await;
    many_requests(&service).await;
    let expected = if keeps_statements() { "on" } else { "lost" };
    assert_eq!(prepared(&service).await, expected);
}

#[tokio::test]
async fn a_request_whose_statement_was_forgotten_is_done_without_its_name() {
    let database = TestDatabase::new().await.with_rows().await;
    let pooler = PgBouncer::forgetful(&database, 2).await;
    let settings = [("PREPARED_STATEMENTS", "always"), ("POOL_SIZE", "1")];
    let service = Service::with(&pooler.login_url(), &settings).await;
    many_requests(&service).await;
    assert_eq!(
        prepared(&service).await,
        "on",
        "one server has served all of them"
    );
    // Takes that server, so that the next is another, which knows no names.
    let other = connect(&pooler.login_url()).await;
    tests::database::batch(&other, "begin").await;
    many_requests(&service).await;
    assert_eq!(prepared(&service).await, "lost");
    assert!(service.process.log().contains("PREPARED_STATEMENTS=off"));
}

#[tokio::test]
async fn servers_that_change_hands_mix_up_nobody() {
    let database = TestDatabase::new().await.with_rows().await;
    let pooler = PgBouncer::with_pool(&database, 2).await;
    let service = Service::with(
        &pooler.login_url(),
        &[("PREPARED_STATEMENTS", "off"), ("POOL_SIZE", "8")],
    )
    .await;
    let requests = (0..200).map(|n| async move { n }).map(|n| async {
        let (person, rows) = match n.await % 3 {
            0 => (Alice, 3),
            1 => (Bob, 2),
            _ => (Mallory, 0),
        };
        let listed = service.get(person, "/v1/leads").await;
        assert_eq!(
            listed.body["data"].as_array().map(Vec::len),
            Some(rows),
            "{person:?}: {}",
            listed.text
        );
        assert!(
            listed.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .all(|row| row["name"].as_str().unwrap().ends_with(person.email()))
        );
    });
    futures_util::future::join_all(requests).await;
}

/// A pooler that refuses every connection so, at once, and never lets one through; its address.
async fn refusing(code: &'static str, message: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let mut refusal = vec![b'E'];
    refusal.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
    refusal.extend(fields.into_bytes());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut startup = [0; 1024];
            // A client that goes away meanwhile is no affair of this one's.
            if client.read(&mut startup).await.is_ok() {
                drop(client.write_all(&refusal).await);
            }
        }
    });
    format!("postgres://mako:{LOGIN_PASSWORD}@{address}/postgres")
}

#[tokio::test]
async fn whatever_a_pooler_refuses_with_is_a_database_that_is_away() {
    // Supavisor's, PgBouncer's and a server's words (supabase/supabase issue 42581, supavisor and pgbouncer sources).
    for (code, message) in [
        ("XX000", "Tenant or user not found"),
        ("XX000", "MaxClientsInSessionMode: max clients reached"),
        (
            "XX000",
            "(ECHECKOUTTIMEOUT) unable to check out connection from the pool",
        ),
        ("08P01", "no more connections allowed (max_client_conn)"),
        ("08P01", "query_wait_timeout"),
        ("3D000", "database does not exist"),
        ("58000", "server conn crashed?"),
        ("28P01", "password authentication failed"),
        ("42501", "permission denied for database"),
        ("22023", "unsupported startup parameter"),
    ] {
        let service = Service::with(&refusing(code, message).await, &[]).await;
        for path in ["/v1/leads", "/ready"] {
            let refused = service.get(Alice, path).await;
            assert_eq!(
                refused.outcome(),
                (503, "PGRST001"),
                "{code} {path}: {}",
                refused.text
            );
            assert!(!refused.header("retry-after").is_empty(), "{code} {path}");
            assert!(!refused.text.contains(message), "{}", refused.text);
        }
    }
}

#[tokio::test]
async fn a_pooler_that_has_no_place_is_a_database_that_is_away() {
    let database = TestDatabase::new().await.with_rows().await;
    let pgbouncer = PgBouncer::with(&database, 4, 1).await;
    let holder = connect(&pgbouncer.login_url()).await;
    // It answers FATAL 08P01 to whoever comes now.
    let settings = [("PREPARED_STATEMENTS", "false"), ("POOL_SIZE", "1")];
    let service = Service::with(&pgbouncer.login_url(), &settings).await;
    for path in ["/v1/leads", "/ready"] {
        let refused = service.get(Alice, path).await;
        assert_eq!(refused.status, 503, "{path}: {}", refused.text);
        assert!(!refused.header("retry-after").is_empty(), "{path}");
    }
    drop(holder);
    tests::process::until(async || service.get(Alice, "/v1/leads").await.status == 200).await;
}
