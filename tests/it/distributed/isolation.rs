//! Where rows lie changes nothing about who sees them.

use reqwest::Method;
use serde_json::{Value, json};
use tests::Service;
use tests::database::{batch, connect};
use tests::people::JWT_SECRET;
use tests::people::Person::{Alice, Bob, Mallory};
use tests::process::Process;
use tests::service::{ENCRYPTION_KEY, mako};

use super::spread;

const SPREAD: &[&str] = &[
    "public.leads",
    "public.contacts",
    "public.call_logs",
    "public.automation_logs",
    "mako.idempotency_keys",
    "mako.contact_imports",
    "mako.provider_objects",
];

#[tokio::test]
async fn through_the_service_each_sees_their_own() {
    let Some(database) = spread().await else { return };
    let service = Service::on(&database).await;
    for path in ["leads", "contacts", "call-logs", "automation-logs"] {
        let mut firsts = Vec::new();
        for (person, rows) in [(Alice, 3), (Bob, 2), (Mallory, 0)] {
            let request = service.request(Method::GET, &format!("/v1/{path}?count=exact"));
            let answer = request.bearer_auth(person.token()).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path} {person:?}");
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body["data"].as_array().unwrap().len(), rows, "{path} {person:?}");
            assert_eq!(body["count"], rows, "{path} {person:?}");
            firsts.push(body["data"][0]["id"].as_str().unwrap_or_default().to_owned());
        }
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            if method != Method::GET && path.ends_with("logs") {
                continue;
            }
            let path = format!("/v1/{path}/{}", firsts[0]);
            let request = service.request(method, &path).bearer_auth(Bob.token());
            let answer = request.json(&json!({"status": "x"})).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
        }
    }
}

#[tokio::test]
async fn a_first_write_makes_the_user_known_to_every_node_and_a_repeated_one_nothing() {
    let Some(database) = spread().await else { return };
    let service = Service::on(&database).await;
    let lead = json!({"name": "n", "phone": "+15550100009", "status": "new", "source": "Voice"});
    let mut ids = Vec::new();
    for status in [201, 200] {
        let request = service
            .request(Method::POST, "/v1/leads")
            .bearer_auth(Mallory.token());
        let answer = request
            .header("idempotency-key", "k")
            .json(&lead)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        ids.push(answer.json::<Value>().await.unwrap()["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let superuser = database.superuser().await;
    batch(
        &superuser,
        &format!("delete from users where id = '{}'", Mallory.id()),
    )
    .await;
    let left = "select count(*) from leads where user_id = $1";
    assert_eq!(
        superuser
            .query_one(left, &[&Mallory.id()])
            .await
            .unwrap()
            .get::<_, i64>(0),
        0
    );
    // Tokens outlive their user, and don't bring them back.
    let request = service
        .request(Method::POST, "/v1/leads")
        .bearer_auth(Mallory.token());
    assert_eq!(request.json(&lead).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn nothing_is_seen_on_a_worker_without_claims_nor_anothers_with_them() {
    let Some(database) = spread().await else { return };
    for url in database.cluster().worker_urls("authenticated", database.name()) {
        let worker = connect(&url).await;
        let shards: Vec<String> = worker
            .query(
                "select format('%s_%s', logicalrelid::text, shardid) from pg_dist_shard join pg_dist_placement using (shardid)
                 join pg_dist_node using (groupid)
                 where nodeport = inet_server_port() and logicalrelid::text <> 'mako.tenants'",
                &[],
            )
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert!(shards.len() >= SPREAD.len(), "{shards:?}");
        let relations = shards.iter().map(String::as_str).chain(SPREAD.iter().copied());
        for relation in relations {
            for (claims, owner) in [
                (String::new(), None),
                (Mallory.payload().to_string(), None),
                (Bob.payload().to_string(), Some(Bob.id())),
            ] {
                batch(
                    &worker,
                    &format!("begin; select set_config('request.jwt.claims', '{claims}', true)"),
                )
                .await;
                let sql = format!("select user_id from {relation}");
                for row in worker.query(&sql, &[]).await.unwrap() {
                    assert_eq!(Some(row.get::<_, &str>(0)), owner, "{relation}");
                }
                let moved = worker
                    .execute(
                        &format!("delete from {relation} where user_id = '{}'", Alice.id()),
                        &[],
                    )
                    .await;
                assert!(matches!(moved, Ok(0) | Err(_)), "{relation}: {moved:?}");
                batch(&worker, "rollback").await;
            }
        }
        let tenants = worker
            .query("select id from mako.tenants", &[])
            .await
            .unwrap_err();
        assert_eq!(tenants.code().unwrap().code(), "42501");
    }
}

#[tokio::test]
async fn a_service_that_could_not_tell_workers_who_speaks_does_not_start() {
    let Some(database) = spread().await else { return };
    batch(
        &database.superuser().await,
        "drop function mako.forward_claims(text)",
    )
    .await;
    let login = database.login_url();
    let environment = [
        ("DATABASE_URL", login.as_str()),
        ("JWT_SECRET", JWT_SECRET),
        ("ENCRYPTION_KEY", ENCRYPTION_KEY),
        ("LISTEN", "127.0.0.1:0"),
    ];
    let mut process = Process::start(&mut mako(&["serve"], &environment).await);
    let ended = process.child.wait().await.unwrap();
    assert_eq!(ended.code(), Some(2));
    assert!(
        process.log().contains("mako.forward_claims() is missing"),
        "{}",
        process.log()
    );
}

#[tokio::test]
async fn whoever_subscribes_to_events_hears_that_there_are_none() {
    let Some(database) = spread().await else { return };
    let service = Service::on(&database).await;
    let request = service
        .request(Method::POST, "/v1/event-subscriptions")
        .bearer_auth(Alice.token());
    let answer = request
        .json(&json!({"url": "https://example.com/"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 409);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "MK_DISTRIBUTED");
}
