//! Which calls have a row, and whose is it?

use super::*;

/// A call that ended, with numbers on both ends.
fn ended(sid: &str, direction: &str, from: &str, to: &str, parent: Option<&str>) -> Delivery {
    let mut pairs = vec![
        ("CallSid", sid),
        ("CallStatus", "completed"),
        ("AccountSid", "AC1"),
        ("Direction", direction),
        ("From", from),
        ("To", to),
        ("CallDuration", "61"),
    ];
    pairs.extend(parent.map(|parent| ("ParentCallSid", parent)));
    platform(Source::Twilio, form(&pairs))
}

#[tokio::test]
async fn two_tenants_who_call_each_other_have_a_row_each() {
    let (database, service) = setting().await;
    let bobs_number = "+15005550002";
    let verified = format!(
        "insert into user_phone_numbers (user_id, phone, verified_at) values ('{}', '{bobs_number}', now())",
        Bob.id()
    );
    batch(&database.superuser().await, &verified).await;
    // To Twilio it is two calls: one that alice makes, and one that comes in for bob.
    accepted(
        &service,
        &ended("CA1", "outbound-api", ALICES_NUMBER, bobs_number, None),
    )
    .await;
    accepted(
        &service,
        &ended("CA2", "inbound", ALICES_NUMBER, bobs_number, None),
    )
    .await;
    for (person, other, direction) in [(Alice, bobs_number, "outbound"), (Bob, ALICES_NUMBER, "inbound")] {
        let calls = rows(&service, person, "/v1/call-logs").await;
        assert_eq!((calls.len(), &calls[0]["phone"]), (1, &json!(other)));
        let logs = rows(&service, person, "/v1/automation-logs").await;
        let details: Value = serde_json::from_str(logs[0]["details"].as_str().unwrap()).unwrap();
        assert_eq!((logs.len(), &details["direction"]), (1, &json!(direction)));
    }
}

#[tokio::test]
async fn a_leg_is_a_part_of_the_call_that_it_belongs_to() {
    let (_database, service) = setting().await;
    let (leg, call) = (
        ended("CA2", "outbound-dial", CUSTOMER, "+14017129999", Some("CA1")),
        ended("CA1", "inbound", CUSTOMER, ALICES_NUMBER, None),
    );
    // Also if it is told first: then it waits for its call.
    for delivery in [&leg, &call] {
        accepted(&service, delivery).await;
    }
    let done = async || {
        let events = rows(&service, Alice, "/v1/webhook-events?status=processed").await;
        events.len() == 2
    };
    tests::process::until(done).await;
    let calls = rows(&service, Alice, "/v1/call-logs").await;
    assert_eq!(
        (calls.len(), &calls[0]["phone"]),
        (1, &json!(CUSTOMER)),
        "{calls:?}"
    );
    assert_eq!(rows(&service, Alice, "/v1/automation-logs").await.len(), 1);
    // What is recorded of the leg is of the call.
    let recording = form(&[
        ("RecordingSid", "RE1"),
        ("CallSid", "CA2"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.example.com/RE1"),
    ]);
    accepted(&service, &platform(Source::Twilio, recording)).await;
    let calls = rows(&service, Alice, "/v1/call-logs").await;
    assert_eq!(
        (calls.len(), &calls[0]["recording_url"]),
        (1, &json!("https://api.example.com/RE1"))
    );
}

#[tokio::test]
async fn vapis_states_make_a_row_once_the_call_ended_and_has_a_name_at_twilio() {
    let (_database, service) = setting().await;
    let state = |id: &str, sid: Option<&str>, status: &str| {
        let body = json!({"message": {"type": "status-update", "status": status, "phoneNumber": {"number": ALICES_NUMBER},
            "customer": {"number": CUSTOMER},
            "call": {"id": id, "type": "inboundPhoneCall", "phoneCallProviderId": sid}}});
        platform(Source::Vapi, body.to_string())
    };
    for (id, sid, status, calls) in [
        ("v1", Some("CA1"), "ringing", 0),
        ("v1", Some("CA1"), "in-progress", 0),
        ("v2", None, "ended", 0),
        ("v1", Some("CA1"), "ended", 1),
    ] {
        accepted(&service, &state(id, sid, status)).await;
        let rows = rows(&service, Alice, "/v1/call-logs").await;
        assert_eq!(rows.len(), calls, "{id} {status}");
    }
    // The report of the same call finds it by either name.
    let report = report("v1", None, CUSTOMER, ALICES_NUMBER, "hi");
    accepted(&service, &platform(Source::Vapi, report.to_string())).await;
    let calls = rows(&service, Alice, "/v1/call-logs").await;
    assert_eq!((calls.len(), &calls[0]["summary"]), (1, &json!("hi")));
}
