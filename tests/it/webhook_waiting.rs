//! Which events that wait are acted on, and whom do those that can't be keep waiting?

use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{NUMBERS, SETTINGS, TENANTS};
use tests::people::Person::{self, Alice, Bob};
use tests::{Service, TestDatabase};

/// What Twilio posts for a message, as it is recorded.
fn recorded_sms(n: u32, to: &str) -> Value {
    json!({"MessageSid": format!("SM{n}"), "SmsStatus": "received", "From": format!("+1401712{}", 1000 + n), "To": to, "Body": "hi"})
}

#[tokio::test]
async fn a_row_that_mako_did_not_record_is_not_acted_on() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    batch(&client, TENANTS).await;
    // As the CRM's own handler left it, or anyone with the service key.
    let foreign = "insert into webhook_events (source, user_id, event_type, payload, created_at)
                   values ('twilio', $1, 'sms', $2, now() - interval '1 day') returning id";
    let row = client
        .query_one(foreign, &[&Alice.id(), &recorded_sms(1, NUMBERS[0].1)])
        .await;
    let id: String = row.unwrap().get(0);
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let path = format!("/v1/webhook-events/{id}/replay");
    let replayed = service.post(Alice, &path, &json!({})).await;
    assert_eq!(
        (replayed.status, &replayed.body["status"]),
        (200, &json!("received"))
    );
    // One that was recorded is processed meanwhile.
    let recorded = "insert into webhook_events (source, user_id, event_type, payload, dedupe_key, created_at)
                    values ('twilio', $1, 'sms', $2, 'k', now() - interval '1 hour')";
    client
        .execute(recorded, &[&Alice.id(), &recorded_sms(2, NUMBERS[0].1)])
        .await
        .unwrap();
    let leads = async || service.get(Alice, "/v1/leads").await.body["data"].clone();
    tests::process::until(async || leads().await.as_array().unwrap().len() == 1).await;
    assert_eq!(leads().await[0]["phone"], "+14017121002");
}

/// 250 of Alice's messages and one of Bob's, recorded so long ago; every effect of Alice's ends in a timeout, whoever
/// tries.
async fn stuck(client: &tokio_postgres::Client, age: &str) {
    batch(client, TENANTS).await;
    batch(
        client,
        "create function late() returns trigger language plpgsql as $$ begin
           if new.user_id = 'a11ce000-0000-4000-8000-000000000001' then
             raise exception 'late' using errcode = '57014'; end if; return new; end $$;
         create trigger late before insert on leads for each row execute function late()",
    )
    .await;
    let insert = format!(
        "insert into webhook_events (source, user_id, event_type, payload, dedupe_key, created_at, recorded_at)
         values ('twilio', $1, 'sms', $2, $3, now() - interval '{age}', now() - interval '{age}')"
    );
    for n in 0..250 {
        let key = format!("alice {n}");
        client
            .execute(&insert, &[&Alice.id(), &recorded_sms(n, NUMBERS[0].1), &key])
            .await
            .unwrap();
    }
    client
        .execute(&insert, &[&Bob.id(), &recorded_sms(999, NUMBERS[1].1), &"bob"])
        .await
        .unwrap();
}

async fn is_done(service: &Service, person: Person) -> bool {
    let events = service.get(person, "/v1/webhook-events").await.body;
    events["data"][0]["status"] == "processed"
}

#[tokio::test]
async fn events_that_never_succeed_keep_nobody_elses_waiting() {
    let database = TestDatabase::new().await;
    stuck(&database.superuser().await, "1 hour").await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let done = async || {
        let alices = service
            .get(Alice, "/v1/webhook-events?status=received")
            .await
            .body;
        is_done(&service, Bob).await && alices["data"] == json!([])
    };
    tests::process::until(done).await;
    let failed = service
        .get(Alice, "/v1/webhook-events?status=failed&limit=1")
        .await
        .body;
    let reason = failed["data"][0]["error_message"].as_str().unwrap();
    assert!(reason.contains("timeout"), "{reason}");
}

#[tokio::test]
async fn events_that_meet_a_lock_are_tried_again_and_keep_nobody_elses_waiting() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    stuck(&client, "1 minute").await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    tests::process::until(async || is_done(&service, Bob).await).await;
    let failed = "/v1/webhook-events?status=failed";
    assert_eq!(service.get(Alice, failed).await.body["data"], json!([]));
    batch(&client, "drop trigger late on leads").await;
    let waiting = "/v1/webhook-events?status=received";
    let done = async || service.get(Alice, waiting).await.body["data"] == json!([]);
    tests::process::until(done).await;
    assert_eq!(service.get(Alice, failed).await.body["data"], json!([]));
}
