//! Does a token of one's own do what it says and no more? Shown once, bounded by its scopes, gone when it is revoked.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::Person::{self, Alice, Bob, Mallory};
use tests::process::until;
use tests::service::{Answer, ENCRYPTION_KEY};
use tests::{Service, TestDatabase};

const ANOTHER_KEY: &str = "0a5ea1ed112233445566778899aabbccddeeff00112233445566778899aabbcc";

/// A time so many days from now.
pub(crate) fn in_days(days: i64) -> String {
    #[expect(clippy::disallowed_methods, reason = "the service's clock is the real one")]
    let now = chrono::Utc::now();
    (now + chrono::Duration::days(days)).to_rfc3339()
}

async fn create(service: &Service, person: Person, scopes: &[&str]) -> Answer {
    let new = json!({"name": "Zapier", "scopes": scopes, "expires_at": in_days(30)});
    service.post(person, "/v1/access-tokens", &new).await
}

async fn token(service: &Service, person: Person, scopes: &[&str]) -> String {
    let made = create(service, person, scopes).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body["token"].as_str().expect("a token").to_owned()
}

async fn ask(service: &Service, token: &str, method: Method, path: &str) -> Answer {
    Answer::of(service.request(method, path).bearer_auth(token).json(&json!({}))).await
}

#[tokio::test]
async fn a_token_is_shown_once_and_does_what_its_scopes_say() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let made = create(&service, Alice, &["leads:read", "relay:hubspot", "leads:read"]).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.body["scopes"], json!(["leads:read", "relay:hubspot"]));
    let token = made.body["token"].as_str().unwrap();
    assert!(
        token.starts_with("mko_") && token.len() == 47,
        "of 32 random bytes"
    );
    let leads = ask(&service, token, Method::GET, "/v1/leads").await;
    assert_eq!(
        leads.body["data"].as_array().map(Vec::len),
        Some(3),
        "{}",
        leads.text
    );
    assert_eq!(
        ask(&service, token, Method::GET, "/v1/me").await.body["user_id"],
        Alice.id()
    );
    for (method, path, needed) in [
        (Method::POST, "/v1/leads", "leads:write"),
        (Method::GET, "/v1/contacts", "contacts:read"),
        (Method::GET, "/v1/relay/vapi/call", "relay:vapi"),
        (Method::GET, "/v1/access-tokens", "access-tokens:read"),
        (Method::POST, "/v1/access-tokens", "access-tokens:write"),
    ] {
        let refused = ask(&service, token, method.clone(), path).await;
        assert_eq!(refused.outcome(), (403, "MK_SCOPE"), "{method} {path}");
        assert_eq!(refused.body["details"], format!("needed: {needed}"));
    }
    let relayed = ask(&service, token, Method::GET, "/v1/relay/hubspot/x").await;
    assert_eq!(relayed.outcome(), (409, "MK_NOT_CONNECTED"), "past the scopes");
    let revealed = ask(&service, token, Method::POST, "/v1/api-keys/vapi/reveal").await;
    assert_eq!(revealed.outcome(), (403, "MK403"));
    let list = service.get(Alice, "/v1/access-tokens").await;
    assert!(
        !list.text.contains(token) && !list.text.contains("token_hash"),
        "{}",
        list.text
    );
    let row = list.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == made.body["id"]);
    assert!(row.unwrap()["last_used_at"].is_string(), "{}", list.text);
    let seen_by_others = service.get(Mallory, "/v1/access-tokens").await;
    assert_eq!(seen_by_others.body["data"], json!([]));
}

#[tokio::test]
async fn a_revoked_expired_or_made_up_token_is_nobodys_at_once() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let made = create(&service, Alice, &["leads:read"]).await;
    let token = made.body["token"].as_str().unwrap();
    let path = format!("/v1/access-tokens/{}", made.body["id"].as_str().unwrap());
    assert_eq!(
        service.delete(Bob, &path).await.outcome(),
        (404, "MK404"),
        "it isn't bob's"
    );
    assert_eq!(ask(&service, token, Method::GET, "/v1/leads").await.status, 200);
    assert_eq!(service.delete(Alice, &path).await.status, 204);
    let expired = self::token(&service, Alice, &["leads:read"]).await;
    let superuser = database.superuser().await;
    let sql = "update mako.access_tokens set expires_at = now() where name = 'Zapier'";
    superuser.execute(sql, &[]).await.unwrap();
    let made_up = format!("mko_{}", "A".repeat(43));
    for token in [token, &expired, &made_up, "mko_", "mko_' or true --"] {
        let refused = ask(&service, token, Method::GET, "/v1/leads").await;
        assert_eq!(refused.outcome(), (401, "PGRST301"), "{token}");
        assert!(
            !refused.text.contains(token) || token == "mko_",
            "{}",
            refused.text
        );
    }
}

