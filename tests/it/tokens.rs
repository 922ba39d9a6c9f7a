//! Which tokens get in? Over HTTP, each refusal with the code that PostgREST gives; `identity` has the finer cases.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::Person::Alice;
use tests::people::{now, sign};
use tests::service::Answer;
use tests::{Service, TestDatabase};

async fn with_token(service: &Service, token: &str) -> Answer {
    Answer::of(service.request(Method::GET, "/v1/me").bearer_auth(token)).await
}

fn claims(changes: &Value) -> Value {
    let mut claims = Alice.payload();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test]
async fn bad_tokens_are_refused_with_the_right_code() {
    let database = TestDatabase::new().await;
    let settings = [
        ("JWT_AUDIENCE", "authenticated"),
        ("JWT_ISSUER", "https://issuer.example"),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    let good = claims(&json!({"iss": "https://issuer.example"}));
    let with = |changes: Value| {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        sign(&claims)
    };
    assert_eq!(with_token(&service, &sign(&good)).await.status, 200);
    let token = sign(&good);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let cases = [
        ("expired", with(json!({"exp": now() - 60})), "PGRST303"),
        ("not yet valid", with(json!({"nbf": now() + 60})), "PGRST303"),
        (
            "issued in the future",
            with(json!({"iat": now() + 60})),
            "PGRST303",
        ),
        ("wrong audience", with(json!({"aud": "another"})), "PGRST303"),
        (
            "wrong issuer",
            with(json!({"iss": "https://evil.example"})),
            "PGRST303",
        ),
        ("no audience", with(json!({"aud": null})), "PGRST303"),
        ("text expiry", with(json!({"exp": "never"})), "PGRST303"),
        ("truncated", token[..token.len() - 5].to_owned(), "PGRST301"),
        ("unsigned", format!("{signed}."), "PGRST301"),
        (
            "algorithm none",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.".to_owned(),
            "PGRST301",
        ),
        ("garbage in three parts", "a.b.c".to_owned(), "PGRST301"),
        ("one part", "token".to_owned(), "PGRST301"),
        ("an API key", "sb_secret_0123456789".to_owned(), "PGRST301"),
        (
            "over 16 KB",
            format!("{signed}.{}", "A".repeat(16_384)),
            "MK_TOKEN_TOO_LONG",
        ),
    ];
    for (what, token, code) in cases {
        let answer = with_token(&service, &token).await;
        assert_eq!(answer.outcome(), (401, code), "{what}");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Bearer error=\"invalid_token\""),
            "{what}"
        );
        assert!(!answer.text.contains(&token), "{what}");
    }
    let key = with_token(&service, "sb_publishable_0123456789").await;
    assert!(key.text.contains("sb_"), "{}", key.text);
}

#[tokio::test]
async fn thirty_seconds_of_skew_are_forgiven() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    for changes in [
        json!({"exp": now() - 15}),
        json!({"nbf": now() + 15}),
        json!({"iat": now() + 15}),
    ] {
        assert_eq!(
            with_token(&service, &sign(&claims(&changes))).await.status,
            200,
            "{changes}"
        );
    }
}

#[tokio::test]
async fn the_crms_own_sessions_are_good_and_its_password_resets_are_not() {
    let database = TestDatabase::new().await;
    let service = Service::with(
        &database.login_url(),
        &[("JWT_USER_CLAIM", "userId"), ("AUTH_COOKIE", "auth-token")],
    )
    .await;
    let session = json!({"userId": "crm-user", "email": "crm@example.com", "role": "user", "iat": now(), "exp": now() + 86_400});
    let me = with_token(&service, &sign(&session)).await;
    assert_eq!(
        (me.status, &me.body["user_id"], &me.body["email"]),
        (200, &json!("crm-user"), &json!("crm@example.com"))
    );
    let reset = json!({"userId": "crm-user", "email": "crm@example.com", "iat": now(), "exp": now() + 900});
    assert_eq!(with_token(&service, &sign(&reset)).await.status, 401);
    // The same session in the CRM's cookie.
    let cookie = format!("other=1; auth-token={}", sign(&session));
    let by_cookie = Answer::of(service.request(Method::GET, "/v1/me").header("cookie", cookie)).await;
    assert_eq!(by_cookie.body["user_id"], "crm-user");
}

