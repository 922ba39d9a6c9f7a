//! Leads over HTTP: what every resource promises, shown on the one that has it all.

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use tests::database::batch;
use tests::people::Person::{self, Alice, Bob, Mallory};
use tests::service::Answer;
use tests::{Service, TestDatabase};

fn lead() -> Value {
    json!({"name": "Jane Doe", "phone": "+1 (415) 555-2671", "status": "new", "source": "Voice"})
}

async fn service() -> (TestDatabase, Service) {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    (database, service)
}

/// All ids of a list, page by page.
async fn all_ids(service: &Service, person: Person, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service.get(person, &format!("/v1/leads?{query}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        ids.extend(
            page.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn a_lead_lives_from_create_to_delete() {
    let (_database, service) = service().await;
    let made = service.post(Alice, "/v1/leads", &lead()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.body["phone"], "+14155552671", "normalised to E.164");
    assert_eq!(made.body["summary"], Value::Null);
    let path = format!("/v1/leads/{}", made.body["id"].as_str().unwrap());
    assert_eq!(made.header("location"), path);
    assert_eq!(service.get(Alice, &path).await.body, made.body);

    let changed = service
        .patch(
            Alice,
            &path,
            &json!({"status": "qualified", "summary": "wants a quote"}),
        )
        .await;
    assert_eq!(
        (changed.status, &changed.body["status"], &changed.body["name"]),
        (200, &json!("qualified"), &json!("Jane Doe"))
    );
    assert!(changed.body["updated_at"].as_str() > made.body["updated_at"].as_str());
    let emptied = service.patch(Alice, &path, &json!({"summary": null})).await;
    assert_eq!(
        emptied.body["summary"],
        Value::Null,
        "null empties, absence keeps"
    );
    assert_eq!(emptied.body["status"], "qualified");

    let gone = service.delete(Alice, &path).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!(service.get(Alice, &path).await.outcome(), (404, "MK404"));
    assert_eq!(service.delete(Alice, &path).await.outcome(), (404, "MK404"));
}

#[tokio::test]
async fn another_tenants_lead_is_not_found_whatever_is_tried() {
    let (database, service) = service().await;
    let id = all_ids(&service, Alice, "limit=1").await.remove(0);
    let path = format!("/v1/leads/{id}");
    assert_eq!(service.get(Bob, &path).await.outcome(), (404, "MK404"));
    assert_eq!(
        service
            .patch(Bob, &path, &json!({"name": "stolen"}))
            .await
            .outcome(),
        (404, "MK404")
    );
    assert_eq!(service.delete(Bob, &path).await.outcome(), (404, "MK404"));
    assert!(!all_ids(&service, Bob, "limit=200").await.contains(&id));
    let name: String = database
        .superuser()
        .await
        .query_one("select name from leads where id = $1", &[&id])
        .await
        .unwrap()
        .get(0);
    assert!(name.ends_with("alice@example.com"));
}

#[tokio::test]
async fn a_body_cannot_say_whose_the_row_is() {
    let (_database, service) = service().await;
    for field in ["user_id", "id", "created_at", "updated_at", "tenant"] {
        let mut body = lead();
        body[field] = json!(Alice.id());
        let refused = service.post(Bob, "/v1/leads", &body).await;
        assert_eq!(refused.outcome(), (422, "MK422"), "{field}");
        assert!(
            refused.body["details"].as_str().unwrap().contains(field),
            "{field}"
        );
    }
}

#[tokio::test]
async fn every_wrong_field_is_named_and_no_value_is_repeated() {
    let (_database, service) = service().await;
    let body = json!({"name": 5, "phone": "x".repeat(40), "status": "", "secret": "s3cr3t-value", "summary": ["s3cr3t-value"]});
    let refused = service.post(Alice, "/v1/leads", &body).await;
    assert_eq!(refused.outcome(), (422, "MK422"));
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let details = refused.body["details"].as_str().unwrap();
    for field in ["name", "phone", "status", "source", "secret", "summary"] {
        assert!(details.contains(field), "{field} in {details}");
    }
    assert!(!refused.text.contains("s3cr3t-value"));
}

#[tokio::test]
async fn the_same_key_makes_one_lead() {
    let (_database, service) = service().await;
    let create = |person: Person, key: &'static str, body: Value| {
        Answer::of(
            service
                .request_as(person, Method::POST, "/v1/leads")
                .header("idempotency-key", key)
                .json(&body),
        )
    };
    let first = create(Alice, "k-1", lead()).await;
    let again = create(
        Alice,
        "k-1",
        json!({"name": "other", "phone": "2", "status": "new", "source": "x"}),
    )
    .await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body, "the first result");
    let bobs = create(Bob, "k-1", lead()).await;
    assert_eq!(bobs.status, 201, "keys of different users never meet");
    assert_ne!(bobs.body["id"], first.body["id"]);
    // At the same time, too.
    let at_once = futures_util::future::join_all((0..8).map(|_| create(Alice, "k-2", lead()))).await;
    let ids: std::collections::BTreeSet<_> = at_once
        .iter()
        .map(|answer| answer.body["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1, "{at_once:?}");
    assert_eq!(at_once.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(all_ids(&service, Alice, "limit=200").await.len(), 3 + 2);
}

#[tokio::test]
async fn the_first_write_of_a_new_user_works() {
    let (_database, service) = service().await;
    assert_eq!(service.post(Mallory, "/v1/leads", &lead()).await.status, 201);
    let me = service.get(Mallory, "/v1/me").await;
    assert_eq!(
        me.body,
        json!({"user_id": Mallory.id(), "email": Mallory.email(), "business_name": null, "role": "user"})
    );
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_a_row_while_others_are_inserted() {
    let (database, service) = service().await;
    let superuser = database.superuser().await;
    // Forty rows within one microsecond: the id decides.
    let rows = format!(
        "insert into leads (user_id, name, phone, status, source, created_at) select '{}', 'n', '1', 'new', 'bulk', '2026-01-01T00:00:00Z' from generate_series(1, 40)",
        Alice.id()
    );
    batch(&superuser, &rows).await;
    let expected = all_ids(&service, Alice, "limit=200&source=bulk").await;
    assert_eq!(expected.len(), 40);
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service
            .get(Alice, &format!("/v1/leads?source=bulk&limit=7{cursor}"))
            .await;
        ids.extend(
            page.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        let newer = json!({"name": "n", "phone": "1", "status": "new", "source": "bulk"});
        assert_eq!(service.post(Alice, "/v1/leads", &newer).await.status, 201);
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn filters_narrow_and_counts_count() {
    let (_database, service) = service().await;
    for (status, source, summary) in [
        ("won", "Web", "50% off_er"),
        ("won", "Fair", "plain"),
        ("lost", "Web", "Grüße"),
    ] {
        let body = json!({"name": "Filter", "phone": "+14155552671", "status": status, "source": source, "sentiment": "😐", "summary": summary});
        assert_eq!(service.post(Alice, "/v1/leads", &body).await.status, 201);
    }
    for (query, rows) in [
        ("status=won", 2),
        ("status=won&source=Web", 1),
        ("sentiment=%F0%9F%98%90", 3),
        ("phone=%2B1%20415%20555%202671", 3),
        ("q=GR%C3%9C%C3%9FE", 1),
        ("q=50%25%20off_", 1),
        ("q=%25", 1),
        ("q=filter", 3),
        ("created_after=2999-01-01T00:00:00Z", 0),
        ("created_before=2000-01-01T00:00:00Z", 0),
        ("created_after=2000-01-01T00:00:00Z&status=won", 2),
    ] {
        let page = service
            .get(Alice, &format!("/v1/leads?count=exact&{query}"))
            .await;
        assert_eq!(
            page.body["data"].as_array().map(Vec::len),
            Some(rows),
            "{query}: {}",
            page.text
        );
        assert_eq!(page.body["count"], rows, "{query}");
    }
    let without = service.get(Alice, "/v1/leads").await;
    assert_eq!(without.body.get("count"), None);
}

#[tokio::test]
async fn paging_parameters_out_of_range_are_refused() {
    let (_database, service) = service().await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "cursor=nonsense",
        "count=all",
        "created_after=yesterday",
    ] {
        let refused = service.get(Alice, &format!("/v1/leads?{query}")).await;
        assert_eq!(refused.outcome(), (422, "MK422"), "{query}");
        assert!(
            refused.body["details"]
                .as_str()
                .unwrap()
                .contains(query.split('=').next().unwrap()),
            "{}",
            refused.text
        );
    }
}

#[tokio::test]
async fn a_phone_number_that_cannot_be_read_stays_as_typed() {
    let (_database, service) = service().await;
    for (typed, kept) in [
        ("+44 20 7946 0958", "+442079460958"),
        ("ask reception", "ask reception"),
        ("12", "12"),
    ] {
        let mut body = lead();
        body["phone"] = json!(typed);
        assert_eq!(service.post(Alice, "/v1/leads", &body).await.body["phone"], kept);
    }
}

#[tokio::test]
async fn with_a_region_national_numbers_are_read_too() {
    let database = TestDatabase::new().await;
    let service = Service::with(&database.login_url(), &[("PHONE_REGION", "US")]).await;
    let mut body = lead();
    body["phone"] = json!("(415) 555-2671");
    assert_eq!(
        service.post(Alice, "/v1/leads", &body).await.body["phone"],
        "+14155552671"
    );
    let found = service
        .get(Alice, "/v1/leads?count=exact&phone=415.555.2671")
        .await;
    assert_eq!(found.body["count"], 1);
}

#[tokio::test]
async fn a_key_beyond_ascii_counts_and_one_that_cannot_be_read_is_refused() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let post = |key: &[u8]| {
        let lead = json!({"name": "a", "phone": "1", "status": "new", "source": "web"});
        let request = service.request_as(Alice, Method::POST, "/v1/leads").json(&lead);
        Answer::of(request.header("idempotency-key", HeaderValue::from_bytes(key).unwrap()))
    };
    let first = post("Anfrage-München".as_bytes()).await;
    let again = post("Anfrage-München".as_bytes()).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
    let unreadable = post(b"Anfrage-M\xfcnchen").await;
    assert_eq!(unreadable.outcome(), (422, "MK422"), "{}", unreadable.text);
    assert_eq!(unreadable.body["details"], "Idempotency-Key: must be UTF-8");
    let twice = service
        .request_as(Alice, Method::POST, "/v1/leads")
        .header("idempotency-key", "a")
        .header("idempotency-key", "b")
        .json(&json!({"name": "a", "phone": "1", "status": "new", "source": "web"}));
    assert_eq!(Answer::of(twice).await.outcome(), (422, "MK422"));
    assert_eq!(service.get(Alice, "/v1/leads?count=exact").await.body["count"], 1);
}

#[tokio::test]
async fn a_number_is_found_with_its_plus_escaped_or_not() {
    let (_database, service) = service().await;
    service.post(Alice, "/v1/leads", &lead()).await;
    for path in [
        "/v1/leads?phone=%2B14155552671",
        "/v1/leads?phone=+14155552671",
        "/v1/leads?phone=+1%20(415)%20555-2671",
    ] {
        let found = service.get(Alice, path).await;
        assert_eq!(found.body["data"].as_array().map(Vec::len), Some(1), "{path}");
    }
}
