//! What becomes of a delivery? Each kind of event, its answer and its effects, seen by the tenant whose it is.

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{
    self, BASE_URL, SETTINGS, TWILIO_AUTH_TOKEN, call, form, platform, post, report, signed, sms,
};
use tests::people::Person::{self, Alice, Bob};
use tests::process::Process;
use tests::provider::{OWNED_NUMBER, Provider};
use tests::service::{Answer, mako};
use tests::{Service, TestDatabase};
use webhooks::{Delivery, Source};

const ALICES_NUMBER: &str = "+15005550001";
const CUSTOMER: &str = "+14017122661";

/// A service that takes webhooks; alice's number is verified.
async fn setting() -> (TestDatabase, Service) {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    for (person, number) in [(Alice, Some(ALICES_NUMBER)), (Bob, None)] {
        let (id, email) = (person.id(), person.email());
        batch(
            &client,
            &format!("insert into users (id, email, password) values ('{id}', '{email}', '!')"),
        )
        .await;
        if let Some(number) = number {
            batch(&client, &format!("insert into user_phone_numbers (user_id, phone, verified_at) values ('{id}', '{number}', now())")).await;
        }
    }
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    (database, service)
}

async fn rows(service: &Service, person: Person, path: &str) -> Vec<Value> {
    let answer = service.get(person, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["data"].as_array().expect("a list").clone()
}

async fn accepted(service: &Service, delivery: &Delivery) -> Answer {
    let answer = post(service, delivery).await;
    assert!(answer.status < 300, "{} {}", answer.status, answer.text);
    answer
}

#[tokio::test]
async fn a_delivery_that_proves_nothing_is_refused_and_leaves_nothing() {
    let (database, service) = setting().await;
    let body = sms("SM1", CUSTOMER, ALICES_NUMBER, "hello");
    let wrong = signed(Source::Twilio, "/webhooks/twilio", body.clone(), "another-token");
    assert_eq!(
        post(&service, &wrong).await.outcome(),
        (403, "MK_WEBHOOK_REFUSED")
    );
    // Signed for another address, or with a parameter more than was signed.
    let elsewhere = signed(
        Source::Twilio,
        "/webhooks/twilio?x=1",
        body.clone(),
        TWILIO_AUTH_TOKEN,
    );
    let signature = elsewhere
        .headers()
        .find(|(name, _)| *name == "x-twilio-signature")
        .unwrap()
        .1;
    let moved = service
        .request(Method::POST, "/webhooks/twilio")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(body.clone());
    assert_eq!(Answer::of(moved).await.outcome(), (403, "MK_WEBHOOK_REFUSED"));
    let unsigned = service
        .request(Method::POST, "/webhooks/twilio")
        .body(body.clone());
    assert_eq!(Answer::of(unsigned).await.outcome(), (401, "MK_WEBHOOK_UNSIGNED"));
    for (source, json) in [(Source::Vapi, json!({"message": {}})), (Source::Make, json!({}))] {
        let path = format!("/webhooks/{source}");
        let wrong = signed(source, &path, json.to_string(), "another-secret");
        assert_eq!(
            post(&service, &wrong).await.outcome(),
            (403, "MK_WEBHOOK_REFUSED"),
            "{source}"
        );
        let unsigned = service.request(Method::POST, &path).json(&json);
        assert_eq!(
            Answer::of(unsigned).await.outcome(),
            (401, "MK_WEBHOOK_UNSIGNED"),
            "{source}"
        );
    }
    let malformed = platform(Source::Vapi, "{not json");
    assert_eq!(post(&service, &malformed).await.outcome(), (400, "MK400"));
    for (path, outcome) in [
        ("/webhooks/stripe", (404, "PGRST125")),
        ("/webhooks/twilio/no-such-key", (404, "MK404")),
        ("/webhooks/twilio/a/b", (404, "PGRST125")),
    ] {
        assert_eq!(
            Answer::of(service.request(Method::POST, path).body(""))
                .await
                .outcome(),
            outcome,
            "{path}"
        );
    }
    let get = Answer::of(service.request(Method::GET, "/webhooks/twilio")).await;
    assert_eq!((get.outcome(), get.header("allow")), ((405, "PGRST117"), "POST"));
    let count: i64 = database
        .superuser()
        .await
        .query_one("select count(*) from webhook_events", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(count, 0);
    let log = service.process.log();
    assert!(
        log.contains(&format!("tried {BASE_URL}/webhooks/twilio")),
        "the log says which address was tried"
    );
    for secret in [TWILIO_AUTH_TOKEN, signature, CUSTOMER, ALICES_NUMBER, "x=1"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn every_kind_of_delivery_hears_what_its_provider_wants() {
    let (_database, service) = setting().await;
    let heard = accepted(
        &service,
        &platform(Source::Twilio, sms("SM1", CUSTOMER, ALICES_NUMBER, "hi")),
    )
    .await;
    assert_eq!((heard.status, heard.header("content-type")), (200, "text/xml"));
    assert!(heard.text.ends_with("<Response></Response>"), "{}", heard.text);
    let heard = accepted(
        &service,
        &platform(
            Source::Twilio,
            call("CA1", "completed", CUSTOMER, ALICES_NUMBER, 3),
        ),
    )
    .await;
    assert_eq!((heard.status, heard.text.as_str()), (204, ""));
    let question = json!({"message": {"type": "tool-calls", "call": {"id": "c1"},
        "toolCallList": [{"id": "t1", "function": {"name": "f", "arguments": {}}}]}});
    let heard = accepted(&service, &platform(Source::Vapi, question.to_string())).await;
    assert_eq!(heard.body["results"][0]["toolCallId"], "t1");
    let heard = accepted(
        &service,
        &platform(
            Source::Vapi,
            report("c2", None, CUSTOMER, ALICES_NUMBER, "hi").to_string(),
        ),
    )
    .await;
    assert_eq!(heard.status, 200);
    let automation =
        json!({"event_id": "e1", "event_type": "note", "tenant_phone": ALICES_NUMBER, "data": {"a": 1}});
    let heard = accepted(&service, &platform(Source::Make, automation.to_string())).await;
    assert_eq!(heard.body["status"], "received");
    let heard = accepted(&service, &platform(Source::Make, automation.to_string())).await;
    assert_eq!((heard.status, &heard.body["status"]), (200, &json!("duplicate")));
}

#[tokio::test]
async fn a_message_makes_a_lead_and_a_line_in_the_automation_log() {
    let (_database, service) = setting().await;
    accepted(
        &service,
        &platform(
            Source::Twilio,
            sms("SM1", CUSTOMER, ALICES_NUMBER, "Do you have time on Monday?"),
        ),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(leads.len(), 1);
    assert_eq!(leads[0]["name"], "SMS Lead 2661");
    assert_eq!(
        (&leads[0]["phone"], &leads[0]["status"], &leads[0]["source"]),
        (&json!(CUSTOMER), &json!("new"), &json!("SMS"))
    );
    assert_eq!(
        (&leads[0]["summary"], &leads[0]["sentiment"]),
        (&json!("Do you have time on Monday?"), &json!("😐"))
    );
    // The same sender again: the same lead, its summary replaced.
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM2", CUSTOMER, ALICES_NUMBER, "Or Tuesday?")),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!((leads.len(), &leads[0]["summary"]), (1, &json!("Or Tuesday?")));
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!(logs.len(), 2);
    let details: Value = serde_json::from_str(logs[1]["details"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&logs[1]["action_type"], &logs[1]["status"]),
        (&json!("sms"), &json!("completed"))
    );
    assert_eq!(details["leadId"], leads[0]["id"]);
    assert_eq!(
        (&details["from"], &details["to"], &details["direction"]),
        (&json!(CUSTOMER), &json!(ALICES_NUMBER), &json!("inbound"))
    );
    // A lead that somebody typed in is found whatever it looks like; withheld and STOP make none.
    service
        .post(
            Alice,
            "/v1/leads",
            &json!({"name": "Typed", "phone": "+1 401 712-2662 (home)", "status": "new", "source": "x"}),
        )
        .await;
    for (sid, from, body) in [
        ("SM3", "anonymous", "who am I"),
        ("SM4", "+266696687", "who am I"),
    ] {
        accepted(
            &service,
            &platform(Source::Twilio, sms(sid, from, ALICES_NUMBER, body)),
        )
        .await;
    }
    let stop = form(&[
        ("MessageSid", "SM5"),
        ("SmsStatus", "received"),
        ("From", "+14017122669"),
        ("To", ALICES_NUMBER),
        ("Body", "STOP"),
        ("OptOutType", "STOP"),
    ]);
    accepted(&service, &platform(Source::Twilio, stop)).await;
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 2);
    assert_eq!(rows(&service, Alice, "/v1/automation-logs").await.len(), 5);
    assert!(rows(&service, Bob, "/v1/leads").await.is_empty());
}

#[tokio::test]
async fn a_call_is_one_row_though_twilio_and_vapi_both_report_it_in_any_order() {
    let (_database, service) = setting().await;
    let recording = form(&[
        ("RecordingSid", "RE1"),
        ("CallSid", "CA1"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.twilio.com/rec/RE1"),
        ("RecordingDuration", "40"),
        ("AccountSid", "AC1"),
    ]);
    let summary = "The caller, my name is Ann Lee, wants an appointment next week";
    let deliveries = [
        platform(
            Source::Twilio,
            call("CA1", "completed", CUSTOMER, ALICES_NUMBER, 3),
        ),
        platform(Source::Twilio, call("CA1", "ringing", CUSTOMER, ALICES_NUMBER, 1)),
        platform(
            Source::Vapi,
            report("vapi-1", Some("CA1"), CUSTOMER, ALICES_NUMBER, summary).to_string(),
        ),
        platform(
            Source::Twilio,
            call("CA1", "in-progress", CUSTOMER, ALICES_NUMBER, 2),
        ),
        platform(Source::Twilio, recording),
    ];
    for delivery in &deliveries {
        accepted(&service, delivery).await;
    }
    let calls = rows(&service, Alice, "/v1/call-logs").await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(
        (&calls[0]["phone"], &calls[0]["summary"]),
        (&json!(CUSTOMER), &json!(summary))
    );
    assert_eq!(
        (&calls[0]["sentiment"], &calls[0]["duration"]),
        (&json!("neutral"), &json!(61))
    );
    assert_eq!(calls[0]["recording_url"], "https://api.twilio.com/rec/RE1");
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!(logs.len(), 1);
    assert_eq!(
        (&logs[0]["action_type"], &logs[0]["status"]),
        (&json!("call"), &json!("completed")),
        "never back to ringing"
    );
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(
        (&leads[0]["name"], &leads[0]["source"], &leads[0]["status"]),
        (&json!("Ann Lee"), &json!("Voice"), &json!("new"))
    );
    // Another interested call of the same person: contacted.
    accepted(
        &service,
        &platform(
            Source::Vapi,
            report("vapi-2", None, CUSTOMER, ALICES_NUMBER, "needs a quote").to_string(),
        ),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(
        (leads.len(), &leads[0]["status"], &leads[0]["ai_summary"]),
        (1, &json!("contacted"), &json!("needs a quote"))
    );
    assert_eq!(rows(&service, Alice, "/v1/call-logs").await.len(), 2);
    let statuses: Vec<_> = rows(&service, Alice, "/v1/webhook-events")
        .await
        .iter()
        .map(|event| event["status"].clone())
        .collect();
    assert!(
        statuses.iter().all(|status| status == "processed"),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_messages_fate_never_moves_backwards() {
    let (_database, service) = setting().await;
    let fate = |status: &str| {
        platform(
            Source::Twilio,
            form(&[
                ("MessageSid", "SM9"),
                ("MessageStatus", status),
                ("SmsStatus", status),
                ("From", ALICES_NUMBER),
                ("To", CUSTOMER),
            ]),
        )
    };
    for status in ["delivered", "queued", "sent", "delivered"] {
        accepted(&service, &fate(status)).await;
    }
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!(logs.len(), 1);
    let details: Value = serde_json::from_str(logs[0]["details"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&logs[0]["status"], &details["messageStatus"]),
        (&json!("completed"), &json!("delivered"))
    );
}

#[tokio::test]
async fn a_scenario_makes_and_changes_leads_contacts_and_log_lines() {
    let (_database, service) = setting().await;
    let event = |id: &str, kind: &str, data: Value| {
        platform(
            Source::Make,
            json!({"event_id": id, "event_type": kind, "tenant_phone": ALICES_NUMBER, "data": data})
                .to_string(),
        )
    };
    accepted(
        &service,
        &event(
            "1",
            "lead.created",
            json!({"name": "Ann", "phone": "+1 401 712 2661", "summary": "first"}),
        ),
    )
    .await;
    accepted(
        &service,
        &event(
            "2",
            "lead.updated",
            json!({"phone": CUSTOMER, "status": "booked"}),
        ),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(
        (leads.len(), &leads[0]["status"], &leads[0]["summary"]),
        (1, &json!("booked"), &json!("first"))
    );
    accepted(
        &service,
        &event(
            "3",
            "contact.created",
            json!({"first_name": "Ann", "email": "Ann@example.com"}),
        ),
    )
    .await;
    accepted(
        &service,
        &event(
            "4",
            "contact.updated",
            json!({"email": "ann@EXAMPLE.com", "company": "Acme"}),
        ),
    )
    .await;
    let contacts = rows(&service, Alice, "/v1/contacts").await;
    assert_eq!((contacts.len(), &contacts[0]["company"]), (1, &json!("Acme")));
    accepted(&service, &event("5", "invoice.sent", json!({"total": 5}))).await;
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!((logs.len(), &logs[0]["action_type"]), (1, &json!("invoice.sent")));
    // What a row can't do without fails, says why, and stops no scenario.
    let heard = accepted(
        &service,
        &event("6", "lead.created", json!({"name": "No number"})),
    )
    .await;
    assert_eq!(heard.status, 200);
    let failed = rows(&service, Alice, "/v1/webhook-events?status=failed").await;
    assert_eq!(failed[0]["error_message"], "a lead needs data.phone");
}

#[tokio::test]
async fn an_effect_that_fails_is_kept_with_its_reason_and_can_be_replayed() {
    let (database, service) = setting().await;
    let client = database.superuser().await;
    batch(
        &client,
        "alter table leads add constraint no_texts check (source <> 'SMS')",
    )
    .await;
    for sid in ["SM1", "SM2"] {
        let from = format!("+1401712266{}", &sid[2..]);
        accepted(
            &service,
            &platform(Source::Twilio, sms(sid, &from, ALICES_NUMBER, "hi")),
        )
        .await;
    }
    let failed = rows(&service, Alice, "/v1/webhook-events?status=failed").await;
    assert_eq!(failed.len(), 2);
    assert_eq!(
        (&failed[0]["attempts"], &failed[0]["processed_at"]),
        (&json!(1), &Value::Null)
    );
    let reason = failed[0]["error_message"].as_str().unwrap();
    assert!(
        reason.contains("23514") && reason.contains("no_texts"),
        "{reason}"
    );
    assert!(
        !reason.contains("2661") && !reason.contains("hi"),
        "no value: {reason}"
    );
    assert!(
        rows(&service, Alice, "/v1/automation-logs").await.is_empty(),
        "all of it or nothing"
    );

    let path = format!("/v1/webhook-events/{}/replay", failed[0]["id"].as_str().unwrap());
    let again = service.post(Alice, &path, &json!({})).await;
    assert_eq!(
        (again.status, &again.body["status"], &again.body["attempts"]),
        (200, &json!("failed"), &json!(2))
    );
    batch(&client, "alter table leads drop constraint no_texts").await;
    let again = service.post(Alice, &path, &json!({})).await;
    assert_eq!(
        (&again.body["status"], &again.body["error_message"]),
        (&json!("processed"), &Value::Null)
    );
    assert!(
        again.body["payload"]["Body"] == "hi",
        "what was delivered is there"
    );
    assert_eq!(
        service.post(Bob, &path, &json!({})).await.outcome(),
        (404, "MK404")
    );
    let once_more = service.post(Alice, &path, &json!({})).await;
    assert_eq!(
        (once_more.status, &once_more.body),
        (200, &again.body),
        "what is done stays done"
    );
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 1);

    // The other one by an admin, through the login.
    let (login, admin) = (database.login_url(), database.superuser_url());
    let environment = [("ADMIN_DATABASE_URL", admin.as_str()), ("DATABASE_URL", &login)];
    let arguments = ["events", "replay", "--status", "failed", "--since", "1h"];
    let (code, log) = Process::start(&mut mako(&arguments, &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("1 events were processed, 0 of them failed"), "{log}");
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 2);
    let (code, list) =
        Process::start(&mut mako(&["events", "list", "--source", "twilio"], &environment).await)
            .output()
            .await;
    assert_eq!((code, list.matches("processed").count()), (Some(0), 2), "{list}");
}

#[tokio::test]
async fn what_came_before_a_number_was_assigned_waits_for_its_owner() {
    let (database, service) = setting().await;
    let (unknown, admin) = ("+15005550009", database.superuser_url());
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM1", CUSTOMER, unknown, "before")),
    )
    .await;
    accepted(
        &service,
        &platform(Source::Twilio, call("CA7", "completed", CUSTOMER, unknown, 1)),
    )
    .await;
    let recording = form(&[
        ("RecordingSid", "RE7"),
        ("CallSid", "CA7"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.twilio.com/RE7"),
    ]);
    accepted(&service, &platform(Source::Twilio, recording)).await;
    let environment = [("ADMIN_DATABASE_URL", admin.as_str())];
    let (_, list) =
        Process::start(&mut mako(&["events", "list", "--status", "unrouted"], &environment).await)
            .output()
            .await;
    assert_eq!(list.lines().count(), 3, "{list}");

    // Without --backfill they stay; claims of others change nothing.
    service
        .post(Alice, "/v1/phone-numbers", &json!({"phone": unknown}))
        .await;
    let assign = async |user: &str, more: &[&str]| {
        let arguments = [&["numbers", "assign", unknown, "--user", user], more].concat();
        Process::start(&mut mako(&arguments, &environment).await)
            .output()
            .await
    };
    assert_eq!(assign("nobody", &[]).await.0, Some(2));
    let (code, log) = assign(Bob.id(), &[]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(rows(&service, Bob, "/v1/webhook-events").await.is_empty());
    let (code, log) = assign(Alice.id(), &[]).await;
    assert_eq!(code, Some(2), "it is bob's: {log}");
    let (code, log) = assign(Bob.id(), &["--backfill"]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("3 events"), "{log}");
    // The service processes them.
    let done = async || {
        rows(&service, Bob, "/v1/webhook-events?status=processed")
            .await
            .len()
            == 3
    };
    tests::process::until(done).await;
    assert_eq!(rows(&service, Bob, "/v1/leads").await.len(), 1);
    assert_eq!(
        rows(&service, Bob, "/v1/call-logs").await[0]["recording_url"],
        "https://api.twilio.com/RE7"
    );
    assert!(rows(&service, Alice, "/v1/webhook-events").await.is_empty());
    let (_, list) = Process::start(&mut mako(&["numbers", "list"], &environment).await)
        .output()
        .await;
    assert!(
        list.contains(&format!("{unknown}  verified  {}", Bob.id()))
            && list.contains(&format!("{unknown}  claimed   {}", Alice.id())),
        "{list}"
    );
    let (code, _) = Process::start(&mut mako(&["numbers", "remove", unknown], &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(0));
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM2", CUSTOMER, unknown, "after")),
    )
    .await;
    assert_eq!(
        rows(&service, Bob, "/v1/webhook-events").await.len(),
        3,
        "nobody's again"
    );
}

#[tokio::test]
async fn a_number_is_verified_by_asking_twilio_with_the_tenants_own_key() {
    let database = TestDatabase::new().await;
    let provider = Provider::start().await;
    let mut settings = SETTINGS.to_vec();
    settings.push(("RELAY_BASE_URL_TWILIO", &provider.url));
    let service = Service::with(&database.login_url(), &settings).await;
    let claimed = service
        .post(
            Alice,
            "/v1/phone-numbers",
            &json!({"phone": OWNED_NUMBER, "label": "Reception"}),
        )
        .await;
    assert_eq!(
        (
            claimed.status,
            &claimed.body["verified_at"],
            &claimed.body["provider"]
        ),
        (201, &Value::Null, &json!("twilio")),
        "{}",
        claimed.text
    );
    let verify =
        |answer: &Answer| format!("/v1/phone-numbers/{}/verify", answer.body["id"].as_str().unwrap());
    let path = verify(&claimed);
    assert_eq!(
        service.post(Alice, &path, &json!({})).await.outcome(),
        (409, "MK_NOT_CONNECTED")
    );
    service
        .put(Alice, "/v1/api-keys/twilio", &json!({"api_key": "AC123:token"}))
        .await;
    let other = service
        .post(Alice, "/v1/phone-numbers", &json!({"phone": "+15005550011"}))
        .await;
    assert_eq!(
        service.post(Alice, &verify(&other), &json!({})).await.outcome(),
        (409, "MK_NOT_OWNED")
    );
    let verified = service.post(Alice, &path, &json!({})).await;
    assert!(
        verified.status == 200 && verified.body["verified_at"].is_string(),
        "{}",
        verified.text
    );
    let seen = provider.last();
    assert_eq!(
        seen.target,
        "/2010-04-01/Accounts/AC123/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550010"
    );
    assert!(seen.headers["authorization"].starts_with("Basic "));
    // Bob has the same account's key as well, but the number is alice's by now.
    let bobs = service
        .post(Bob, "/v1/phone-numbers", &json!({"phone": OWNED_NUMBER}))
        .await;
    service
        .put(Bob, "/v1/api-keys/twilio", &json!({"api_key": "AC123:token"}))
        .await;
    assert_eq!(
        service.post(Bob, &verify(&bobs), &json!({})).await.outcome(),
        (409, "MK409")
    );
    assert_eq!(
        service.post(Bob, &path, &json!({})).await.outcome(),
        (404, "MK404")
    );
    for bad in [
        json!({"phone": "not a number"}),
        json!({"phone": "4017122661"}),
        json!({"phone": OWNED_NUMBER, "verified_at": "2026-01-01T00:00:00Z"}),
        json!({"phone": OWNED_NUMBER, "provider": "aol"}),
    ] {
        assert_eq!(
            service.post(Bob, "/v1/phone-numbers", &bad).await.outcome(),
            (422, "MK422"),
            "{bad}"
        );
    }
    assert_eq!(
        service
            .post(Bob, "/v1/phone-numbers", &json!({"phone": OWNED_NUMBER}))
            .await
            .outcome(),
        (409, "23505")
    );
    assert_eq!(
        service
            .delete(Alice, path.trim_end_matches("/verify"))
            .await
            .status,
        204
    );
    assert_eq!(rows(&service, Alice, "/v1/phone-numbers").await.len(), 1);
}

#[tokio::test]
async fn numbers_are_claimed_once_for_a_key_and_listed_page_by_page() {
    let (_database, service) = setting().await;
    service
        .post(Alice, "/v1/phone-numbers", &json!({"phone": "+15005550013"}))
        .await;
    let claim = || {
        service
            .request_as(Alice, Method::POST, "/v1/phone-numbers")
            .header("idempotency-key", "k")
            .json(&json!({"phone": "+15005550012"}))
    };
    let (first, again) = (Answer::of(claim()).await, Answer::of(claim()).await);
    assert_eq!((first.status, again.status, &again.body), (201, 200, &first.body));
    let path_of_it = format!("/v1/phone-numbers/{}", first.body["id"].as_str().unwrap());
    assert_eq!(service.delete(Alice, &path_of_it).await.status, 204);
    let page = service
        .get(Alice, "/v1/phone-numbers?limit=1&count=exact")
        .await
        .body;
    assert_eq!(
        (page["data"].as_array().unwrap().len(), &page["count"]),
        (1, &json!(2))
    );
    assert!(page["next_cursor"].is_string());
}

#[tokio::test]
async fn an_endpoint_of_ones_own_has_an_address_that_stays_and_a_sealed_secret() {
    let (database, service) = setting().await;
    let list = rows(&service, Alice, "/v1/webhook-endpoints").await;
    assert_eq!(list.len(), 3);
    assert!(
        list.iter()
            .all(|endpoint| endpoint["own"] == false && endpoint["last_event_at"].is_null())
    );
    assert_eq!(list[0]["url"], format!("{BASE_URL}/webhooks/twilio"));

    let made = service.put(Alice, "/v1/webhook-endpoints/vapi", &json!({})).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let (url, secret) = (
        made.body["url"].as_str().unwrap(),
        made.body["secret"].as_str().unwrap(),
    );
    let again = service
        .put(
            Alice,
            "/v1/webhook-endpoints/vapi",
            &json!({"auth": {"type": "secret"}}),
        )
        .await;
    assert_eq!(
        (&again.body["url"], &again.body["secret"]),
        (&json!(url), &Value::Null),
        "shown once; the address stays"
    );
    assert_eq!(
        service
            .put(Alice, "/v1/webhook-endpoints/twilio", &json!({}))
            .await
            .outcome(),
        (422, "MK422"),
        "Twilio's secret is Twilio's"
    );
    for (source, bad) in [
        ("vapi", json!({"auth": {"type": "magic"}})),
        ("twilio", json!({"secret": "t", "auth": {"type": "hmac"}})),
        ("vapi", json!({"auth": 5})),
        ("vapi", json!({"sekret": "x"})),
    ] {
        assert_eq!(
            service
                .put(Alice, &format!("/v1/webhook-endpoints/{source}"), &bad)
                .await
                .outcome(),
            (422, "MK422"),
            "{bad}"
        );
    }
    let row = database
        .superuser()
        .await
        .query_one(
            "select sealed_secret, endpoint_key_hash from webhook_endpoints",
            &[],
        )
        .await
        .unwrap();
    let key = url.rsplit('/').next().unwrap();
    for stored in [row.get::<_, &str>(0), row.get(1)] {
        assert!(!stored.contains(secret) && !stored.contains(key));
    }
}

#[tokio::test]
async fn an_endpoint_of_ones_own_takes_its_secret_only_and_its_test_walks_the_real_path() {
    let (_database, service) = setting().await;
    let made = service.put(Alice, "/v1/webhook-endpoints/vapi", &json!({})).await;
    let (url, secret) = (
        made.body["url"].as_str().unwrap(),
        made.body["secret"].as_str().unwrap(),
    );
    let path = url.strip_prefix(BASE_URL).unwrap();
    let mine = signed(
        Source::Vapi,
        path,
        report("own-1", None, CUSTOMER, "+15005550077", "hi").to_string(),
        secret,
    );
    accepted(&service, &mine).await;
    assert_eq!(
        rows(&service, Alice, "/v1/call-logs").await.len(),
        1,
        "no number is needed"
    );
    let forged = signed(
        Source::Vapi,
        path,
        report("own-2", None, CUSTOMER, ALICES_NUMBER, "hi").to_string(),
        hooks::VAPI_SECRET,
    );
    assert_eq!(
        post(&service, &forged).await.outcome(),
        (403, "MK_WEBHOOK_REFUSED"),
        "the platform's secret is not this endpoint's"
    );
    assert!(rows(&service, Alice, "/v1/webhook-endpoints").await[1]["last_event_at"].is_string());

    for (source, ok) in [("vapi", true), ("twilio", true), ("make", true)] {
        let tested = service
            .post(Alice, &format!("/v1/webhook-endpoints/{source}/test"), &json!({}))
            .await;
        assert_eq!(
            (tested.status, &tested.body["ok"]),
            (200, &json!(ok)),
            "{}",
            tested.text
        );
        let steps: Vec<_> = tested.body["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["step"].as_str().unwrap())
            .collect();
        assert_eq!(steps, ["sign", "verify", "record", "route", "process"]);
        let event = service
            .get(
                Alice,
                &format!("/v1/webhook-events/{}", tested.body["event_id"].as_str().unwrap()),
            )
            .await;
        assert_eq!(event.body["status"], "ignored");
    }
    let tested = service
        .post(Bob, "/v1/webhook-endpoints/twilio/test", &json!({}))
        .await;
    assert_eq!(
        (&tested.body["ok"], &tested.body["steps"][0]["step"]),
        (&json!(false), &json!("route")),
        "{}",
        tested.text
    );
    assert!(
        rows(&service, Alice, "/v1/leads").await.is_empty(),
        "a sample leaves no lead"
    );
    assert_eq!(
        service.delete(Alice, "/v1/webhook-endpoints/vapi").await.status,
        204
    );
    assert_eq!(post(&service, &mine).await.outcome(), (404, "MK404"));
    assert_eq!(
        service
            .delete(Alice, "/v1/webhook-endpoints/vapi")
            .await
            .outcome(),
        (404, "MK404")
    );
}

#[tokio::test]
async fn events_are_counted_listed_and_forgotten_in_time() {
    let (database, service) = setting().await;
    for n in 0..5 {
        accepted(
            &service,
            &platform(
                Source::Twilio,
                sms(&format!("SM{n}"), CUSTOMER, ALICES_NUMBER, "hi"),
            ),
        )
        .await;
    }
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM0", CUSTOMER, ALICES_NUMBER, "hi")),
    )
    .await;
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM9", CUSTOMER, "+15005550099", "hi")),
    )
    .await;
    post(
        &service,
        &signed(
            Source::Twilio,
            "/webhooks/twilio",
            sms("SMx", CUSTOMER, ALICES_NUMBER, "hi"),
            "wrong",
        ),
    )
    .await;
    let metrics = service.get(Alice, "/metrics").await.text;
    for line in [
        "mako_webhooks_received_total{source=\"twilio\"} 8",
        "mako_webhooks_verified_total{source=\"twilio\"} 7",
        "mako_webhooks_refused_total{source=\"twilio\",reason=\"wrong\"} 1",
        "mako_webhooks_duplicate_total{source=\"twilio\"} 1",
        "mako_webhooks_unrouted_total{source=\"twilio\"} 1",
        "mako_webhooks_acknowledge_seconds_count{source=\"twilio\"} 7",
        "mako_webhooks_spooled 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let page = service
        .get(
            Alice,
            "/v1/webhook-events?limit=2&count=exact&source=twilio&status=processed",
        )
        .await
        .body;
    assert_eq!(
        (page["data"].as_array().unwrap().len(), &page["count"]),
        (2, &json!(5))
    );
    assert_eq!(
        service
            .get(Alice, "/v1/webhook-events?status=lost")
            .await
            .outcome(),
        (422, "MK422")
    );

    let client = database.superuser().await;
    batch(
        &client,
        "update webhook_events set created_at = now() - interval '40 days' where dedupe_key like '%SM1'",
    )
    .await;
    let mut settings = SETTINGS.to_vec();
    settings.push(("RETENTION_DAYS", "30"));
    let _keeper = Service::with(&database.login_url(), &settings).await;
    let forgotten = async || {
        let sql = "select count(*) filter (where payload = '{}'), count(*) from webhook_events";
        let row = client.query_one(sql, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1)) == (1, 6)
    };
    tests::process::until(forgotten).await;
}
