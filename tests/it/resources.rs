//! The other resources over HTTP: what they have of their own.

use serde_json::{Value, json};
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tests::{Service, TestDatabase};

pub(crate) async fn service() -> (TestDatabase, Service) {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    (database, service)
}

#[tokio::test]
async fn a_contact_lives_from_create_to_delete() {
    let (_database, service) = service().await;
    let body = json!({"first_name": "Zoë", "last_name": "Ng", "email": "Zoe@Example.com", "phone": "+1 (415) 555-2671", "company": "Acme",
        "appointment_date": "2026-12-01T09:00:00+01:00"});
    let made = service.post(Alice, "/v1/contacts", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.body["status"], "active");
    assert_eq!(made.body["phone"], "+14155552671");
    assert_eq!(made.body["appointment_date"], "2026-12-01T08:00:00Z", "UTC");
    for query in [
        "email=zoe@example.com",
        "company=Acme",
        "phone=%2B14155552671",
        "q=zo%C3%AB%20ng",
        "status=active&q=acme",
    ] {
        let found = service
            .get(Alice, &format!("/v1/contacts?count=exact&{query}"))
            .await;
        assert_eq!(found.body["count"], 1, "{query}: {}", found.text);
        assert_eq!(
            service
                .get(Bob, &format!("/v1/contacts?count=exact&{query}"))
                .await
                .body["count"],
            0,
            "{query}"
        );
    }
    let path = format!("/v1/contacts/{}", made.body["id"].as_str().unwrap());
    let changed = service
        .patch(
            Alice,
            &path,
            &json!({"notes": "VIP", "company": null, "appointment_date": null}),
        )
        .await;
    assert_eq!(
        (
            &changed.body["notes"],
            &changed.body["company"],
            &changed.body["appointment_date"]
        ),
        (&json!("VIP"), &Value::Null, &Value::Null)
    );
    assert_eq!(
        service
            .patch(Alice, &path, &json!({"first_name": null}))
            .await
            .outcome(),
        (422, "MK422")
    );
    assert_eq!(service.delete(Alice, &path).await.status, 204);
}

#[tokio::test]
async fn no_time_that_a_user_can_store_takes_their_list_away() {
    let (database, service) = service().await;
    let client = database.login().await;
    let alice = format!(
        "begin; select set_config('request.jwt.claims', '{}', true), set_config('role', 'authenticated', true)",
        Alice.payload()
    );
    for time in ["infinity", "-infinity", "290000-01-01", "4000-01-01 BC"] {
        // As PostgREST would let her.
        batch(&client, &alice).await;
        let store = format!("update contacts set appointment_date = '{time}'");
        let refused = client.execute(&store, &[]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "23514", "{time}");
        batch(&client, "rollback").await;
        for (table, path) in [
            ("leads", "/v1/leads"),
            ("contacts", "/v1/contacts"),
            ("call_logs", "/v1/call-logs"),
            ("automation_logs", "/v1/automation-logs"),
            ("leads", "/v1/dashboard/activity"),
        ] {
            batch(&client, &alice).await;
            batch(
                &client,
                &format!("update {table} set updated_at = '{time}'; commit"),
            )
            .await;
            let list = service.get(Alice, path).await;
            assert_eq!(list.status, 200, "{table} {time}: {}", list.text);
        }
    }
    // Rows of before the rule, on a database that was taken over.
    let superuser = database.superuser().await;
    batch(
        &superuser,
        "alter table contacts drop constraint contacts_limits; update contacts set appointment_date = 'infinity';
         update leads set created_at = 'infinity'",
    )
    .await;
    for path in ["/v1/leads", "/v1/dashboard/activity"] {
        assert_eq!(service.get(Alice, path).await.status, 200, "{path}");
    }
    let list = service.get(Alice, "/v1/contacts").await;
    assert_eq!(
        list.body["data"][0]["appointment_date"],
        "9999-12-31T23:59:59.999999Z"
    );
}

#[tokio::test]
async fn call_logs_are_added_listed_and_found() {
    let (_database, service) = service().await;
    let body = json!({"phone": "+1 415 555 2671", "recording_url": "https://example.com/r.mp3", "duration": 61, "sentiment": "positive", "summary": "Quote"});
    let made = service.post(Alice, "/v1/call-logs", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(
        (&made.body["duration"], &made.body["phone"]),
        (&json!(61), &json!("+14155552671"))
    );
    let path = format!("/v1/call-logs/{}", made.body["id"].as_str().unwrap());
    assert_eq!(service.get(Alice, &path).await.body, made.body);
    assert_eq!(service.get(Bob, &path).await.outcome(), (404, "MK404"));
    assert_eq!(
        service
            .get(Alice, "/v1/call-logs?count=exact&sentiment=positive")
            .await
            .body["count"],
        1
    );
    for bad in [
        json!({"phone": "1", "duration": -1}),
        json!({"phone": "1", "duration": 1.5}),
        json!({"phone": "1", "recording_url": "javascript:alert(1)"}),
        json!({}),
    ] {
        assert_eq!(
            service.post(Alice, "/v1/call-logs", &bad).await.outcome(),
            (422, "MK422"),
            "{bad}"
        );
    }
    assert_eq!(service.delete(Alice, &path).await.status, 405);
}

#[tokio::test]
async fn automation_logs_are_added_listed_and_found() {
    let (_database, service) = service().await;
    let body = json!({"action_type": "email", "status": "completed", "details": "{\"to\":\"x\"}"});
    let made = service.post(Alice, "/v1/automation-logs", &body).await;
    assert_eq!(
        (made.status, &made.body["details"]),
        (201, &body["details"]),
        "{}",
        made.text
    );
    let path = format!("/v1/automation-logs/{}", made.body["id"].as_str().unwrap());
    assert_eq!(service.get(Alice, &path).await.body, made.body);
    assert_eq!(service.get(Bob, &path).await.outcome(), (404, "MK404"));
    assert_eq!(
        service
            .get(Alice, "/v1/automation-logs?count=exact&action_type=email")
            .await
            .body["count"],
        1
    );
}
