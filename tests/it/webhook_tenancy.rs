//! Does every event reach its tenant, once, and nobody else? Many at a time, in disorder, doubled and forged.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{BASE_URL, NUMBERS, SETTINGS, TENANTS, call, platform, post, report, signed, sms};
use tests::people::Person::{self, Alice, Bob};
use tests::pgbouncer::PgBouncer;
use tests::postgrest::Postgrest;
use tests::{Service, TestDatabase};
use webhooks::{Delivery, Source};

/// What a tenant must have after all deliveries: rows by table.
type Expected = BTreeMap<&'static str, usize>;

/// A number that repeats the same way in every run, and looks random.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        // Knuth's MMIX generator; the high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// So many events of both providers for both tenants, 30 % of them again, 5 % forged, in random order.
pub(crate) fn mixed(count: u64, dice: &mut Dice) -> (Vec<Delivery>, [Expected; 2]) {
    let mut expected = [Expected::new(), Expected::new()];
    let mut deliveries = Vec::new();
    for n in 0..count {
        let tenant = usize::try_from(dice.below(2)).unwrap();
        let to = NUMBERS[tenant].1;
        // Each its own customer, so that rows can be counted.
        let from = format!("+1401{:07}", n + 2_000_000);
        let mine = &mut expected[tenant];
        let mut expect = |table, rows| *mine.entry(table).or_default() += rows;
        let forged = dice.below(20) == 0;
        let delivery = match dice.below(3) {
            0 => {
                let body = sms(&format!("SM{n}"), &from, to, "hi, this is a text");
                if forged {
                    signed(Source::Twilio, "/webhooks/twilio", body, "forged")
                } else {
                    expect("leads", 1);
                    expect("automation_logs", 1);
                    platform(Source::Twilio, body)
                }
            }
            1 => {
                let body = call(&format!("CA{n}"), "completed", &from, to, 1);
                if forged {
                    signed(Source::Twilio, "/webhooks/twilio", body, "forged")
                } else {
                    expect("call_logs", 1);
                    expect("automation_logs", 1);
                    platform(Source::Twilio, body)
                }
            }
            _ => {
                let body = report(&format!("call-{n}"), None, &from, to, "wants a demo").to_string();
                if forged {
                    signed(Source::Vapi, "/webhooks/vapi", body, "forged")
                } else {
                    expect("call_logs", 1);
                    expect("leads", 1);
                    platform(Source::Vapi, body)
                }
            }
        };
        if dice.below(10) < 3 {
            deliveries.push(delivery.clone());
        }
        deliveries.push(delivery);
    }
    for last in (1..deliveries.len()).rev() {
        let other = usize::try_from(dice.below(last as u64 + 1)).unwrap();
        deliveries.swap(last, other);
    }
    (deliveries, expected)
}

async fn deliver(service: &Service, deliveries: &[Delivery]) {
    let statuses: Vec<u16> = futures_util::stream::iter(deliveries)
        .map(async |delivery| post(service, delivery).await.status)
        .buffer_unordered(32)
        .collect()
        .await;
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 204 | 403)),
        "{statuses:?}"
    );
}

