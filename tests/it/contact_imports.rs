//! Are contacts that a browser keeps taken over once, whatever is sent again?

use serde_json::{Value, json};
use tests::people::Person::{Alice, Bob, Mallory};

use crate::resources::service;

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
