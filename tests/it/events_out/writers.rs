//! Whoever writes a row, its owner's receiver hears the same.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::event_receiver::{Arrived, EventReceiver};
use tests::events_out::{TO_LOOPBACK, count, subscribe, verify};
use tests::hooks::{SETTINGS, TENANTS, platform, post, sms};
use tests::people::Person::{Alice, Bob};
use tests::postgrest::Postgrest;
use tests::process::until;
use tests::service::Answer;
use tests::{Service, TestDatabase};
use webhooks::Source;

/// A row of alice's, by a session without row-level security.
const LEAD: &str = "insert into leads (user_id, name, phone, status, source)
    values ('a11ce000-0000-4000-8000-000000000001', 'Ann', '+15550100001', 'new', 'Voice')";
const CONTACT: &str = "insert into contacts (user_id, first_name, email)
    values ('a11ce000-0000-4000-8000-000000000001', 'Ann', 'EMAIL')";

#[tokio::test]
async fn a_row_is_told_of_alike_whoever_writes_it() {
    let (database, receiver) = (TestDatabase::new().await, EventReceiver::start().await);
    let owner = database.superuser().await;
    batch(&owner, TENANTS).await;
    let types = ["lead.created", "contact.created"];
    let [hers, his] = [(Alice, "alice"), (Bob, "bob")].map(async |(person, name)| {
        let url = format!("{}/takes/{name}", receiver.url);
        subscribe(&database.login_url(), &person.claims(), &url, &types).await
    });
    let (hers, _) = (hers.await, his.await);
    let mut settings = SETTINGS.to_vec();
    settings.push(TO_LOOPBACK);
    let service = Service::with(&database.login_url(), &settings).await;

    write_leads(&database, &service).await;
    write_contacts(&database, &service).await;

    let arrived = receiver.until("/takes/alice", 9).await;
    until(async || count(&owner, "pending").await == 0).await;
    assert_eq!(receiver.count(), 9, "once each, and nothing at bob's");
    verify(&arrived, &hers.secret).await;
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in arrived.iter().map(Arrived::json) {
        let kind = event["type"].as_str().unwrap().to_owned();
        told.entry(kind).or_default().push(event);
    }
    assert_alike(&service, "/v1/leads", &told["lead.created"], 5).await;
    assert_alike(&service, "/v1/contacts", &told["contact.created"], 4).await;
}

/// A lead by each writer there is.
async fn write_leads(database: &TestDatabase, service: &Service) {
    let lead = json!({"name": "Ann", "phone": "+15550100001", "status": "new", "source": "Voice"});
    let made = service.post(Alice, "/v1/leads", &lead).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let postgrest = Postgrest::on(database).await;
    let request = postgrest.request(Alice, Method::POST, "/leads").json(&lead);
    let made = Answer::of(request).await;
    assert_eq!(made.status, 201, "{}", made.text);
    // The SQL editor, and a back end with its secret key.
    let owner = database.superuser().await;
    batch(&owner, &format!("set row_security = off; {LEAD}")).await;
    batch(
        &owner,
        &format!("begin; set local role service_role; {LEAD}; commit"),
    )
    .await;
    let message = platform(
        Source::Twilio,
        sms("SM1", "+14017122661", "+15005550001", "Monday?"),
    );
    let heard = post(service, &message).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
}

/// A contact by each writer there is.
async fn write_contacts(database: &TestDatabase, service: &Service) {
    let contact = json!({"first_name": "Ann", "email": "api@example.com"});
    let made = service.post(Alice, "/v1/contacts", &contact).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let contacts = json!({"contacts": [{"id": "c1", "name": "Ann", "email": "import@example.com"}]});
    let imported = service.post(Alice, "/v1/contacts/import", &contacts).await;
    assert_eq!(imported.body["created"], 1, "{}", imported.text);
    let owner = database.superuser().await;
    batch(&owner, &CONTACT.replace("EMAIL", "sql@example.com")).await;
    let scenario = json!({"event_id": "1", "event_type": "contact.created", "tenant_phone": "+15005550001",
        "data": {"first_name": "Ann", "email": "make@example.com"}});
    let heard = post(service, &platform(Source::Make, scenario.to_string())).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
}

/// Each event is of a row of its own, says what GET answers, and has the same fields as the others.
async fn assert_alike(service: &Service, path: &str, told: &[Value], writers: usize) {
    assert_eq!(told.len(), writers, "{path}");
    let fields = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let mut rows = Vec::new();
    for event in told {
        let id = event["data"]["id"].as_str().unwrap();
        let shown = service.get(Alice, &format!("{path}/{id}")).await;
        assert_eq!(event["data"], shown.body, "{path}");
        assert_eq!(fields(event), fields(&told[0]), "{path}");
        rows.push(id);
    }
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), writers, "{path}");
}
