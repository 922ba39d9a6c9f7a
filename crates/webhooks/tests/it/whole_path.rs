//! Does a delivery come all the way from the provider to an event, an answer and a record?

use serde_json::{Value, json};
use webhooks::{
    Answer, Delivery, Freshness, LONGEST_LIST, Recorded, Source, Unparsable, Verified, Zone, parse, redact,
    sign, verify,
};

use crate::support::{
    TENANT, auth, form, json, make_event, now, recorded, secret, tenants, twilio_event, vapi_event, verified,
};

#[test]
fn answers_are_what_each_provider_takes() {
    let twilio = |body: &str| Answer::to(&twilio_event(body), Freshness::First);
    let message = twilio("MessageSid=SM1&From=1&To=2&Body=x");
    assert_eq!(
        (message.status(), message.content_type()),
        (200, Some("text/xml"))
    );
    assert_eq!(
        message.body(),
        r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#
    );
    for callback in [
        "MessageSid=SM1&MessageStatus=sent",
        "CallSid=CA1&CallStatus=completed",
        "CallSid=CA1&CallStatus=ringing&SequenceNumber=1",
        "RecordingSid=RE1&RecordingStatus=completed&CallSid=CA1",
        "a=b",
    ] {
        let answer = twilio(callback);
        assert_eq!((answer.status(), answer.body().as_str()), (204, ""), "{callback}");
    }
    assert_eq!(
        twilio("CallSid=CA1&CallStatus=ringing&Direction=inbound"),
        Answer::EmptyTwiml
    );

    let vapi = |message: Value| Answer::to(&vapi_event(&json!({ "message": message })), Freshness::Duplicate);
    let tools = vapi(json!({"type": "tool-calls", "toolCallList": [{"id": "t", "name": "book"}]}));
    let Answer::Json(tools) = tools else {
        panic!("{tools:?}")
    };
    assert_eq!(tools["results"][0]["toolCallId"], "t");
    assert!(tools["results"][0]["error"].is_string());
    assert!(
        matches!(vapi(json!({"type": "assistant-request"})), Answer::Json(answer) if answer["error"].is_string())
    );
    assert_eq!(vapi(json!({"type": "end-of-call-report"})), Answer::Ok);

    let make = |standing| {
        let answer = Answer::to(&make_event(&json!({"event_id": "7"})), standing);
        assert_eq!(
            (answer.status(), answer.content_type()),
            (200, Some("application/json"))
        );
        serde_json::from_str::<Value>(&answer.body()).unwrap()["status"].clone()
    };
    assert_eq!(make(Freshness::First), "received");
    assert_eq!(make(Freshness::Duplicate), "duplicate");
}

#[test]
fn a_form_becomes_an_object_and_secrets_are_left_out() {
    let url = "https://hooks.example.com/webhooks/twilio";
    let kept = recorded(form(
        url,
        "",
        "Digits=5678&Digits=1234&ToCity=&Body=%00x&CallToken=s3cret",
    ));
    assert_eq!(
        kept.get().payload(),
        &json!({"Digits": ["5678", "1234"], "ToCity": "", "Body": "\u{fffd}x"})
    );
}

#[test]
fn for_get_the_query_is_what_was_said() {
    let url =
        "https://hooks.example.com/v?CallSid=CA1&From=%2B14017122661&To=%2B15558675310&CallStatus=ringing";
    let get = Delivery::new(Source::Twilio, "GET", url, [("accept", "*/*")], "");
    let event = parse(&recorded(get));
    assert_eq!(tenants(&event), [TENANT]);
}

#[test]
fn a_record_read_back_is_the_event_that_was_delivered() {
    let proof = recorded(json(
        Source::Vapi,
        &json!({"message": {"type": "end-of-call-report", "call": {"id": "c"}, "phoneNumber": {"number": TENANT},
            "artifact": {"transcript": "x".repeat(3_000_000)}}}),
    ));
    let row = proof.get().payload().to_string();
    let again = Recorded::new(Source::Vapi, serde_json::from_str(&row).unwrap());
    #[expect(
        clippy::disallowed_methods,
        reason = "this test loads a record as the store does"
    )]
    let again = Verified::assert_verified(again);
    assert!(parse(&proof) == parse(&again));
}

#[test]
fn a_body_that_cannot_be_read_is_told_so() {
    let by = |source, body: &str| {
        let url = "https://hooks.example.com/";
        let delivery = Delivery::new(source, "POST", url, [("accept", "*/*")], body);
        redact(&verified(delivery), Zone::default()).map(|_| ())
    };
    assert_eq!(by(Source::Vapi, "{"), Err(Unparsable::NotJson));
    assert_eq!(by(Source::Vapi, ""), Err(Unparsable::NotJson));
    assert_eq!(by(Source::Vapi, "7"), Err(Unparsable::NotAnObject));
    assert_eq!(by(Source::Make, "plain text"), Err(Unparsable::NotAForm));
    assert_eq!(by(Source::Make, "event_type=x&data=y"), Ok(()));
    assert_eq!(by(Source::Make, &"[".repeat(1_000_000)), Err(Unparsable::NotJson));
    assert_eq!(by(Source::Make, "[{}, 7]"), Err(Unparsable::NotAnEvent(2)));
    assert_eq!(by(Source::Make, "[[{}]]"), Err(Unparsable::NotAnEvent(1)));
    let list = |length| json!(vec![json!({}); length]).to_string();
    assert_eq!(by(Source::Make, &list(LONGEST_LIST)), Ok(()));
    assert_eq!(
        by(Source::Make, &list(LONGEST_LIST + 1)),
        Err(Unparsable::TooLong)
    );
}

#[test]
fn a_make_event_may_be_named_by_standard_webhooks() {
    let auth = auth(Source::Make, &json!({"type": "standard_webhooks"}));
    let key = secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let keys = |body: &Value| {
        let signed = sign(json(Source::Make, body), &auth, &key, "msg_9", now()).unwrap();
        let proof = verify(signed, &auth, std::slice::from_ref(&key), now()).unwrap();
        let records = redact(&proof, Zone::default()).unwrap();
        let keys = records.each.iter().map(|recorded| parse(recorded).dedupe_key);
        keys.collect::<Vec<_>>()
    };
    assert_eq!(keys(&json!({"event_type": "x"})), ["make:msg_9"]);
    // The header names a list as a whole.
    let list = json!([{"event_type": "x"}, {"event_type": "x"}, {"event_id": "7"}]);
    assert_eq!(keys(&list), ["make:msg_9.1", "make:msg_9.2", "make:7"]);
}

#[test]
fn a_list_is_answered_as_its_provider_takes_it() {
    let event = |id: &str| make_event(&json!({ "event_id": id }));
    let first = (event("1"), Freshness::First);
    let again = (event("2"), Freshness::Duplicate);
    let heard =
        |events: &[_]| serde_json::from_str::<Value>(&Answer::to_list(Source::Make, events).body()).unwrap();
    assert_eq!(
        heard(&[first, again.clone()]),
        json!({"status": "received", "events": [
            {"status": "received", "dedupe_key": "make:1"}, {"status": "duplicate", "dedupe_key": "make:2"}]})
    );
    assert_eq!(heard(&[again])["status"], "duplicate");
    assert_eq!(heard(&[]), json!({"status": "received", "events": []}));
    assert_eq!(Answer::to_list(Source::Twilio, &[]), Answer::NoContent);
    assert_eq!(Answer::to_list(Source::Vapi, &[]), Answer::Ok);
}
