//! How many requests a user may make in a time.

use reqwest::Method;
use serde_json::json;
use tests::people::Person::{Alice, Bob};
use tests::service::Answer;
use tests::{Service, TestDatabase};

use crate::access_tokens::in_days;

const PAGE: &str = "https://app.example.com";

async fn limited(database: &TestDatabase) -> Service {
    let settings = [("RATE_LIMIT", "3/1h"), ("CORS_ALLOWED_ORIGINS", PAGE)];
    Service::with(&database.login_url(), &settings).await
}

/// What an answer says of the quota: of `RateLimit-Policy`, and `r` of `RateLimit`.
fn quota(answer: &Answer) -> (&str, &str) {
    let state = answer.header("ratelimit");
    let (state, _) = state.rsplit_once(";t=").unwrap_or((state, ""));
    (answer.header("ratelimit-policy"), state)
}

const POLICY: &str = r#""user";q=3;w=3600"#;

#[tokio::test]
async fn a_user_has_a_quota_whatever_token_they_use_and_others_have_their_own() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = limited(&database).await;
    let token = json!({"name": "t", "scopes": ["leads:read"], "expires_at": in_days(1)});
    let made = service.post(Alice, "/v1/access-tokens", &token).await;
    assert_eq!((made.status, quota(&made)), (201, (POLICY, r#""user";r=2"#)));
    let own = made.body["token"].as_str().unwrap();

    // Neither a stranger's nor an unreadable token is anybody's.
    let stranger = Answer::of(service.request(Method::GET, "/v1/leads")).await;
    assert_eq!((stranger.status, quota(&stranger)), (401, ("", "")));
    let healthy = Answer::of(service.request(Method::GET, "/health")).await;
    assert_eq!(quota(&healthy), ("", ""));

    let by_token = service.request(Method::GET, "/v1/leads").bearer_auth(own);
    let by_token = Answer::of(by_token).await;
    assert_eq!(
        (by_token.status, quota(&by_token)),
        (200, (POLICY, r#""user";r=1"#))
    );
    let nowhere = Answer::of(service.request(Method::GET, "/v1/nowhere").bearer_auth(own)).await;
    assert_eq!(nowhere.status, 404);
    let by_back_end = Answer::of(service.request_for(Alice, Method::GET, "/v1/leads")).await;
    assert_eq!(
        (by_back_end.status, quota(&by_back_end)),
        (200, (POLICY, r#""user";r=0"#))
    );

    for method in [Method::GET, Method::POST] {
        let refused = Answer::of(service.request_as(Alice, method, "/v1/leads")).await;
        assert_eq!(refused.outcome(), (429, "MK_RATE"));
        assert_eq!(quota(&refused), (POLICY, r#""user";r=0"#));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!(
            (1..=1200).contains(&wait),
            "one request comes back in a third of an hour: {wait}"
        );
        assert!(
            refused.header("ratelimit").ends_with(&format!(";t={wait}")),
            "{refused:?}"
        );
    }
    let bobs = service.get(Bob, "/v1/leads").await;
    assert_eq!((bobs.status, quota(&bobs)), (200, (POLICY, r#""user";r=2"#)));
    let measured = Answer::of(service.request(Method::GET, "/metrics")).await;
    assert!(
        measured.text.contains("mako_rate_limited_total 2"),
        "{}",
        measured.text
    );
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_reads_its_quota() {
    let database = TestDatabase::new().await;
    let service = limited(&database).await;
    let request = service
        .request_as(Alice, Method::GET, "/v1/leads")
        .header("origin", PAGE);
    let answer = Answer::of(request).await;
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
        assert!(
            exposed.split(',').any(|exposed| exposed.trim() == name),
            "{name}: {exposed}"
        );
    }
}

#[tokio::test]
async fn without_a_limit_nothing_is_said_of_one() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let answer = service.get(Alice, "/v1/leads").await;
    assert_eq!((answer.status, quota(&answer)), (200, ("", "")));
}
