//! Which pages may read the answers?

use reqwest::Method;
use tests::people::Person::Alice;
use tests::service::Answer;
use tests::{Service, TestDatabase};

#[tokio::test]
async fn only_listed_origins_may_read_the_answers() {
    let database = TestDatabase::new().await;
    let service = Service::with(
        &database.login_url(),
        &[(
            "CORS_ALLOWED_ORIGINS",
            "https://crm.example,https://other.example",
        )],
    )
    .await;
    let preflight = |origin: &'static str| {
        Answer::of(
            service
                .request(Method::OPTIONS, "/v1/leads")
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,content-type"),
        )
    };
    let listed = preflight("https://crm.example").await;
    assert!(listed.status < 300, "{}", listed.status);
    assert_eq!(
        listed.header("access-control-allow-origin"),
        "https://crm.example"
    );
    assert!(
        listed
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    assert_eq!(
        preflight("https://evil.example")
            .await
            .header("access-control-allow-origin"),
        ""
    );
    let read = Answer::of(
        service
            .request_as(Alice, Method::GET, "/v1/leads")
            .header("origin", "https://crm.example"),
    )
    .await;
    assert_eq!(
        (read.status, read.header("access-control-allow-origin")),
        (200, "https://crm.example")
    );
    let error = Answer::of(
        service
            .request(Method::GET, "/v1/leads")
            .header("origin", "https://crm.example"),
    )
    .await;
    assert_eq!(
        (error.status, error.header("access-control-allow-origin")),
        (401, "https://crm.example"),
        "errors can be read, too"
    );
}
