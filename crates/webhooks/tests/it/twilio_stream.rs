//! Does an event of Event Streams say what the callback of the same moment says?

use serde_json::{Value, json};
use webhooks::{Direction, Event, Kind, MessageStatus, Source};

use crate::support::{
    CUSTOMER, TENANT, assert_sides, customer, json as delivery, listed, tenants, twilio_event,
};

/// A list as Event Streams posts it.
fn streamed(events: &[(&str, Value)]) -> Vec<Event> {
    let list: Vec<Value> = events
        .iter()
        .map(|(kind, data)| {
            json!({"specversion": "1.0", "type": format!("com.twilio.{kind}"), "source": "AB1", "id": "EZ1",
                "dataschema": "https://events-schemas.twilio.com/x/1", "data": data})
        })
        .collect();
    listed(delivery(Source::Twilio, &Value::from(list)))
}

#[test]
fn messages_and_their_statuses_are_those_of_the_callbacks() {
    let events = streamed(&[
        (
            "messaging.inbound-message.received",
            json!({"messageSid": "SM1", "accountSid": "AC1", "from": CUSTOMER, "to": TENANT, "body": "Ahoy!", "numMedia": 0,
                "timestamp": "2026-11-22T10:11:12.000Z"}),
        ),
        (
            "messaging.message.undelivered",
            json!({"messageSid": "SM2", "accountSid": "AC1", "from": TENANT, "to": CUSTOMER, "messageStatus": "UNDELIVERED",
                "errorCode": 30003}),
        ),
        (
            "messaging.message.sent",
            json!({"messageSid": "SM3", "from": TENANT, "to": CUSTOMER}),
        ),
    ]);
    assert_sides(&events[0], "twilio:msg:in:SM1", "message.received");
    assert!(events[0].occurred_at.is_some() && events[0].account.as_deref() == Some("AC1"));
    assert!(matches!(&events[0].kind, Kind::Message(message) if message.body == "Ahoy!"));
    let callback = twilio_event(
        "MessageSid=SM2&MessageStatus=undelivered&From=%2B15558675310&To=%2B14017122661&ErrorCode=30003",
    );
    assert_sides(&events[1], &callback.dedupe_key, "message.undelivered");
    assert!(
        matches!(&events[1].kind, Kind::MessageStatus(change) if change.status == MessageStatus::Undelivered)
    );
    assert_sides(&events[2], "twilio:msg:status:SM3:sent:-", "message.sent");
}

#[test]
fn a_calls_status_is_that_of_its_callback() {
    let parameters = json!({"CallSid": "CA1", "AccountSid": "AC1", "CallStatus": "ringing", "Direction": "outbound-api",
        "From": TENANT, "To": CUSTOMER, "SequenceNumber": "1"});
    let bare = json!({"CallSid": "CA2", "CallStatus": "ringing", "Direction": "inbound", "From": CUSTOMER, "To": TENANT});
    let request = |parameters: &Value| json!({"request": {"method": "POST", "parameters": parameters}});
    let events = streamed(&[
        ("voice.status-callback.call.ringing", request(&parameters)),
        ("voice.webhook.status-callback.call.ringing", request(&parameters)),
        ("voice.status-callback.call.ringing", request(&bare)),
    ]);
    for event in &events[..2] {
        assert_sides(event, "twilio:call:status:CA1:ringing:1", "call.ringing");
        assert!(matches!(&event.kind, Kind::Call(call) if call.direction == Direction::Outbound));
    }
    // A stream never wants TwiML, though it may lack what callbacks are told by.
    assert!(matches!(&events[2].kind, Kind::Call(call) if !call.wants_twiml));
}

#[test]
fn what_a_stream_says_beyond_that_is_ignored_by_its_own_id() {
    let events = streamed(&[
        (
            "daptbt.link-shortening.link-clicked",
            json!({"messageSid": "SM1", "from": TENANT, "to": CUSTOMER}),
        ),
        ("messaging.inbound-message.received", json!("text")),
        (
            "voice.status-callback.amd.detected",
            json!({"request": {"parameters": {"CallSid": "CA1"}}}),
        ),
    ]);
    for event in &events {
        assert_eq!(event.dedupe_key, "twilio:event:EZ1");
        assert!(event.kind == Kind::Other);
        assert!(event.event_type.starts_with("com.twilio."));
    }
    assert!(tenants(&events[0]).is_empty() && customer(&events[0]).is_none());
}
