//! What does a client see at the edge? Every error is a problem document, whatever caused it.

mod connections;
mod pages;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tests::people::Person::Alice;
use tests::service::Answer;
use tests::{Service, TestDatabase};

/// RFC 9457's members and PostgREST's, all of them, and the id that is in the header too.
pub(crate) fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.outcome(), (status, code), "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = answer.body.as_object().expect("an object");
    for member in "type title status code message details hint request_id".split(' ') {
        assert!(body.contains_key(member), "{member}: {}", answer.text);
    }
    assert_eq!(answer.body["status"], status);
    assert_eq!(answer.body["request_id"], answer.header("x-request-id"));
    assert!(!answer.header("x-request-id").is_empty());
}

/// What is wrong, the request, and the status and code of its answer.
type Case = (&'static str, RequestBuilder, u16, &'static str);

fn wrong_routes(service: &Service) -> Vec<Case> {
    vec![
        (
            "an unknown route",
            service.request(Method::GET, "/nothing/here"),
            404,
            "PGRST125",
        ),
        (
            "an unknown version",
            service.request_as(Alice, Method::GET, "/v2/leads"),
            404,
            "PGRST125",
        ),
        (
            "a wrong method",
            service.request_as(Alice, Method::PUT, "/v1/leads"),
            405,
            "PGRST117",
        ),
        (
            "a wrong method of the documentation",
            service.request(Method::POST, "/docs"),
            405,
            "PGRST117",
        ),
        (
            "a wrong method of a static page",
            service.request(Method::DELETE, "/openapi.json"),
            405,
            "PGRST117",
        ),
    ]
}

fn wrong_bodies(service: &Service) -> Vec<Case> {
    let post = || service.request_as(Alice, Method::POST, "/v1/leads");
    let json = "application/json";
    vec![
        (
            "another media type",
            post().header("content-type", "text/plain").body("{}"),
            415,
            "MK415",
        ),
        ("no media type is taken for JSON", post().body("{}"), 422, "MK422"),
        (
            "no JSON",
            post().header("content-type", json).body("{\"name\":"),
            400,
            "PGRST102",
        ),
        (
            "two documents",
            post().header("content-type", json).body("{} {}"),
            400,
            "PGRST102",
        ),
        (
            "no UTF-8",
            post().header("content-type", json).body(vec![0x22, 0xff, 0x22]),
            400,
            "PGRST102",
        ),
        (
            "deep nesting",
            post().header("content-type", json).body("[".repeat(1500)),
            400,
            "PGRST102",
        ),
        (
            "no object",
            post().header("content-type", json).body("[]"),
            422,
            "MK422",
        ),
        (
            "too large",
            post().header("content-type", json).body("x".repeat(2001)),
            413,
            "MK413",
        ),
    ]
}

fn wrong_values(service: &Service) -> Vec<Case> {
    let post = || service.request_as(Alice, Method::POST, "/v1/leads");
    vec![
        (
            "NUL in a text",
            post().json(&json!({"name": "a\0b", "phone": "1", "status": "s", "source": "s"})),
            422,
            "MK422",
        ),
        (
            "NUL in a path",
            service.request_as(Alice, Method::GET, "/v1/leads/a%00b"),
            404,
            "MK404",
        ),
        (
            "a limit out of bounds",
            service.request_as(Alice, Method::GET, "/v1/leads?limit=0"),
            422,
            "MK422",
        ),
        (
            "a limit that is no number",
            service.request_as(Alice, Method::GET, "/v1/leads?limit=abc"),
            422,
            "MK422",
        ),
        (
            "an empty key",
            post()
                .header("idempotency-key", "")
                .json(&json!({"name": "a", "phone": "1", "status": "s", "source": "s"})),
            422,
            "MK422",
        ),
        (
            "a key that is too long",
            post()
                .header("idempotency-key", "k".repeat(256))
                .json(&json!({"name": "a", "phone": "1", "status": "s", "source": "s"})),
            422,
            "MK422",
        ),
    ]
}