#[tokio::test]
async fn what_no_token_can_be_made_of_is_refused_field_by_field() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let good = json!({"name": "n", "scopes": ["leads:read"], "expires_at": in_days(365)});
    for (field, value) in [
        ("scopes", json!([])),
        ("scopes", json!(["leads:all"])),
        ("scopes", json!(["access-tokens:write"])),
        ("scopes", json!(["relay:stripe"])),
        ("scopes", json!("leads:read")),
        ("scopes", json!([1])),
        ("expires_at", json!(in_days(-1))),
        ("expires_at", json!(in_days(400))),
        ("expires_at", Value::Null),
        ("name", json!("")),
        ("id", json!("mine")),
        ("token", json!("mko_mine")),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let refused = service.post(Alice, "/v1/access-tokens", &body).await;
        assert_eq!(refused.outcome(), (422, "MK422"), "{field}: {value}");
        assert!(
            refused.body["details"].as_str().unwrap().contains(field),
            "{}",
            refused.text
        );
    }
    // A user who is known from a token only has a row made first.
    let made = service.post(Mallory, "/v1/access-tokens", &good).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn a_user_has_a_hundred_tokens_at_most() {
    let database = TestDatabase::new().await.with_rows().await;
    let superuser = database.superuser().await;
    let sql = "insert into mako.access_tokens (user_id, name, scopes, token_hash, expires_at)
      select $1, 'n', '{leads:read}', 'h' || n, now() from generate_series(4, 100) n";
    superuser.execute(sql, &[&Alice.id()]).await.unwrap();
    let service = Service::on(&database).await;
    assert_eq!(
        create(&service, Alice, &["leads:read"]).await.outcome(),
        (409, "MK409")
    );
    assert_eq!(create(&service, Bob, &["leads:read"]).await.status, 201);
}

#[tokio::test]
async fn a_token_outlives_the_retirement_of_the_key_that_its_hash_was_made_with() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let used = token(&service, Alice, &["leads:read"]).await;
    let unused = token(&service, Alice, &["leads:read"]).await;
    drop(service);
    let rotating = [
        ("ENCRYPTION_KEY", ANOTHER_KEY),
        ("ENCRYPTION_KEYS_RETIRED", ENCRYPTION_KEY),
    ];
    let service = Service::with(&database.login_url(), &rotating).await;
    assert_eq!(ask(&service, &used, Method::GET, "/v1/leads").await.status, 200);
    drop(service);
    // Without the old key: the one that was used meanwhile has a hash under the new one.
    let service = Service::with(&database.login_url(), &[("ENCRYPTION_KEY", ANOTHER_KEY)]).await;
    assert_eq!(ask(&service, &used, Method::GET, "/v1/leads").await.status, 200);
    assert_eq!(ask(&service, &unused, Method::GET, "/v1/leads").await.status, 401);
}

#[tokio::test]
async fn neither_the_database_nor_the_log_holds_a_piece_of_a_token() {
    let database = TestDatabase::new().await;
    let mut service = Service::on(&database).await;
    let token = token(&service, Alice, &["leads:read"]).await;
    assert_eq!(ask(&service, &token, Method::GET, "/v1/leads").await.status, 200);
    let pieces: HashSet<&str> = (4..token.len() - 8).map(|at| &token[at..at + 8]).collect();
    let held = |text: &str| pieces.iter().any(|piece| text.contains(piece));
    let superuser = database.superuser().await;
    let row = superuser
        .query_one("select to_jsonb(t)::text from mako.access_tokens t", &[])
        .await
        .unwrap();
    assert!(!held(row.get(0)));
    let log = service
        .process
        .wait_for(|log| log.contains("listLeads").then(|| log.to_owned()))
        .await;
    assert!(!held(&log));
}

/// Through any role and whatever policies there are besides.
#[tokio::test]
async fn a_token_makes_no_token_even_past_the_service() {
    let database = TestDatabase::new().await.with_rows().await;
    let login = database.login().await;
    let insert = "insert into mako.access_tokens (user_id, name, scopes, token_hash, expires_at)
      values ($1, 'n', '{leads:write}', 'h', now())";
    for (claims, refused) in [
        (json!({"sub": Alice.id()}), false),
        (json!({"sub": Alice.id(), "access_token": "t"}), true),
        (json!({"sub": Alice.id(), "client_id": "app"}), true),
        (json!({"sub": Bob.id()}), true),
    ] {
        let settings = format!(
            "begin; select set_config('request.jwt.claims', '{claims}', true); set local role mako_sealer"
        );
        tests::database::batch(&login, &settings).await;
        let outcome = login.execute(insert, &[&Alice.id()]).await;
        let code = outcome
            .err()
            .and_then(|error| error.code().map(|code| code.code().to_owned()));
        assert_eq!(code, refused.then(|| "42501".to_owned()), "{claims}");
        tests::database::batch(&login, "rollback").await;
    }
}

#[tokio::test]
async fn a_standby_knows_tokens_and_notes_no_use() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let token = token(&service, Alice, &["leads:read"]).await;
    let superuser = database.superuser().await;
    let read_only = format!(
        "alter database {} set default_transaction_read_only = on",
        database.name()
    );
    tests::database::batch(&superuser, &read_only).await;
    drop(service);
    let service = Service::on(&database).await;
    until(async || ask(&service, &token, Method::GET, "/v1/leads").await.status == 200).await;
}
