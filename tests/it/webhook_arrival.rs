//! An event counts from its arrival, whatever it waited for: a spool, a database that hangs, another transaction.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::database::batch;
use tests::hooks::{SETTINGS, platform, post, sms};
use tests::people::Person::Alice;
use tests::process::until;
use tests::{Restartable, Service};
use tokio_postgres::types::FromSqlOwned;
use webhooks::{Delivery, Source};

use crate::webhook_outage::Spooling;

/// A scenario's word on the lead with Alice's caller's number.
fn lead(event: &str, status: &str) -> Delivery {
    let body = json!({
        "event_id": event, "event_type": "lead.moved", "tenant_phone": "+15005550001",
        "data": {"name": "Ann", "phone": "+14017122661", "status": status, "summary": format!("{status} now")},
    });
    platform(Source::Make, body.to_string())
}

/// The same of a contact.
fn contact(event: &str, notes: &str, company: Option<&str>) -> Delivery {
    let body = json!({
        "event_id": event, "event_type": "contact.moved", "tenant_phone": "+15005550001",
        "data": {"first_name": "Ann", "phone": "+14017122661", "notes": notes, "company": company},
    });
    platform(Source::Make, body.to_string())
}

async fn one<T: FromSqlOwned>(database: &Restartable, sql: &str) -> T {
    database
        .superuser()
        .await
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0)
}

#[expect(clippy::disallowed_methods, reason = "compared with the time of real rows")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

async fn taken(service: &Service, delivery: &Delivery) {
    let answer = post(service, delivery).await;
    assert!(matches!(answer.status, 200 | 204), "{}", answer.text);
}