#[tokio::test]
async fn every_error_is_a_problem_also_for_an_allowed_page() {
    let database = TestDatabase::new().await;
    let settings = [("BODY_LIMIT", "2000"), ("CORS_ALLOWED_ORIGINS", PAGE)];
    let service = Service::with(&database.login_url(), &settings).await;
    let cases = [
        wrong_routes(&service),
        wrong_bodies(&service),
        wrong_values(&service),
    ];
    for (what, request, status, code) in cases.into_iter().flatten() {
        let page = request.try_clone().expect("a body in memory");
        let (answer, read) = (
            Answer::of(request).await,
            Answer::of(page.header("origin", PAGE)).await,
        );
        for answer in [&answer, &read] {
            assert!(
                answer.status == status,
                "{what}: {} {}",
                answer.status,
                answer.text
            );
            assert_problem(answer, status, code);
            assert_eq!(answer.header("vary"), "Origin", "{what}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), "", "{what}");
        assert_eq!(read.header("access-control-allow-origin"), PAGE, "{what}");
        assert_eq!(answer.header("allow"), read.header("allow"), "{what}");
    }
    let wrong = Answer::of(service.request_as(Alice, Method::PUT, "/v1/leads")).await;
    assert!(
        wrong.header("allow").contains("GET") && wrong.header("allow").contains("POST"),
        "{}",
        wrong.header("allow")
    );
}

/// An origin whose pages may call.
const PAGE: &str = "https://app.example.com";

#[tokio::test]
async fn a_refused_parameter_is_named_with_what_it_must_be_and_nothing_else() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    for (path, details) in [
        ("/v1/leads?limit=0", "limit: must be a whole number from 1 to 200"),
        (
            "/v1/leads?limit=201",
            "limit: must be a whole number from 1 to 200",
        ),
        (
            "/v1/leads?limit=abc",
            "limit: must be a whole number from 1 to 200",
        ),
        (
            "/v1/leads?cursor=abc",
            "cursor: is not one that this list has given",
        ),
        (
            "/v1/contacts?created_after=-262143-01-01T00:00:00Z",
            "created_after: must be a time such as 2026-11-24T09:30:00Z",
        ),
        (
            "/v1/webhook-events?created_before=0000-01-01T00:00:00Z",
            "created_before: must be a time such as 2026-11-24T09:30:00Z",
        ),
        (
            "/v1/dashboard/stats?days=367",
            "days: must be a whole number from 1 to 366",
        ),
        (
            "/v1/dashboard/timeseries?points=-1",
            "points: must be a whole number from 1 to 366",
        ),
        (
            "/v1/dashboard/activity?limit=1e2",
            "limit: must be a whole number from 1 to 100",
        ),
    ] {
        let answer = service.get(Alice, path).await;
        assert_problem(&answer, 422, "MK422");
        assert_eq!(answer.body["details"], details, "{path}");
    }
    let empty_key = service
        .request_as(Alice, Method::POST, "/v1/leads")
        .header("idempotency-key", "")
        .json(&json!({}));
    assert_eq!(
        Answer::of(empty_key).await.body["details"],
        "Idempotency-Key: can't be empty"
    );
}

/// What the service says to 4,000 bytes in chunks.
#[tokio::test]
async fn a_request_may_bring_its_own_id_if_it_is_a_sane_one() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let given = Answer::of(
        service
            .request(Method::GET, "/health")
            .header("x-request-id", "abc-123"),
    )
    .await;
    assert_eq!(given.header("x-request-id"), "abc-123");
    let long = "x".repeat(500);
    let made = Answer::of(
        service
            .request(Method::GET, "/health")
            .header("x-request-id", &long),
    )
    .await;
    assert!(!made.header("x-request-id").is_empty() && made.header("x-request-id") != long);
}

#[tokio::test]
async fn health_ready_metrics_docs_and_document_answer_without_a_token() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let get = |path: &'static str| Answer::of(service.request(Method::GET, path));
    assert_eq!(get("/health").await.body, json!({"status": "ok"}));
    let ready = get("/ready").await;
    assert_eq!((ready.status, &ready.body["status"]), (200, &json!("ready")));
    assert!(ready.body["schema_version"].as_i64() >= Some(2));
    service.get(Alice, "/v1/leads").await;
    let metrics = get("/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(
        metrics.text.contains("listLeads") && metrics.text.contains("# EOF"),
        "{}",
        metrics.text
    );
    let document = get("/openapi.json").await;
    assert!(document.body["openapi"].is_string());
    let docs = get("/docs").await;
    assert!(docs.header("content-type").starts_with("text/html"));
    // Works offline: nothing is loaded from elsewhere.
    let loads = docs.text.matches("src=\"http").count() + docs.text.matches("href=\"http").count();
    assert_eq!(loads, 0);
}

#[tokio::test]
async fn json_is_never_mistaken_for_a_500() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let odd = [
        json!({"name": {"$ne": null}, "phone": "1", "status": "s", "source": "s"}),
        json!({"name": "\u{10ffff}\u{0}", "phone": "1", "status": "s", "source": "s"}),
        json!({"name": 1e308, "phone": true, "status": null, "source": []}),
        Value::Null,
        json!("text"),
        json!(5),
    ];
    for body in odd {
        let answer = service.post(Alice, "/v1/leads", &body).await;
        assert!((400..500).contains(&answer.status), "{body}: {}", answer.text);
    }
    for id in [
        "%F0%9F%98%90",
        "'%3B%20drop%20table%20leads%3B--",
        "..%2F..%2Fetc",
        &"x".repeat(500),
    ] {
        let answer = service.get(Alice, &format!("/v1/leads/{id}")).await;
        assert!((400..500).contains(&answer.status), "{id}: {}", answer.text);
    }
}
