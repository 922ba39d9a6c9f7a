//! Does a key reach its provider and nobody else? Against a provider of our own on loopback.

mod answers;
mod failing;
mod providers;

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tests::provider::Provider;
use tests::service::Answer;
use tests::{Service, TestDatabase};

const KEY: &str = "sk-live-Zq7vXw2KpLr9TnBd4HsJ";
const SERVICES: [&str; 8] = [
    "vapi",
    "twilio",
    "make",
    "hubspot",
    "salesforce",
    "pipedrive",
    "zoho",
    "monday",
];

struct Setting {
    database: TestDatabase,
    service: Service,
    provider: Provider,
}

/// A service whose providers are all one of our own, below `/base`; alice has connected Vapi.
async fn setting() -> Setting {
    let database = TestDatabase::new().await;
    let provider = Provider::start();
    let base = format!("{}/base/", provider.url);
    let names = SERVICES.map(|name| format!("RELAY_BASE_URL_{}", name.to_uppercase()));
    let settings: Vec<_> = names.iter().map(|name| (name.as_str(), base.as_str())).collect();
    let service = Service::with(&database.login_url(), &settings).await;
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

#[tokio::test]
async fn the_provider_gets_the_request_with_the_key_and_the_caller_its_answer() {
    let it = setting().await;
    let request = it
        .service
        .request_as(Alice, Method::POST, "/v1/relay/vapi/call/a%20b?limit=5&q=x%2Fy")
        .header("cookie", "auth-token=secret")
        .header("apikey", "anon")
        .header("x-forwarded-host", "evil.example")
        .header("connection", "close, x-hop")
        .header("x-hop", "1")
        .header("api-version", "7")
        .json(&json!({"name": "Jane"}));
    let answer = Answer::of(request).await;
    assert_eq!(
        (answer.status, &answer.body),
        (200, &json!({"name": "Jane"})),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("x-mako-relay"), "vapi");
    assert_eq!(answer.header("x-provider"), "yes");
    assert_eq!(answer.header("set-cookie"), "");
    assert!(!answer.header("x-request-id").is_empty());

    let seen = it.provider.last();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/base/call/a%20b?limit=5&q=x%2Fy")
    );
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(seen.headers["api-version"], "7");
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.headers["content-length"], "15");
    assert_eq!(seen.body, r#"{"name":"Jane"}"#);
    for dropped in ["cookie", "apikey", "x-forwarded-host", "x-hop", "x-mako-user"] {
        assert!(!seen.headers.contains_key(dropped), "{dropped}");
    }
    assert!(it.provider.url.ends_with(&seen.headers["host"]));
    let used = it.service.get(Alice, "/v1/api-keys").await.body["data"][0]["last_used_at"].clone();
    assert!(used.is_string(), "use moves it");
    assert!(!it.service.process.log().contains(KEY));
}

#[tokio::test]
async fn a_call_waits_for_nobody_who_holds_its_key_and_notes_its_use_once_a_second() {
    let it = setting().await;
    let owner = it.database.superuser().await;
    let call = async || it.service.get(Alice, "/v1/relay/vapi/call").await.status;
    let used = async |sql: &str| -> bool { owner.query_one(sql, &[]).await.unwrap().get(0) };
    assert_eq!(call().await, 200);
    assert!(used("select last_used_at > now() - interval '1 hour' from api_keys").await);

    batch(
        &owner,
        "update api_keys set last_used_at = now() - interval '1 day'",
    )
    .await;
    let mut other = it.database.superuser().await;
    let held = other.transaction().await.unwrap();
    held.execute("select from api_keys for update", &[])
        .await
        .unwrap();
    assert_eq!(call().await, 200, "while somebody holds the row");
    held.commit().await.unwrap();
    let long_ago = "select last_used_at < now() - interval '1 hour' from api_keys";
    assert!(used(long_ago).await, "its use was not waited for");
    assert_eq!(call().await, 200);
    assert!(!used(long_ago).await, "the next one finds the row free");

    // Younger than a second, however long the call takes to come.
    batch(
        &owner,
        "update api_keys set last_used_at = now() + interval '1 day'",
    )
    .await;
    assert_eq!(call().await, 200);
    assert!(used("select last_used_at > now() + interval '1 hour' from api_keys").await);
}

