//! Is a list of events taken one by one, each as if it had come alone?

use super::*;

fn lead(id: &str, phone: &str) -> Value {
    json!({"event_id": id, "event_type": "lead.created", "tenant_phone": ALICES_NUMBER,
        "data": {"name": format!("Lead {id}"), "phone": phone}})
}

fn words(answer: &Answer) -> Vec<&str> {
    let each = answer.body["events"].as_array().expect("an answer to each");
    each.iter()
        .map(|event| event["status"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn each_event_of_a_list_is_recorded_acted_on_and_answered() {
    let (_database, service) = setting().await;
    let list = json!([
        lead("1", "+14017122661"),
        lead("2", "+14017122662"),
        lead("1", "+14017122663"),
        {"event_id": "3", "event_type": "lead.created", "tenant_phone": ALICES_NUMBER, "data": {"name": "No number"}},
        {"event_id": "4", "event_type": "lead.created", "tenant_phone": "+15005550009", "data": {"phone": "+14017122664"}},
    ]);
    let heard = accepted(&service, &platform(Source::Make, list.to_string())).await;
    assert_eq!(heard.body["status"], "received");
    assert_eq!(
        words(&heard),
        ["received", "received", "duplicate", "received", "received"]
    );
    assert_eq!(
        heard.body["events"][1]["dedupe_key"],
        format!("make:{ALICES_NUMBER}:2")
    );
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(leads.len(), 2, "{leads:?}");
    let events = rows(&service, Alice, "/v1/webhook-events").await;
    assert_eq!(
        events.len(),
        3,
        "another tenant's number is not alice's: {events:?}"
    );
    let failed = rows(&service, Alice, "/v1/webhook-events?status=failed").await;
    assert_eq!(failed[0]["error_message"], "a lead needs data.phone");
    // Each is an event of its own: shown, and to be replayed, alone.
    let path = format!("/v1/webhook-events/{}", failed[0]["id"].as_str().unwrap());
    let shown = service.get(Alice, &path).await;
    assert_eq!(shown.body["payload"]["event_id"], "3");
    let replayed = service.post(Alice, &format!("{path}/replay"), &json!({})).await;
    assert_eq!(
        (replayed.status, &replayed.body["status"]),
        (200, &json!("failed"))
    );

    let again = accepted(&service, &platform(Source::Make, list.to_string())).await;
    assert_eq!(
        (&again.body["status"], words(&again)),
        (&json!("duplicate"), vec!["duplicate"; 5])
    );
    // With one that is new among them.
    let more = json!([lead("2", "+14017122662"), lead("9", "+14017122669")]);
    let more = accepted(&service, &platform(Source::Make, more.to_string())).await;
    assert_eq!(
        (&more.body["status"], words(&more)),
        (&json!("received"), vec!["duplicate", "received"])
    );
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 3);
}

#[tokio::test]
async fn a_list_that_is_too_long_or_holds_no_event_is_refused_as_a_whole() {
    let (database, service) = setting().await;
    let long: Vec<Value> = (0..=webhooks::LONGEST_LIST)
        .map(|n| lead(&n.to_string(), CUSTOMER))
        .collect();
    let heard = post(&service, &platform(Source::Make, Value::from(long).to_string())).await;
    assert_eq!(heard.outcome(), (413, "MK413"));
    for list in [
        json!([lead("1", CUSTOMER), "text"]),
        json!([[lead("1", CUSTOMER)]]),
        json!([null]),
    ] {
        let heard = post(&service, &platform(Source::Make, list.to_string())).await;
        assert_eq!(heard.outcome(), (400, "MK400"), "{list}");
    }
    let heard = accepted(&service, &platform(Source::Make, "[]")).await;
    assert_eq!(heard.body, json!({"status": "received", "events": []}));
    let recorded = "select count(*) from webhook_events";
    let count: i64 = database
        .superuser()
        .await
        .query_one(recorded, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(count, 0);
}

#[tokio::test]
async fn the_longest_list_is_answered_once_it_is_recorded() {
    // On a busy machine its 500 events take longer than the time that a delivery is given.
    let (_database, service) =
        setting_with(&[("REQUEST_TIMEOUT", "120s"), ("STATEMENT_TIMEOUT", "60s")]).await;
    let list: Vec<Value> = (0..webhooks::LONGEST_LIST)
        .map(|n| lead(&n.to_string(), &format!("+1401712{n:04}")))
        .collect();
    let heard = accepted(&service, &platform(Source::Make, Value::from(list).to_string())).await;
    assert_eq!(words(&heard), vec!["received"; webhooks::LONGEST_LIST]);
    let done = async || {
        let leads = service.get(Alice, "/v1/leads?limit=1&count=exact").await;
        leads.body["count"] == webhooks::LONGEST_LIST
    };
    tests::process::until(done).await;
}

#[tokio::test]
async fn event_streams_are_acted_on_event_by_event_for_whose_number_each_names() {
    let (database, service) = setting().await;
    let bobs_number = "+15005550002";
    let verified = format!(
        "insert into user_phone_numbers (user_id, phone, verified_at) values ('{}', '{bobs_number}', now())",
        Bob.id()
    );
    batch(&database.superuser().await, &verified).await;
    let message = |sid: &str, to: &str| json!({"messageSid": sid, "from": CUSTOMER, "to": to, "body": "hi", "numMedia": 0});
    let list = streamed(&[
        (
            "messaging.inbound-message.received",
            message("SM1", ALICES_NUMBER),
        ),
        ("messaging.inbound-message.received", message("SM2", bobs_number)),
        (
            "voice.status-callback.call.completed",
            json!({"request": {"parameters": {"CallSid": "CA1", "CallStatus": "completed", "Direction": "inbound",
                "From": CUSTOMER, "To": ALICES_NUMBER, "CallDuration": "61"}}}),
        ),
        (
            "messaging.inbound-message.received",
            json!({"messageSid": "SM3", "from": "+14017122669", "to": ALICES_NUMBER, "body": "STOP", "numMedia": 0}),
        ),
        ("error-logs.error.logged", json!({"level": "ERROR"})),
    ]);
    for _ in 0..2 {
        let heard = accepted(&service, &list).await;
        assert_eq!((heard.status, heard.text.as_str()), (204, ""));
    }
    for (person, messages, calls) in [(Alice, 2, 1), (Bob, 1, 0)] {
        assert_eq!(rows(&service, person, "/v1/leads").await.len(), 1);
        assert_eq!(
            rows(&service, person, "/v1/automation-logs").await.len(),
            messages + calls
        );
        assert_eq!(rows(&service, person, "/v1/call-logs").await.len(), calls);
    }
    // The callback of the same message is the same event.
    let callback = sms("SM1", CUSTOMER, ALICES_NUMBER, "hi");
    accepted(&service, &platform(Source::Twilio, callback)).await;
    assert_eq!(rows(&service, Alice, "/v1/webhook-events").await.len(), 3);
}