#[tokio::test]
async fn what_a_spooled_event_says_never_overwrites_what_came_after_it() {
    let mut database = Restartable::start().await;
    let first = Spooling::on(&database).await;
    taken(&first.service, &lead("1", "new")).await;
    database.stop().await;
    // Alice's lead and contact, while the database is down.
    for delivery in [lead("2", "contacted"), contact("3", "older", Some("Filled Ltd"))] {
        taken(&first.service, &delivery).await;
    }
    let down = now();
    // Whoever could drain the spool is away as well, until the newer events have come.
    first.service.process.signal("KILL").await;
    database.go_on().await;
    let second = Service::with(&database.login_url(), &SETTINGS).await;
    taken(&second, &lead("4", "converted")).await;
    taken(&second, &contact("5", "newer", None)).await;

    let mut settings = SETTINGS.to_vec();
    settings.push(first.folder.setting());
    let third = Service::with(&database.login_url(), &settings).await;
    let done = "select count(*) = 5 from webhook_events where status = 'processed'";
    until(async || one(&database, done).await).await;
    let leads = third.get(Alice, "/v1/leads").await.body["data"].clone();
    assert_eq!(
        (
            leads.as_array().unwrap().len(),
            &leads[0]["status"],
            &leads[0]["summary"]
        ),
        (1, &json!("converted"), &json!("converted now"))
    );
    let contacts = third.get(Alice, "/v1/contacts").await.body["data"].clone();
    assert_eq!(
        (contacts.as_array().unwrap().len(), &contacts[0]["notes"]),
        (1, &json!("newer"))
    );
    // What nobody has said since, the older one still says.
    assert_eq!(contacts[0]["company"], "Filled Ltd");
    // An event is dated from its arrival.
    let order =
        "select string_agg(split_part(dedupe_key, ':', 3), '' order by created_at) from webhook_events";
    assert_eq!(one::<String>(&database, order).await, "12345");
    let late = "select count(*) from webhook_events where created_at < $1 and recorded_at > $1";
    let rows = database.superuser().await.query_one(late, &[&down]).await;
    assert_eq!(rows.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn what_a_spooled_event_makes_is_dated_from_its_arrival_and_what_was_patched_since_stays() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    taken(&it.service, &lead("1", "new")).await;
    database.stop().await;
    taken(&it.service, &lead("2", "contacted")).await;
    let other = platform(Source::Twilio, sms("SM1", "+14017122662", "+15005550001", "hi"));
    taken(&it.service, &other).await;
    let down = now();
    // The spool is kept from the service until its user has said something newer.
    let elsewhere = it.folder.path().with_extension("elsewhere");
    std::fs::rename(it.folder.path(), &elsewhere).unwrap();
    database.go_on().await;
    let leads = async || it.service.get(Alice, "/v1/leads").await;
    until(async || leads().await.status == 200).await;
    let id = leads().await.body["data"][0]["id"].as_str().unwrap().to_owned();
    let patched = it
        .service
        .patch(Alice, &format!("/v1/leads/{id}"), &json!({"status": "converted"}))
        .await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    std::fs::rename(&elsewhere, it.folder.path()).unwrap();
    let done = "select count(*) = 3 from webhook_events where status = 'processed'";
    until(async || one(&database, done).await).await;
    let found = it.service.get(Alice, &format!("/v1/leads/{id}")).await.body;
    assert_eq!(found["status"], "converted");
    for table in ["leads", "automation_logs"] {
        let sql = format!("select count(*) from {table} where created_at < $1");
        let rows = database.superuser().await.query_one(&sql, &[&down]).await;
        let expected = if table == "leads" { 2 } else { 1 };
        assert_eq!(rows.unwrap().get::<_, i64>(0), expected, "{table}");
    }
}

/// Every process of a server stands still, as with a stalled disk or a cut network, until this is dropped.
struct Hung(Vec<String>);

impl Hung {
    fn server(data: &Path) -> Self {
        let first = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
        let postmaster = first.lines().next().unwrap().to_owned();
        // No new processes from here on.
        let mut hung = Self(Vec::new());
        hung.stop(postmaster.clone());
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        for pid in std::fs::read_to_string(children).unwrap().split_whitespace() {
            hung.stop(pid.to_owned());
        }
        hung
    }

    fn stop(&mut self, pid: String) {
        kill("STOP", &pid);
        self.0.push(pid);
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        for pid in &self.0 {
            kill("CONT", pid);
        }
    }
}

fn kill(signal: &str, pid: &str) {
    let sent = Command::new("kill").args(["-s", signal, pid]).status();
    assert!(sent.unwrap().success());
}

/// One of each way to answer, with its own number.
fn three(n: usize) -> [Delivery; 3] {
    let text = sms(&format!("SM{n}"), "+14017122661", "+15005550001", "hi");
    let report = tests::hooks::report(&format!("v{n}"), None, "+14017122661", "+15005550001", "Hello");
    [
        platform(Source::Twilio, text),
        platform(Source::Vapi, report.to_string()),
        lead(&n.to_string(), "new"),
    ]
}

#[tokio::test]
async fn a_database_that_hangs_leaves_deliveries_in_the_spool_before_the_request_ends() {
    let database = Restartable::start().await;
    let limits = [("STATEMENT_TIMEOUT", "1s"), ("REQUEST_TIMEOUT", "4s")];
    let it = Spooling::with(&database, &limits).await;
    for delivery in &three(0) {
        taken(&it.service, delivery).await;
    }
    {
        let _hung = Hung::server(&database.data().await);
        let deliveries = three(1);
        let answers = deliveries.iter().map(|delivery| post(&it.service, delivery));
        for answer in futures_util::future::join_all(answers).await {
            assert!(matches!(answer.status, 200 | 204), "{}", answer.text);
        }
        assert_eq!(it.files(), vec!["sealed"; 3]);
    }
    let done = "select count(*) = 6 from webhook_events where status = 'processed'";
    until(async || it.files().is_empty() && one(&database, done).await).await;
}

#[tokio::test]
async fn without_a_spool_a_database_that_hangs_is_a_503_that_providers_repeat() {
    let database = Restartable::start().await;
    let mut settings = SETTINGS.to_vec();
    settings.extend([("STATEMENT_TIMEOUT", "1s"), ("REQUEST_TIMEOUT", "4s")]);
    let service = Service::with(&database.login_url(), &settings).await;
    taken(&service, &lead("0", "new")).await;
    let _hung = Hung::server(&database.data().await);
    let deliveries = three(1);
    let answers = deliveries.iter().map(|delivery| post(&service, delivery));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(!answer.header("retry-after").is_empty());
    }
}