#[tokio::test]
async fn each_provider_gets_the_key_as_it_wants_it() {
    let it = setting().await;
    // base64 of AC123:token
    let cases = [
        ("vapi", "k", "authorization", "Bearer k"),
        ("twilio", "AC123:token", "authorization", "Basic QUMxMjM6dG9rZW4="),
        ("make", "k", "authorization", "Token k"),
        ("make", "https://us1.make.com|k2", "authorization", "Token k2"),
        ("hubspot", "k", "authorization", "Bearer k"),
        (
            "salesforce",
            "https://acme.my.salesforce.com|k",
            "authorization",
            "Bearer k",
        ),
        ("pipedrive", "k", "x-api-token", "k"),
        ("zoho", "k", "authorization", "Zoho-oauthtoken k"),
        ("monday", "k", "authorization", "k"),
    ];
    for (name, key, header, value) in cases {
        it.service
            .put(Alice, &format!("/v1/api-keys/{name}"), &json!({"api_key": key}))
            .await;
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let answer = Answer::of(it.service.request_as(
                Alice,
                method.clone(),
                &format!("/v1/relay/{name}/x"),
            ))
            .await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text);
            let seen = it.provider.last();
            assert_eq!(seen.method, method.as_str());
            assert_eq!(seen.headers[header], value, "{name}");
            assert_eq!(
                seen.headers.contains_key("authorization"),
                header == "authorization",
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn without_a_key_of_ones_own_nothing_is_called() {
    let it = setting().await;
    let missing = it.service.get(Bob, "/v1/relay/vapi/call").await;
    assert_eq!(missing.outcome(), (409, "MK_NOT_CONNECTED"));
    assert!(missing.body["hint"].as_str().unwrap().contains("/v1/api-keys/"));
    assert_eq!(
        it.service.get(Alice, "/v1/relay/make/x").await.outcome(),
        (409, "MK_NOT_CONNECTED")
    );
    it.service.delete(Alice, "/v1/api-keys/vapi").await;
    assert_eq!(
        it.service.get(Alice, "/v1/relay/vapi/call").await.outcome(),
        (409, "MK_NOT_CONNECTED")
    );
    assert_eq!(
        it.service.get(Alice, "/v1/relay/stripe/x").await.outcome(),
        (422, "MK422")
    );
    assert!(it.provider.seen().is_empty());
}

/// Written to the socket as it is: clients tidy such paths up before they send them.
async fn raw(service: &Service, target: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = service.url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        Alice.token()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    (status, answer)
}

#[tokio::test]
async fn no_path_leads_away_from_the_provider() {
    let it = setting().await;
    for path in [
        "http://127.0.0.1:1/x",
        "https://evil.example/x",
        "/evil.example/x",
        "//evil.example/x",
        "../x",
        "a/../../x",
        "%2e%2e/x",
        "..%2fx",
        "a/%2E%2E/%2E%2E/x",
        "a%2f..%2f..%2fx",
        "a%5c..%5cx",
        "a\\..\\x",
        "%2f%2fevil.example/x",
        "a/./x",
        "a%00b",
        "x%0d%0aHost:%20evil.example",
    ] {
        let (status, answer) = raw(&it.service, &format!("/v1/relay/vapi/{path}")).await;
        assert!((400..500).contains(&status), "{path}: {answer}");
    }
    assert!(it.provider.seen().is_empty(), "{:?}", it.provider.seen());
    // What only looks like a way out is a path like any other.
    for path in [
        "@evil.example/x",
        "user:pass@evil.example/x",
        ":8080/x",
        "..a/x",
        "x?u=http://evil.example/../",
    ] {
        let (status, answer) = raw(&it.service, &format!("/v1/relay/vapi/{path}")).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert_eq!(it.provider.last().target, format!("/base/{path}"));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let it = setting().await;
    let answer = it.service.get(Alice, "/v1/relay/vapi/redirect").await;
    assert_eq!(answer.outcome(), (502, "MK_REDIRECTED"));
    assert_eq!(answer.header("location"), "");
    assert_eq!(it.provider.seen().len(), 1);
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    let it = setting().await;
    let post = it
        .service
        .request_as(Alice, Method::POST, "/v1/relay/vapi/call")
        .header("content-length", "0");
    assert_eq!(Answer::of(post).await.status, 200);
    assert_eq!(it.provider.last().headers["content-length"], "0");
    it.service.get(Alice, "/v1/relay/vapi/call").await;
    assert!(!it.provider.last().headers.contains_key("content-length"));
}

#[tokio::test]
async fn a_providers_error_passes_with_its_status() {
    let it = setting().await;
    let answer = it.service.get(Alice, "/v1/relay/vapi/payment-required").await;
    assert_eq!((answer.status, answer.body["code"].as_i64()), (402, Some(20003)));
    let answer = it.service.get(Alice, "/v1/relay/vapi/unauthorized").await;
    assert_eq!((answer.status, answer.text.as_str()), (401, "bad key"));
    assert_eq!(answer.header("x-mako-relay"), "vapi", "whose 401 it is");
    assert_eq!(
        answer.header("www-authenticate"),
        "",
        "no browser asks for a password"
    );
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_arrives() {
    let it = setting().await;
    let mut answer = it
        .service
        .request_as(Alice, Method::GET, "/v1/relay/vapi/trickle")
        .send()
        .await
        .unwrap();
    let first = tokio::time::timeout(std::time::Duration::from_secs(20), answer.chunk()).await;
    assert_eq!(first.expect("long before the rest").unwrap().unwrap(), "first");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_declared_or_not() {
    let database = TestDatabase::new().await;
    let provider = Provider::start();
    let settings = [
        ("RELAY_BASE_URL_VAPI", provider.url.as_str()),
        ("BODY_LIMIT", "1000"),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    service
        .put(Alice, "/v1/api-keys/vapi", &json!({"api_key": KEY}))
        .await;
    let declared = service
        .request_as(Alice, Method::POST, "/v1/relay/vapi/x")
        .body("x".repeat(2000));
    assert_eq!(Answer::of(declared).await.outcome(), (413, "MK413"));
    let pieces = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
    let chunked = service
        .request_as(Alice, Method::POST, "/v1/relay/vapi/x")
        .body(reqwest::Body::wrap_stream(pieces));
    assert_eq!(Answer::of(chunked).await.outcome(), (413, "MK413"));
    let fits = service
        .request_as(Alice, Method::POST, "/v1/relay/vapi/x")
        .body("x".repeat(1000));
    assert_eq!(Answer::of(fits).await.status, 200);
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_bad_gateway() {
    let database = TestDatabase::new().await;
    let nowhere = format!("http://127.0.0.1:{}", tests::process::free_port());
    let service = Service::with(&database.login_url(), &[("RELAY_BASE_URL_VAPI", &nowhere)]).await;
    service
        .put(Alice, "/v1/api-keys/vapi", &json!({"api_key": KEY}))
        .await;
    let answer = service.get(Alice, "/v1/relay/vapi/x").await;
    assert_eq!(answer.outcome(), (502, "MK502"), "{}", answer.text);
    // Salesforce has no host of its own: a key without one is incomplete, not sent anywhere.
    service
        .put(Alice, "/v1/api-keys/salesforce", &json!({"api_key": KEY}))
        .await;
    let answer = service.get(Alice, "/v1/relay/salesforce/x").await;
    assert_eq!(
        (answer.outcome(), &answer.body["details"]),
        ((409, "MK_KEY_INCOMPLETE"), &Value::Null)
    );
}

#[tokio::test]
async fn a_body_where_none_is_passed_on_leaves_the_next_tenants_request_whole() {
    let it = setting().await;
    let saved = it
        .service
        .put(
            Bob,
            "/v1/api-keys/vapi",
            &json!({"api_key": "bobs-own-key-of-some-length"}),
        )
        .await;
    assert_eq!(saved.status, 200);
    for _ in 0..3 {
        // A GET with a body: legal, and of no meaning to the provider.
        let with_body = it
            .service
            .request_as(Alice, Method::GET, "/v1/relay/vapi/call")
            .body("HELLO");
        assert_eq!(Answer::of(with_body).await.status, 200);
        let bobs = it.service.get(Bob, "/v1/relay/vapi/assistant").await;
        assert_eq!(bobs.status, 200, "{}", bobs.text);
        let seen = it.provider.last();
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str()),
            ("GET", "/base/assistant")
        );
        assert_eq!(
            seen.headers["authorization"],
            "Bearer bobs-own-key-of-some-length"
        );
    }
}

#[tokio::test]
async fn what_would_tell_the_key_is_not_asked() {
    let it = setting().await;
    it.service
        .put(Alice, "/v1/api-keys/twilio", &json!({"api_key": "AC1:token"}))
        .await;
    for path in [
        "Accounts.json",
        "Accounts/AC1.json",
        "accounts/AC1",
        "%41ccounts/AC1.json",
    ] {
        let refused = it
            .service
            .get(Alice, &format!("/v1/relay/twilio/2010-04-01/{path}"))
            .await;
        assert_eq!(refused.outcome(), (403, "MK403"), "{path}");
    }
    assert!(it.provider.seen().is_empty());
}
