//! Is each use of a sealed key recorded, with who it was, and without what was said?

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tests::people::{service_token, sign};
use tests::process::until;
use tests::provider::Provider;
use tests::service::Answer;
use tests::{Service, TestDatabase};

const KEY: &str = "sk-live-Zq7vXw2KpLr9TnBd4HsJ";

struct Setting {
    database: TestDatabase,
    service: Service,
    provider: Provider,
}

/// A service at whose Vapi alice has a key; one app is trusted.
async fn setting(settings: &[(&str, &str)]) -> Setting {
    let (database, provider) = (TestDatabase::new().await, Provider::start());
    let service = Service::with(
        &database.login_url(),
        &[
            &[
                ("RELAY_BASE_URL_VAPI", provider.url.as_str()),
                ("THIRD_PARTY_CLIENTS", "app-1"),
            ],
            settings,
        ]
        .concat(),
    )
    .await;
    let saved = service
        .put(Alice, "/v1/api-keys/vapi", &json!({"api_key": KEY}))
        .await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    Setting {
        database,
        service,
        provider,
    }
}

impl Setting {
    async fn relayed(&self, token: &str, path: &str) -> Answer {
        let path = format!("/v1/relay/vapi/{path}");
        Answer::of(self.service.request(Method::GET, &path).bearer_auth(token)).await
    }

    /// Alice's uses once there are so many, the newest first.
    async fn uses(&self, count: usize) -> Vec<Value> {
        let listed = async || {
            let answer = self.service.get(Alice, "/v1/key-uses").await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.body["data"].as_array().cloned().unwrap_or_default()
        };
        until(async || listed().await.len() >= count).await;
        let uses = listed().await;
        assert_eq!(uses.len(), count, "{uses:?}");
        uses
    }
}

#[tokio::test]
async fn a_use_says_what_was_called_and_how_that_went_and_nothing_that_was_said() {
    let it = setting(&[]).await;
    let sent = it
        .service
        .request_as(
            Alice,
            Method::POST,
            "/v1/relay/vapi/call/c-1?filter=said-in-query",
        )
        .header("x-note", "said-in-header")
        .json(&json!({"name": "said-in-body"}));
    assert_eq!(Answer::of(sent).await.status, 200);
    it.relayed(&Alice.token(), &format!("with/{KEY}/x")).await;
    it.relayed(&Alice.token(), "status/404").await;
    let uses = it.uses(3).await;
    let shown = |name: &str| -> Vec<_> { uses.iter().rev().map(|used| used[name].clone()).collect() };
    assert_eq!(shown("method"), ["POST", "GET", "GET"]);
    assert_eq!(shown("path"), ["/call/c-1", "/with/*/x", "/status/404"]);
    assert_eq!(shown("host"), ["127.0.0.1"; 3]);
    assert_eq!(shown("service"), ["vapi"; 3]);
    assert_eq!(shown("status")[2], 404);
    let said = r#"{"name":"said-in-body"}"#;
    assert_eq!(
        (&uses[2]["bytes_out"], &uses[2]["bytes_in"]),
        (&json!(said.len()), &json!(said.len())),
        "the provider answers what it is sent"
    );
    let superuser = it.database.superuser().await;
    let rows = superuser.query_one("select jsonb_agg(to_jsonb(k))::text from mako.key_uses k", &[]);
    let rows: String = rows.await.unwrap().get(0);
    for secret in ["said-in", KEY, "Bearer"] {
        assert!(!rows.contains(secret), "{rows}");
    }
}

#[tokio::test]
async fn a_use_says_whose_token_it_was() {
    let it = setting(&[]).await;
    #[expect(clippy::disallowed_methods, reason = "the service's clock is the real one")]
    let expires_at = chrono::Utc::now() + chrono::Duration::days(7);
    let script = json!({"name": "script", "scopes": ["relay:vapi"], "expires_at": expires_at.to_rfc3339()});
    let made = it.service.post(Alice, "/v1/access-tokens", &script).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, script) = (&made.body["id"], made.body["token"].as_str().unwrap());
    let mut app = Alice.payload();
    app["client_id"] = json!("app-1");
    for token in [&Alice.token(), script, &sign(&app)] {
        assert_eq!(it.relayed(token, "call").await.status, 200);
    }
    let back_end = it
        .service
        .request(Method::GET, "/v1/relay/vapi/call")
        .bearer_auth(service_token())
        .header("x-mako-user", Alice.id());
    assert_eq!(Answer::of(back_end).await.status, 200);
    let uses = it.uses(4).await;
    let mut who: Vec<_> = uses
        .iter()
        .map(|used| json!([used["client_id"], used["access_token_id"], used["service_token"]]))
        .collect();
    who.sort_by_key(ToString::to_string);
    let mut expected = [
        json!([null, null, false]),
        json!([null, id, false]),
        json!(["app-1", null, false]),
        json!([null, null, true]),
    ];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(who, expected);
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_a_use_and_so_is_one_that_is_withheld() {
    let it = setting(&[]).await;
    assert_eq!(
        it.relayed(&Alice.token(), "echo").await.outcome(),
        (502, "MK_KEY_ECHOED")
    );
    let port = tests::process::free_port();
    let nobody = format!("http://127.0.0.1:{port}");
    let other = Service::with(
        &it.database.login_url(),
        &[("RELAY_BASE_URL_VAPI", nobody.as_str())],
    )
    .await;
    let refused = other.post(Alice, "/v1/relay/vapi/call", &json!({})).await;
    assert_eq!(refused.outcome(), (502, "MK502"));
    let uses = it.uses(2).await;
    let statuses: Vec<_> = uses.iter().map(|used| &used["status"]).collect();
    assert!(
        statuses.contains(&&json!(200)) && statuses.contains(&&json!(null)),
        "{uses:?}"
    );
}

