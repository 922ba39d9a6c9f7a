//! Is anything lost when the database goes away? Postgres is really stopped and started again.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::json;
use tests::database::batch;
use tests::hooks::{NUMBERS, SETTINGS, platform, post, sms};
use tests::people::Person::{Alice, Bob};
use tests::{Restartable, Service, SpoolFolder};
use webhooks::{Delivery, Source};

use crate::webhook_tenancy::{Dice, mixed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_event_is_lost_or_doubled_when_postgres_stops_in_the_middle() {
    let mut database = Restartable::start().await;
    let spool = SpoolFolder::new();
    let mut settings = SETTINGS.to_vec();
    settings.push(spool.setting());
    let service = Arc::new(Service::with(&database.login_url(), &settings).await);
    let (deliveries, expected) = mixed(1000, &mut Dice(3));
    let all = deliveries.len();
    let (sent, mut done) = tokio::sync::watch::channel(0_usize);
    let load = {
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answers = futures_util::stream::iter(deliveries).map(move |delivery| {
                let (service, sent) = (Arc::clone(&service), sent.clone());
                async move {
                    let status = post(&service, &delivery).await.status;
                    sent.send_modify(|done| *done += 1);
                    status
                }
            });
            answers.buffer_unordered(32).collect::<Vec<u16>>().await
        })
    };
    done.wait_for(|done| *done > all / 4).await.unwrap();
    database.stop().await;
    let stopped_at = *done.borrow();
    done.wait_for(|done| *done > stopped_at + all / 4).await.unwrap();
    database.go_on().await;
    let statuses = load.await.unwrap();
    // Acknowledged or refused as forged: with a spool nobody is told to come again.
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 204 | 403)),
        "{statuses:?}"
    );

    let client = database.superuser().await;
    let settled = async || {
        let empty = spool.deliveries().is_empty();
        let waiting = "select count(*) from webhook_events where status <> 'processed'";
        empty && client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0
    };
    tests::process::until(settled).await;
    for (table, user) in [
        ("leads", 0),
        ("call_logs", 0),
        ("automation_logs", 0),
        ("leads", 1),
        ("call_logs", 1),
        ("automation_logs", 1),
    ] {
        let person = NUMBERS[user].0;
        let sql = format!("select count(*) from {table} where user_id = $1");
        let rows: i64 = client.query_one(&sql, &[&person.id()]).await.unwrap().get(0);
        assert_eq!(
            usize::try_from(rows).unwrap(),
            expected[user].get(table).copied().unwrap_or_default(),
            "{table} of {person:?}"
        );
    }
    assert!(
        service.process.log().contains("goes to the spool"),
        "the outage was met"
    );
}

#[tokio::test]
async fn without_a_spool_a_sender_is_told_to_come_again() {
    let mut database = Restartable::start().await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let delivery = platform(Source::Twilio, sms("SM1", "+14017122661", "+15005550001", "hi"));
    database.stop().await;
    for source in [Source::Twilio, Source::Make] {
        let delivery = match source {
            Source::Twilio => delivery.clone(),
            _ => platform(
                source,
                json!({"event_id": "1", "event_type": "x", "tenant_phone": "+15005550001"}).to_string(),
            ),
        };
        let refused = post(&service, &delivery).await;
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(!refused.header("retry-after").is_empty());
    }
    database.go_on().await;
    let again = async || post(&service, &delivery).await.status == 200;
    tests::process::until(again).await;
    assert_eq!(
        service.get(Alice, "/v1/leads").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_waits_in_the_spool_is_sealed() {
    let mut database = Restartable::start().await;
    let spool = SpoolFolder::new();
    let mut settings = SETTINGS.to_vec();
    settings.push(spool.setting());
    let service = Service::with(&database.login_url(), &settings).await;
    database.stop().await;
    let delivery = platform(
        Source::Twilio,
        sms("SM1", "+14017122661", "+15005550001", "a private text"),
    );
    assert_eq!(post(&service, &delivery).await.status, 204);
    let file = spool.deliveries().remove(0);
    let contents = std::fs::read_to_string(&file).unwrap();
    assert!(!contents.contains("private") && !contents.contains("4017122661"));
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        service
            .get(Alice, "/metrics")
            .await
            .text
            .contains("mako_webhooks_spooled 1")
    );
    database.go_on().await;
    let drained = async || spool.deliveries().is_empty();
    tests::process::until(drained).await;
    assert_eq!(
        service.get(Alice, "/v1/leads").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// A service with a spool.
pub(crate) struct Spooling {
    pub(crate) service: Service,
    pub(crate) folder: SpoolFolder,
}

impl Spooling {
    pub(crate) async fn on(database: &Restartable) -> Self {
        Self::with(database, &[]).await
    }

    pub(crate) async fn with(database: &Restartable, more: &[(&str, &str)]) -> Self {
        let folder = SpoolFolder::new();
        let mut settings = SETTINGS.to_vec();
        settings.push(folder.setting());
        settings.extend(more);
        Self {
            service: Service::with(&database.login_url(), &settings).await,
            folder,
        }
    }

    /// What kinds of files are there.
    pub(crate) fn files(&self) -> Vec<String> {
        self.folder.kinds()
    }
}

#[tokio::test]
async fn one_that_can_never_be_taken_keeps_no_other_in_the_spool() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    batch(
        &database.superuser().await,
        "alter table webhook_events add constraint no_poison check (event_type <> 'poison')",
    )
    .await;
    database.stop().await;
    for kind in ["poison", "good"] {
        let body = json!({"event_id": kind, "event_type": kind, "tenant_phone": "+15005550001", "data": {}});
        let sent = post(&it.service, &platform(Source::Make, body.to_string())).await;
        assert_eq!(sent.status, 200, "{}", sent.text);
    }
    database.go_on().await;
    tests::process::until(async || it.files() == ["aside"]).await;
    let logs = it.service.get(Alice, "/v1/automation-logs").await.body;
    assert_eq!(logs["data"][0]["action_type"], "good");
    assert!(
        it.service.process.log().contains("put aside"),
        "an operator is told"
    );
}

#[tokio::test]
async fn what_nobody_has_verified_fills_no_disk() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    database.stop().await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let big = it
            .service
            .request(reqwest::Method::POST, "/webhooks/vapi/no-such-endpoint")
            .body(vec![b'x'; 7 * 1024 * 1024]);
        statuses.push(tests::service::Answer::of(big).await.status);
    }
    assert!(
        statuses.ends_with(&[503]),
        "at some point it is enough: {statuses:?}"
    );
    // What is verified still finds room.
    let delivery = platform(Source::Twilio, sms("SM1", "+14017122661", "+15005550001", "hi"));
    assert_eq!(post(&it.service, &delivery).await.status, 204);
}