#[tokio::test]
async fn background_work_leaves_an_event_that_is_held_and_goes_on_with_others() {
    let database = Restartable::start().await;
    let mut settings = SETTINGS.to_vec();
    settings.extend([("STATEMENT_TIMEOUT", "20s"), ("REQUEST_TIMEOUT", "30s")]);
    let service = Service::with(&database.login_url(), &settings).await;
    // Two that a request has just recorded, one of which it still acts on.
    for event in ["1", "2"] {
        taken(&service, &lead(event, "new")).await;
    }
    let holder = database.superuser().await;
    batch(
        &holder,
        "update webhook_events set status = 'received', recorded_at = now()",
    )
    .await;
    batch(
        &holder,
        "begin; select from webhook_events where dedupe_key like '%:1' for update",
    )
    .await;
    let statuses = "select string_agg(status, ' ' order by dedupe_key) from webhook_events";
    until(async || one::<String>(&database, statuses).await == "received processed").await;
    // Nobody waits for who holds it.
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    assert_eq!(one::<i64>(&database, waiting).await, 0);
    batch(&holder, "rollback").await;
    until(async || one::<String>(&database, statuses).await == "processed processed").await;
}

#[tokio::test]
async fn a_delivery_longer_than_twilios_is_refused_before_it_is_read() {
    let database = tests::TestDatabase::new().await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let long = "x".repeat(1100 << 10);
    let text = sms("SM1", "+14017122661", "+15005550001", &long);
    assert_eq!(
        post(&service, &platform(Source::Twilio, text)).await.outcome(),
        (413, "MK413")
    );
    // A scenario may send more.
    let body =
        json!({"event_id": "1", "event_type": "x", "tenant_phone": "+15005550009", "data": {"text": long}});
    taken(&service, &platform(Source::Make, body.to_string())).await;
}

#[tokio::test]
async fn strangers_take_no_room_in_the_spool_from_a_tenants_own_address() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    let secret = "alices-secret-0123456789abcdef";
    let made = it
        .service
        .put(Alice, "/v1/webhook-endpoints/make", &json!({"secret": secret}))
        .await;
    let url = made.body["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(tests::hooks::BASE_URL).unwrap();
    // The service has asked which there are.
    let known = async || {
        let metrics = it.service.get(Alice, "/metrics").await.text;
        metrics.contains("mako_webhooks_addresses 1")
    };
    until(known).await;
    database.stop().await;
    let junk = "[".repeat(1 << 20);
    let mut refused = 0;
    for n in 0..6 {
        let delivery = tests::hooks::signed(
            Source::Make,
            &format!("/webhooks/make/junk{n}"),
            junk.clone(),
            "x",
        );
        let answer = post(&it.service, &delivery).await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
        refused += usize::from(answer.status == 503);
    }
    assert!(refused > 0);
    let body = json!({"event_id": "1", "event_type": "lead.moved", "data": {"name": "Ann", "phone": "+14017122661"}});
    let own = tests::hooks::signed(Source::Make, path, body.to_string(), secret);
    taken(&it.service, &own).await;
    database.go_on().await;
    until(async || it.files().is_empty() || it.files().iter().all(|kind| kind == "aside")).await;
    assert_eq!(
        one::<i64>(&database, "select count(*) from leads where name = 'Ann'").await,
        1
    );
}
