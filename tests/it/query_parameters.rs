//! Which query parameters are taken? What isn't is refused with a hint, and times are read as clients write them.

use reqwest::Method;
use serde_json::json;
use tests::database::batch;
use tests::people::Person::Alice;
use tests::service::Answer;
use tests::{Service, TestDatabase};

#[tokio::test]
async fn a_parameter_that_an_operation_does_not_have_is_refused_and_says_what_to_use() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    for (path, details) in [
        (
            "/v1/me?select=id",
            "select: is not a parameter of this operation, which takes none",
        ),
        ("/v1/leads?limit=1&limit=2", "limit: may be given once only"),
        (
            "/v1/leads?status=new&status=new",
            "status: may be given once only",
        ),
    ] {
        let answer = service.get(Alice, path).await;
        assert_eq!(answer.outcome(), (422, "MK422"));
        assert_eq!(answer.body["details"], details, "{path}");
    }
    let ordered = service.get(Alice, "/v1/leads?order=name.asc").await;
    assert_eq!(ordered.outcome(), (422, "MK422"));
    let details = ordered.body["details"].as_str().expect("a text");
    assert!(details.starts_with("order: is not a parameter"), "{details}");
    assert!(
        ordered.body["hint"]
            .as_str()
            .expect("a hint")
            .contains("PostgREST")
    );
    let stranger = Answer::of(service.request(Method::GET, "/v1/leads?order=name.asc")).await;
    assert_eq!(stranger.outcome(), (401, "PGRST302"));
}

#[tokio::test]
async fn filters_take_times_as_generated_clients_write_them() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let lead = json!({"name": "n", "phone": "+15551230001", "status": "new", "source": "SMS"});
    assert_eq!(service.post(Alice, "/v1/leads", &lead).await.status, 201);
    let change = "update public.leads set created_at = '2026-01-01T00:00:00Z'";
    batch(&database.superuser().await, change).await;
    for (after, found) in [
        ("2026-01-01T00:00:00", 1),
        ("2026-01-01T00:00:01", 0),
        ("2026-01-01T02:00:00.000000%2B0200", 1),
        ("2026-01-01T02:00:01.000000%2B0200", 0),
        ("2026-01-01T02:00:00+02:00", 1),
    ] {
        let answer = service
            .get(Alice, &format!("/v1/leads?created_after={after}"))
            .await;
        let rows = answer.body["data"].as_array().map(Vec::len);
        assert_eq!(rows, Some(found), "{after}: {}", answer.text);
    }
}