#[tokio::test]
async fn what_waits_for_a_lock_keeps_no_other_in_the_spool() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    database.stop().await;
    let (alice, bob) = ("+15005550001", "+15005550002");
    for (sid, to) in [("SM1", alice), ("SM2", bob), ("SM3", alice), ("SM4", bob)] {
        let delivery = platform(Source::Twilio, sms(sid, "+14017122661", to, sid));
        assert_eq!(post(&it.service, &delivery).await.status, 204);
    }
    let Spooling { mut service, folder } = it;
    service.process.child.kill().await.unwrap();
    database.go_on().await;
    let owner = database.superuser().await;
    let lock = format!("begin; select from users where id = '{}' for update", Alice.id());
    batch(&owner, &lock).await;
    let mut settings = SETTINGS.to_vec();
    settings.push(folder.setting());
    let service = Service::with(&database.login_url(), &settings).await;
    // Alice's first waits for the lock, and her second for the first.
    tests::process::until(async || folder.deliveries().len() == 2).await;
    let logs = async |person| -> usize {
        let logs = service.get(person, "/v1/automation-logs").await.body;
        logs["data"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((logs(Alice).await, logs(Bob).await), (0, 2));
    batch(&owner, "rollback").await;
    tests::process::until(async || folder.deliveries().is_empty()).await;
    assert_eq!(logs(Bob).await, 2);
    tests::process::until(async || logs(Alice).await == 2).await;
}

/// What waits in a spool when the service starts, and the database is there again.
async fn drained_at_start(database: &mut Restartable, deliveries: &[Delivery]) -> Service {
    let Spooling { mut service, folder } = Spooling::on(database).await;
    database.stop().await;
    for delivery in deliveries {
        let answer = post(&service, delivery).await;
        assert!(matches!(answer.status, 200 | 204), "{}", answer.text);
    }
    service.process.child.kill().await.unwrap();
    database.go_on().await;
    let mut settings = SETTINGS.to_vec();
    settings.push(folder.setting());
    let service = Service::with(&database.login_url(), &settings).await;
    tests::process::until(async || folder.deliveries().is_empty()).await;
    service
}

async fn number(database: &Restartable, sql: &str) -> i64 {
    let superuser = database.superuser().await;
    superuser.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_waits_in_the_spool_is_taken_together_and_has_its_effects_once() {
    let mut database = Restartable::start().await;
    let messages = (0..20).map(|n| {
        let (sid, from) = (format!("SM{n}"), format!("+1401712{}", 1000 + n));
        platform(
            Source::Twilio,
            sms(&sid, &from, NUMBERS[n % 2].1, "I want a quote"),
        )
    });
    let messages: Vec<Delivery> = messages.collect();
    let _service = drained_at_start(&mut database, &messages).await;
    for (claim, expected) in [
        ("count(distinct recorded_at) from webhook_events", 1),
        ("count(*) from webhook_events where status = 'processed'", 20),
        ("count(*) from leads", 20),
        // Ten of each tenant's, eight at a time.
        ("count(distinct xmin::text) from leads", 4),
        ("count(distinct xmin::text) from automation_logs", 4),
    ] {
        assert_eq!(
            number(&database, &format!("select {claim}")).await,
            expected,
            "{claim}"
        );
    }
}

#[tokio::test]
async fn one_that_cannot_be_acted_on_undoes_none_that_is_taken_with_it() {
    let mut database = Restartable::start().await;
    let leads = ["+14017122661", "", "+14017122663"].map(|phone| {
        let data = match phone {
            "" => json!({"name": "Ann", "status": "new"}),
            phone => json!({"name": "Ann", "status": "new", "phone": phone}),
        };
        let body = json!({"event_id": phone, "event_type": "lead.moved", "tenant_phone": NUMBERS[0].1, "data": data});
        platform(Source::Make, body.to_string())
    });
    let _service = drained_at_start(&mut database, &leads).await;
    for (claim, expected) in [
        ("count(distinct recorded_at) from webhook_events", 1),
        ("count(*) from webhook_events where status = 'processed'", 2),
        ("count(*) from webhook_events where status = 'failed'", 1),
        ("count(*) from leads", 2),
    ] {
        assert_eq!(
            number(&database, &format!("select {claim}")).await,
            expected,
            "{claim}"
        );
    }
}
