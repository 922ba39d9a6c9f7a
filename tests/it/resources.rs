//! The other resources over HTTP: what they have of their own.

use serde_json::{Value, json};
use tests::database::batch;
use tests::people::Person::{Alice, Bob, Mallory};
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

/// What a browser keeps under `crm_contacts`.
fn browser() -> Value {
    json!([
        {"id": "1700000000001", "name": "Jane van Doe", "email": "jane@example.com", "phone": "+1 (415) 555-2671", "company": "Acme",
         "jobPosition": "CEO", "status": "Active", "notes": "", "appointmentDate": "", "createdAt": "2026-01-01T00:00:00.000Z"},
        {"id": "test_1", "name": "Single", "email": "", "phone": "555", "company": "", "jobPosition": "", "status": "Pending",
         "notes": "n", "plan": "Pro", "appointmentDate": "2026-12-01T10:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z"},
        {"id": "3", "name": "", "email": "nameless@example.com", "phone": "", "company": "", "jobPosition": "", "status": "Active",
         "notes": "", "createdAt": "2026-01-01T00:00:00.000Z"},
        "no object",
    ])
}

fn counts(body: &Value) -> (i64, i64, i64) {
    let count = |name: &str| body[name].as_i64().unwrap_or(-1);
    (count("created"), count("updated"), count("unchanged"))
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
async fn an_import_can_be_repeated_without_doubling() {
    let (_database, service) = service().await;
    let import = json!({"contacts": browser()});
    let first = service.post(Mallory, "/v1/contacts/import", &import).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(counts(&first.body), (2, 0, 0));
    let rejected: Vec<_> = first.body["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["index"].as_i64().unwrap())
        .collect();
    assert_eq!(rejected, [2, 3]);
    assert!(!first.text.contains("nameless"), "values are not repeated");
    let again = service.post(Mallory, "/v1/contacts/import", &import).await;
    assert_eq!(counts(&again.body), (0, 0, 2));
    let listed = service.get(Mallory, "/v1/contacts?count=exact&q=jane").await;
    let jane = &listed.body["data"][0];
    assert_eq!(
        (
            &jane["first_name"],
            &jane["last_name"],
            &jane["phone"],
            &jane["status"],
            &jane["notes"]
        ),
        (
            &json!("Jane"),
            &json!("van Doe"),
            &json!("+14155552671"),
            &json!("active"),
            &Value::Null
        )
    );
    assert_eq!(
        service.get(Mallory, "/v1/contacts?count=exact").await.body["count"],
        2
    );
}

#[tokio::test]
async fn a_changed_object_updates_and_never_blanks_out() {
    let (_database, service) = service().await;
    service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": browser()}))
        .await;
    let mut changed = browser();
    changed[0]["company"] = json!("Globex");
    changed[0]["jobPosition"] = json!("");
    let import = service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": changed}))
        .await;
    assert_eq!(counts(&import.body), (0, 1, 1), "{}", import.text);
    let jane = &service.get(Mallory, "/v1/contacts?q=jane").await.body["data"][0];
    assert_eq!(
        (&jane["company"], &jane["job_position"]),
        (&json!("Globex"), &json!("CEO"))
    );
}

#[tokio::test]
async fn edits_in_the_crm_survive_a_repeated_import() {
    let (_database, service) = service().await;
    service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": browser()}))
        .await;
    let jane = service.get(Mallory, "/v1/contacts?q=jane").await.body["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    service
        .patch(
            Mallory,
            &format!("/v1/contacts/{jane}"),
            &json!({"notes": "edited", "company": "New Inc"}),
        )
        .await;
    let again = service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": browser()}))
        .await;
    assert_eq!(counts(&again.body), (0, 0, 2));
    let jane = service.get(Mallory, &format!("/v1/contacts/{jane}")).await;
    assert_eq!(
        (&jane.body["notes"], &jane.body["company"]),
        (&json!("edited"), &json!("New Inc"))
    );
}

#[tokio::test]
async fn another_browser_with_the_same_people_or_the_same_ids_doubles_nothing() {
    let (_database, service) = service().await;
    service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": browser()}))
        .await;
    // The same person under another id; another person under the same id.
    let other = json!([
        {"id": "9", "name": "Jane van Doe", "email": "JANE@example.com", "phone": "", "status": "Active"},
        {"id": "test_1", "name": "Somebody Else", "email": "else@example.com", "phone": "777", "status": "Active"},
    ]);
    let import = service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": other}))
        .await;
    assert_eq!(
        (
            import.body["created"].as_i64(),
            import.body["rejected"].as_array().map(Vec::len)
        ),
        (Some(1), Some(0)),
        "{}",
        import.text
    );
    assert_eq!(
        service.get(Mallory, "/v1/contacts?count=exact").await.body["count"],
        3
    );
    let single = service.get(Mallory, "/v1/contacts?q=Single").await;
    assert_eq!(
        single.body["data"].as_array().map(Vec::len),
        Some(1),
        "nobody was overwritten"
    );
}

#[tokio::test]
async fn imports_at_the_same_time_double_nothing_and_stay_with_their_tenant() {
    let (_database, service) = service().await;
    let import = json!({"contacts": browser()});
    let imports = (0..6).map(|_| service.post(Mallory, "/v1/contacts/import", &import));
    for answer in futures_util::future::join_all(imports).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(
        service.get(Mallory, "/v1/contacts?count=exact").await.body["count"],
        2
    );
    service.post(Bob, "/v1/contacts/import", &import).await;
    assert_eq!(
        service.get(Bob, "/v1/contacts?count=exact").await.body["count"],
        2 + 2
    );
    assert_eq!(
        service.get(Alice, "/v1/contacts?count=exact").await.body["count"],
        3
    );
}

#[tokio::test]
async fn an_import_doubles_nobody_whose_letters_postgres_folds_in_its_own_way() {
    let (_database, service) = service().await;
    let import = json!({"contacts": [
        {"name": "ΓΙΩΡΓΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ"},
        {"name": "STRAẞE İSTANBUL", "phone": "1"},
        {"name": "Jane Doe", "email": "İREM@ẞ.example"},
        {"name": "John Roe", "company": "ΟΣ"},
    ]});
    let first = service.post(Mallory, "/v1/contacts/import", &import).await;
    assert_eq!(counts(&first.body), (4, 0, 0), "{}", first.text);
    let again = service.post(Mallory, "/v1/contacts/import", &import).await;
    assert_eq!(counts(&again.body), (0, 0, 4), "{}", again.text);
}

#[tokio::test]
async fn an_object_with_an_impossible_date_is_rejected_and_the_others_are_taken() {
    let (_database, service) = service().await;
    let import = json!({"contacts": [
        {"name": "A B", "appointmentDate": "0000-01-01"},
        {"name": "C D", "appointmentDate": "2026-11-25T10:00"},
    ]});
    let answer = service.post(Mallory, "/v1/contacts/import", &import).await;
    assert_eq!(counts(&answer.body), (1, 0, 0), "{}", answer.text);
    assert_eq!(answer.body["rejected"][0]["index"], 0);
}

#[tokio::test]
async fn five_thousand_contacts_are_one_import_and_more_are_refused() {
    let (_database, service) = service().await;
    let many = |n: usize| {
        (0..n).map(|i| json!({"id": i.to_string(), "name": format!("P {i}"), "email": format!("p{i}@example.com"), "status": "Active"})).collect::<Vec<_>>()
    };
    let import = service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": many(5000)}))
        .await;
    assert_eq!(
        counts(&import.body),
        (5000, 0, 0),
        "{}",
        import.text.chars().take(300).collect::<String>()
    );
    let refused = service
        .post(Mallory, "/v1/contacts/import", &json!({"contacts": many(5001)}))
        .await;
    assert_eq!(refused.outcome(), (422, "MK422"));
    assert_eq!(
        service
            .post(Mallory, "/v1/contacts/import", &json!({}))
            .await
            .outcome(),
        (422, "MK422")
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