#[tokio::test]
async fn uses_are_listed_by_service_and_are_their_tenants_alone() {
    let it = setting(&[]).await;
    it.relayed(&Alice.token(), "call").await;
    it.uses(1).await;
    let superuser = it.database.superuser().await;
    batch(
        &superuser,
        &format!(
            "insert into mako.key_uses (user_id, created_at, service, method, host, path, duration_ms, bytes_out, bytes_in, service_token)
             select '{}', now() - n * interval '1 hour', 'zoho', 'GET', 'h', '/' || n, 1, 0, 0, false from generate_series(1, 5) n",
            Alice.id()
        ),
    )
    .await;
    let list = async |query: &str| it.service.get(Alice, &format!("/v1/key-uses?{query}")).await;
    let paths = |answer: &Answer| -> Vec<Value> {
        let data = answer.body["data"].as_array().unwrap();
        data.iter().map(|used| used["path"].clone()).collect()
    };
    let first = list("service=zoho&limit=3&count=exact").await;
    assert_eq!(paths(&first), ["/1", "/2", "/3"]);
    assert_eq!(first.body["count"], 5);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = list(&format!("service=zoho&cursor={cursor}")).await;
    assert_eq!(
        (paths(&rest), &rest.body["next_cursor"]),
        (vec![json!("/4"), json!("/5")], &json!(null))
    );
    assert_eq!(list("count=exact").await.body["count"], 6);
    assert_eq!(list("service=nobody").await.outcome(), (422, "MK422"));
    assert_eq!(it.service.get(Bob, "/v1/key-uses").await.body["data"], json!([]));
    let mut app = Alice.payload();
    app["client_id"] = json!("app-2");
    let request = it.service.request(Method::GET, "/v1/key-uses");
    assert_eq!(
        Answer::of(request.bearer_auth(sign(&app))).await.outcome(),
        (403, "MK_THIRD_PARTY")
    );
}

#[tokio::test]
async fn a_service_that_stops_writes_what_it_has_not_written() {
    let mut it = setting(&[("DRAIN_TIME", "0s")]).await;
    let owner = it.database.superuser().await;
    // Each row asks whether its user is there, and waits.
    batch(&owner, "begin; select from users for update").await;
    for _ in 0..5 {
        assert_eq!(it.relayed(&Alice.token(), "call").await.status, 200);
    }
    it.database.until_blocked(1).await;
    it.service.process.signal("TERM").await;
    batch(&owner, "rollback").await;
    let process = std::mem::replace(
        &mut it.service.process,
        tests::process::Process::start(&mut done()),
    );
    let (status, log) = process.output().await;
    assert_eq!(status, Some(0), "{log}");
    let written = owner
        .query_one("select count(*) from mako.key_uses", &[])
        .await
        .unwrap();
    assert_eq!(written.get::<_, i64>(0), 5, "{log}");
    drop(it.provider);
}

/// A process that is over at once, in the place of another.
fn done() -> tokio::process::Command {
    tokio::process::Command::new("true")
}

#[tokio::test]
async fn uses_are_forgotten_after_the_retention_period() {
    let it = setting(&[]).await;
    let superuser = it.database.superuser().await;
    batch(
        &superuser,
        &format!(
            "insert into mako.key_uses (user_id, created_at, service, method, host, path, duration_ms, bytes_out, bytes_in, service_token)
             select '{}', now() - n * interval '1 day', 'zoho', 'GET', 'h', '/' || n, 1, 0, 0, false from generate_series(1, 900) n",
            Alice.id()
        ),
    )
    .await;
    let _other = Service::with(&it.database.login_url(), &[("RETENTION_DAYS", "30")]).await;
    let left = async || {
        let count = superuser
            .query_one("select count(*) from mako.key_uses", &[])
            .await;
        count.unwrap().get::<_, i64>(0)
    };
    until(async || left().await == 29).await;
}