#[tokio::test]
async fn a_cookie_changes_something_only_from_our_own_pages() {
    let database = TestDatabase::new().await;
    let cookie = format!("auth-token={}", Alice.token());
    let lead = json!({"name": "a", "phone": "1", "status": "new", "source": "web"});
    let with = async |settings: &[(&str, &str)]| {
        let settings = [&[("AUTH_COOKIE", "auth-token")], settings].concat();
        Service::with(&database.login_url(), &settings).await
    };
    let post = async |service: &Service, origin: &str| {
        let request = service
            .request(Method::POST, "/v1/leads")
            .header("cookie", &cookie)
            .json(&lead);
        let request = if origin.is_empty() {
            request
        } else {
            request.header("origin", origin)
        };
        Answer::of(request).await.status
    };
    let known = with(&[("PUBLIC_BASE_URL", "https://crm.example")]).await;
    assert_eq!(post(&known, "https://crm.example").await, 201);
    for other in [
        "https://evil.example",
        "http://crm.example",
        "https://crm.example.evil.example",
        "null",
        "",
        &known.url,
    ] {
        assert_eq!(post(&known, other).await, 403, "{other}");
    }
    // Without a base URL, our own page is the one on the host that was asked.
    let unknown = with(&[]).await;
    assert_eq!(post(&unknown, &unknown.url).await, 201);
    assert_eq!(post(&unknown, &unknown.url.replace("http:", "https:")).await, 201);
    for other in [
        "https://evil.example",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "null",
        "",
    ] {
        assert_eq!(post(&unknown, other).await, 403, "{other}");
    }
    // The operator lets these pages call with credentials.
    let listed = with(&[("CORS_ALLOWED_ORIGINS", "https://app.example")]).await;
    assert_eq!(post(&listed, "https://app.example").await, 201);
    assert_eq!(post(&listed, "https://evil.example").await, 403);

    let off = Service::on(&database).await;
    let ignored = Answer::of(off.request(Method::GET, "/v1/me").header("cookie", &cookie)).await;
    assert_eq!(
        ignored.outcome(),
        (401, "PGRST302"),
        "no cookie unless it is configured"
    );
}

#[tokio::test]
async fn service_role_acts_only_as_a_named_user() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let token = sign(
        &json!({"iss": "supabase", "ref": "x", "role": "service_role", "iat": now(), "exp": now() + 60}),
    );
    let alone = Answer::of(service.request(Method::GET, "/v1/leads").bearer_auth(&token)).await;
    assert_eq!(alone.outcome(), (403, "MK403"));
    let named = Answer::of(
        service
            .request(Method::GET, "/v1/leads")
            .bearer_auth(&token)
            .header("x-mako-user", Alice.id()),
    )
    .await;
    assert_eq!(
        named.body["data"].as_array().map(Vec::len),
        Some(3),
        "alice's rows, through alice's policies"
    );
    // A user's token doesn't get to name somebody else.
    let other = Answer::of(
        service
            .request_as(Alice, Method::GET, "/v1/me")
            .header("x-mako-user", "somebody"),
    )
    .await;
    assert_eq!(other.body["user_id"], Alice.id());
}

#[tokio::test]
async fn an_anonymous_key_is_no_session() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let anon = sign(&json!({"iss": "supabase", "ref": "x", "role": "anon", "iat": now(), "exp": now() + 60}));
    assert_eq!(with_token(&service, &anon).await.status, 401);
}

/// A JWKS endpoint on loopback that answers every request with the same keys.
fn jwks_endpoint(keys: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let body = keys.to_string();
        // Ends with the test's process.
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            drop(stream.write_all((head + &body).as_bytes()));
        }
    });
    url
}

#[tokio::test]
async fn tokens_of_a_key_set_are_verified_and_its_public_key_is_no_secret() {
    let signer = tests::es256::Signer::new("key-1");
    let database = TestDatabase::new().await;
    let service = Service::with(
        &database.login_url(),
        &[
            ("JWT_SECRET", ""),
            ("JWKS_URL", &jwks_endpoint(json!({"keys": [signer.jwk()]}))),
        ],
    )
    .await;
    assert_eq!(
        with_token(&service, &signer.sign(&Alice.payload())).await.body["user_id"],
        Alice.id()
    );
    let unknown = tests::es256::Signer::new("key-2");
    assert_eq!(
        with_token(&service, &unknown.sign(&Alice.payload()))
            .await
            .outcome(),
        (401, "PGRST301")
    );
    // HS256 with anything, the published key included, is no signature here.
    assert_eq!(
        with_token(&service, &Alice.token()).await.outcome(),
        (401, "PGRST301")
    );
}

#[tokio::test]
async fn a_token_of_twelve_kilobytes_is_good_and_its_limit_can_be_set() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let organisations = vec!["x".repeat(40); 210];
    let large = sign(&claims(&json!({"user_metadata": {"orgs": organisations}})));
    assert!(large.len() > 12_000);
    assert_eq!(with_token(&service, &large).await.status, 200);

    let strict = Service::with(&database.login_url(), &[("JWT_SIZE_LIMIT", "8192")]).await;
    let refused = with_token(&strict, &large).await;
    assert_eq!(refused.outcome(), (401, "MK_TOKEN_TOO_LONG"));
    assert!(refused.text.contains("JWT_SIZE_LIMIT"), "{}", refused.text);
}