/// As each tenant sees it through PostgREST: exactly their own rows, each once.
async fn check(database: &TestDatabase, expected: &[Expected; 2]) {
    let postgrest = Postgrest::on(database).await;
    for ((person, number), expected) in NUMBERS.iter().zip(expected) {
        for table in ["leads", "call_logs", "automation_logs"] {
            let listed = postgrest.get(*person, &format!("/{table}?select=user_id")).await;
            let rows = listed.body.as_array().expect("a list");
            assert!(rows.iter().all(|row| row["user_id"] == person.id()));
            assert_eq!(
                rows.len(),
                expected.get(table).copied().unwrap_or_default(),
                "{table} of {person:?}"
            );
        }
        let phones = postgrest.get(*person, "/leads?select=phone").await;
        let mut phones: Vec<_> = phones
            .body
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["phone"].to_string())
            .collect();
        let all = phones.len();
        phones.sort();
        phones.dedup();
        assert_eq!(phones.len(), all, "each customer is one lead");
        let events = postgrest
            .get(*person, "/webhook_events?select=status,tenant_numbers")
            .await;
        for event in events.body.as_array().unwrap() {
            assert_eq!(
                (&event["status"], &event["tenant_numbers"]),
                (&json!("processed"), &json!([number]))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_mixed_events_reach_their_tenants_once() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let (deliveries, expected) = mixed(1000, &mut Dice(1));
    deliver(&service, &deliveries).await;
    check(&database, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_through_pgbouncer_in_transaction_mode() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let pooler = PgBouncer::before(&database).await;
    let mut settings = SETTINGS.to_vec();
    settings.push(("PREPARED_STATEMENTS", "off"));
    let service = Service::with(&pooler.login_url(), &settings).await;
    let (deliveries, expected) = mixed(1_000, &mut Dice(2));
    deliver(&service, &deliveries).await;
    check(&database, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_of_the_same_at_once_have_one_effect() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let same = vec![platform(Source::Twilio, sms("SM1", "+14017122661", NUMBERS[0].1, "hi")); 20];
    deliver(&service, &same).await;
    check(
        &database,
        &[[("leads", 1), ("automation_logs", 1)].into(), Expected::new()],
    )
    .await;
}

#[tokio::test]
async fn whoever_claims_anothers_number_gets_nothing_of_theirs() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let alices = NUMBERS[0].1;
    claim_in_every_spelling(&service).await;
    forge_on_an_endpoint_of_bobs(&service, alices).await;
    // What comes in on the platform's address still goes to alice, the recording of that call as well.
    let hers = [
        platform(Source::Twilio, sms("SM-hers", "+14017122662", alices, "hi")),
        platform(
            Source::Twilio,
            call("CA-hers", "completed", "+14017122662", alices, 1),
        ),
        platform(
            Source::Twilio,
            tests::hooks::form(&[
                ("RecordingSid", "RE1"),
                ("CallSid", "CA-hers"),
                ("RecordingStatus", "completed"),
                ("RecordingUrl", "https://api.twilio.com/RE1"),
            ]),
        ),
    ];
    deliver(&service, &hers).await;
    // Whichever of the two came first.
    let recorded = async || {
        let calls = rows(&service, Alice, "/v1/call-logs").await;
        assert_eq!(calls.len(), 1);
        calls[0]["recording_url"] == "https://api.twilio.com/RE1"
    };
    tests::process::until(recorded).await;
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 1);
    let bobs = rows(&service, Bob, "/v1/call-logs").await;
    assert_eq!((bobs.len(), &bobs[0]["recording_url"]), (1, &Value::Null));
    let before = NUMBERS.map(|(person, number)| (person.id().to_owned(), number.to_owned()));
    assert_eq!(verified(&database).await, before, "nothing becomes verified");
}

/// Bob claims alice's number, however it is written.
async fn claim_in_every_spelling(service: &Service) {
    let mut claimed = 0;
    for spelling in [
        NUMBERS[0].1,
        "+1 500 555 0001",
        "+1 (500) 555-0001",
        "+1-500-555-0001",
    ] {
        let claim = service
            .post(Bob, "/v1/phone-numbers", &json!({"phone": spelling}))
            .await;
        claimed += usize::from(claim.status == 201);
        assert!(
            matches!(claim.outcome(), (201, _) | (409, "23505")),
            "{}",
            claim.text
        );
    }
    assert_eq!(claimed, 1, "spellings are one number");
}

/// Bob signs events for alice's number on an endpoint of his own, and a call that is hers.
async fn forge_on_an_endpoint_of_bobs(service: &Service, alices: &str) {
    let secret = "bobs-own-auth-token-of-twilio-0";
    let own = service
        .put(Bob, "/v1/webhook-endpoints/twilio", &json!({"secret": secret}))
        .await;
    let path = own.body["url"].as_str().unwrap().strip_prefix(BASE_URL).unwrap();
    for body in [
        sms("SM-forged", "+14017122661", alices, "hi"),
        call("CA-hers", "completed", "+14017122661", alices, 1),
    ] {
        let forged = signed(Source::Twilio, path, body, secret);
        assert!(post(service, &forged).await.status < 300);
    }
    let tested = service
        .post(Bob, "/v1/webhook-endpoints/twilio/test", &json!({}))
        .await;
    assert_eq!(tested.body["ok"], true, "on his own endpoint events are his own");
}

async fn rows(service: &Service, person: Person, path: &str) -> Vec<Value> {
    let answer = service.get(person, path).await;
    answer.body["data"].as_array().unwrap().clone()
}

/// Whose each verified number is.
async fn verified(database: &TestDatabase) -> Vec<(String, String)> {
    let sql = "select user_id, phone from user_phone_numbers where verified_at is not null order by phone";
    let rows = database.superuser().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn ids_that_another_tenant_used_are_kept_apart() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    for person in [Alice, Bob] {
        let own = service
            .put(person, "/v1/webhook-endpoints/make", &json!({}))
            .await;
        let path = own.body["url"]
            .as_str()
            .unwrap()
            .strip_prefix(BASE_URL)
            .unwrap()
            .to_owned();
        let event =
            json!({"event_id": "order-1", "event_type": "order", "data": {"of": person.id()}}).to_string();
        for _ in 0..2 {
            let sent = post(
                &service,
                &signed(
                    Source::Make,
                    &path,
                    event.clone(),
                    own.body["secret"].as_str().unwrap(),
                ),
            )
            .await;
            assert_eq!(sent.status, 200, "{}", sent.text);
        }
    }
    for person in [Alice, Bob] {
        let logs = service.get(person, "/v1/automation-logs").await.body;
        assert_eq!(logs["data"].as_array().unwrap().len(), 1);
        assert!(logs["data"][0]["details"].as_str().unwrap().contains(person.id()));
    }
}

#[tokio::test]
async fn on_the_platforms_address_too() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    for (_, number) in NUMBERS {
        let event = json!({"event_id": "order-1", "event_type": "order", "tenant_phone": number, "data": {}});
        for status in ["received", "duplicate"] {
            let sent = post(&service, &platform(Source::Make, event.to_string())).await;
            assert_eq!(sent.body["status"], status, "{}", sent.text);
        }
    }
    for (person, _) in NUMBERS {
        let logs = service.get(person, "/v1/automation-logs").await.body;
        assert_eq!(logs["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_test_of_an_address_leaves_nothing_with_whoever_has_the_number() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let mallory = Person::Mallory;
    let claimed = service
        .post(mallory, "/v1/phone-numbers", &json!({"phone": NUMBERS[0].1}))
        .await;
    assert_eq!(claimed.status, 201);
    for source in ["twilio", "vapi", "make"] {
        let path = format!("/v1/webhook-endpoints/{source}/test");
        let tested = service.post(mallory, &path, &json!({})).await.body;
        let step = (&tested["ok"], &tested["steps"][0]["step"]);
        assert_eq!(step, (&json!(false), &json!("route")), "{tested}");
    }
    let count = "select count(*) from webhook_events";
    let client = database.superuser().await;
    assert_eq!(client.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn names_longer_than_any_index_takes_are_events_like_others() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let long = |seed: u64| {
        // Random enough that Postgres can't compress it into an index.
        let mut dice = Dice(seed);
        let letter = |_| char::from(b'a' + u8::try_from(dice.below(26)).unwrap());
        (0..10_000).map(letter).collect::<String>()
    };
    let (from, number) = ("+14017122661", NUMBERS[0].1);
    let automation = json!({"event_id": long(5), "event_type": "x", "tenant_phone": number, "data": {}});
    let ended = report(&long(3), Some(&long(4)), from, number, "hi");
    let deliveries = [
        platform(Source::Twilio, sms(&long(1), from, number, "hi")),
        platform(Source::Twilio, call(&long(2), "completed", from, number, 1)),
        platform(Source::Vapi, ended.to_string()),
        platform(Source::Make, automation.to_string()),
    ];
    deliver(&service, &deliveries).await;
    let events = service.get(Alice, "/v1/webhook-events").await.body;
    let events = events["data"].as_array().unwrap();
    assert_eq!(events.len(), 4);
    assert!(
        events.iter().all(|event| event["status"] == "processed"),
        "{events:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_and_its_call_find_each_other_also_when_they_arrive_together() {
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, TENANTS).await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let mut pairs = Vec::new();
    for n in 0..30 {
        let (sid, from) = (format!("CA{n}"), format!("+1401712{}", 2000 + n));
        let recording = tests::hooks::form(&[
            ("RecordingSid", &format!("RE{n}")),
            ("CallSid", &sid),
            ("RecordingStatus", "completed"),
            ("RecordingUrl", "https://api.twilio.com/RE"),
        ]);
        pairs.push(platform(Source::Twilio, recording));
        pairs.push(platform(
            Source::Twilio,
            call(&sid, "completed", &from, NUMBERS[0].1, 1),
        ));
    }
    deliver(&service, &pairs).await;
    let path = "/v1/webhook-events?status=processed&limit=1&count=exact";
    tests::process::until(async || service.get(Alice, path).await.body["count"] == 60).await;
    let calls = service.get(Alice, "/v1/call-logs?limit=200").await.body;
    let calls = calls["data"].as_array().unwrap();
    assert_eq!(calls.len(), 30);
    assert!(
        calls
            .iter()
            .all(|call| call["recording_url"].is_string() && call["phone"].is_string())
    );
}
