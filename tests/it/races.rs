//! Two writers of one row: what one was told is written is neither undone nor a reason to refuse the other.

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{SETTINGS, platform, post, report};
use tests::people::Person::Alice;
use tests::service::Answer;
use tests::{Service, TestDatabase};
use webhooks::Source;

/// What Alice's browser holds of somebody whom she has as a contact.
fn browser() -> Value {
    json!({"contacts": [{"id": "b1", "name": "Ann Other", "email": "ann@example.com", "company": "New Ltd"}]})
}

async fn contact(service: &Service) -> String {
    let ann =
        json!({"first_name": "Ann", "last_name": "Other", "email": "ann@example.com", "company": "Old Ltd"});
    let made = service.post(Alice, "/v1/contacts", &ann).await;
    made.body["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", made.text))
        .to_owned()
}

/// Imports while another transaction has done `sql` and not committed yet.
async fn import_during(database: &TestDatabase, service: &Service, sql: &str) -> Answer {
    let other = database.superuser().await;
    batch(&other, &format!("begin; {sql}")).await;
    let import = service
        .request_as(Alice, Method::POST, "/v1/contacts/import")
        .json(&browser());
    let import = tokio::spawn(async move { Answer::of(import).await });
    database.until_blocked(1).await;
    batch(&other, "commit").await;
    import.await.unwrap()
}

#[tokio::test]
async fn an_import_undoes_no_change_that_was_made_meanwhile() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let id = contact(&service).await;
    let change = format!("update contacts set notes = 'called her' where id = '{id}'");
    let import = import_during(&database, &service, &change).await;
    assert_eq!(
        (import.status, &import.body["updated"]),
        (200, &1.into()),
        "{}",
        import.text
    );
    let ann = service.get(Alice, &format!("/v1/contacts/{id}")).await.body;
    assert_eq!(
        (&ann["notes"], &ann["company"]),
        (&"called her".into(), &"New Ltd".into())
    );
}

#[tokio::test]
async fn an_import_makes_anew_whom_somebody_deleted_meanwhile() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let id = contact(&service).await;
    let import = import_during(
        &database,
        &service,
        &format!("delete from contacts where id = '{id}'"),
    )
    .await;
    assert_eq!(
        (import.status, &import.body["created"]),
        (200, &1.into()),
        "{}",
        import.text
    );
    let found = service
        .get(Alice, "/v1/contacts?email=ann@example.com")
        .await
        .body;
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
}

#[tokio::test]
async fn an_event_moves_no_lead_back_that_was_moved_on_at_the_same_moment() {
    let database = TestDatabase::new().await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let other = database.superuser().await;
    batch(&other, tests::hooks::TENANTS).await;
    let phone = "+14017122661";
    let lead = json!({"name": "Ann", "phone": phone, "status": "new", "source": "SMS"});
    let made = service.post(Alice, "/v1/leads", &lead).await;
    let id = made.body["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", made.text));
    batch(
        &other,
        &format!("begin; update leads set status = 'booked' where id = '{id}'"),
    )
    .await;
    let delivery = platform(
        Source::Vapi,
        report(
            "call-1",
            None,
            phone,
            "+15005550001",
            "interested, wants an appointment",
        )
        .to_string(),
    );
    let both = async {
        database.until_blocked(1).await;
        batch(&other, "commit").await;
    };
    let (delivered, ()) = tokio::join!(post(&service, &delivery), both);
    assert_eq!(delivered.status, 200, "{}", delivered.text);
    let lead = service.get(Alice, &format!("/v1/leads/{id}")).await.body;
    assert_eq!(
        (&lead["status"], lead["summary"].is_null()),
        (&"booked".into(), false),
        "{lead}"
    );
}
