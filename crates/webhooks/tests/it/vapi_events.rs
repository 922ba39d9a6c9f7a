//! Is the tenant's number told from the customer's, in whatever Vapi says?

use serde_json::{Value, json};
use webhooks::{CallStatus, Direction, Kind, Party, Question, RoutingHint};

use crate::support::{CUSTOMER, TENANT, assert_sides, customer, vapi_event};

fn report(call_type: &str) -> Value {
    json!({"message": {
        "type": "end-of-call-report", "timestamp": 1_795_342_272_000_i64, "endedReason": "customer-ended-call",
        "startedAt": "2026-11-22T10:10:00.000Z", "endedAt": "2026-11-22T10:10:25.276Z", "durationSeconds": "25.276",
        "cost": 0.12, "summary": "late", "analysis": {"summary": "Ann wants a demo", "successEvaluation": true,
            "structuredData": {"sentiment": "positive"}},
        "artifact": {"transcript": "AI: hi", "recordingUrl": "https://r/mono.wav", "messages": [1]},
        "phoneNumber": {"id": "pn-1", "number": TENANT, "provider": "twilio"},
        "customer": {"number": CUSTOMER, "name": "Ann"},
        "call": {"id": "c-1", "type": call_type, "status": "queued", "phoneCallProvider": "twilio",
            "phoneCallProviderId": "CA1", "phoneNumberId": "pn-1", "assistantId": "as-1"},
    }})
}

#[test]
fn vapis_report_names_both_sides_alike_in_both_directions() {
    for (call_type, direction) in [
        ("inboundPhoneCall", Direction::Inbound),
        ("outboundPhoneCall", Direction::Outbound),
    ] {
        let event = vapi_event(&report(call_type));
        assert_sides(&event, "vapi:eocr:c-1", "end-of-call-report");
        assert!(
            event.hints[1..]
                == [
                    RoutingHint::VapiNumber("pn-1".into()),
                    RoutingHint::VapiAssistant("as-1".into())
                ]
        );
        assert_eq!(event.call.provider.as_deref(), Some("CA1"));
        let Kind::CallReport(report) = &event.kind else {
            panic!("{event:?}")
        };
        assert_eq!(
            (report.direction, report.status),
            (direction, CallStatus::Completed)
        );
        assert_eq!(report.summary.as_deref(), Some("Ann wants a demo"));
        assert_eq!(report.sentiment.as_deref(), Some("positive"));
        assert_eq!(report.success.as_deref(), Some("true"));
        assert_eq!(report.transcript.as_deref(), Some("AI: hi"));
        assert_eq!(report.recording_url.as_deref(), Some("https://r/mono.wav"));
        assert_eq!(report.duration, Some(25));
        assert_eq!(report.cost, Some(0.12));
    }
}

#[test]
fn a_report_too_big_to_keep_whole_is_still_the_same_report() {
    let mut body = report("inboundPhoneCall");
    for i in 0..40 {
        body["message"][format!("extra{i}")] = json!(vec!["x".repeat(500); 500]);
    }
    body["message"]["artifact"]["transcript"] = json!("AI: hi ".repeat(100_000));
    let event = vapi_event(&body);
    assert_sides(&event, "vapi:eocr:c-1", "end-of-call-report");
    let Kind::CallReport(report) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(report.summary.as_deref(), Some("Ann wants a demo"));
    assert!(report.transcript.as_deref().unwrap().starts_with("AI: hi"));
}

#[test]
fn a_report_without_its_optional_parts_is_still_one() {
    let event = vapi_event(&json!({"message": {"type": "end-of-call-report", "summary": "s",
        "startedAt": "2026-11-22T10:10:00Z", "call": {"id": "c", "endedAt": "2026-11-22T10:11:00Z",
        "phoneNumber": {"twilioPhoneNumber": TENANT}, "customer": {"number": CUSTOMER}}, "phoneNumber": null}}));
    assert_sides(&event, "vapi:eocr:c", "end-of-call-report");
    let Kind::CallReport(report) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(
        (report.duration, report.summary.as_deref()),
        (Some(60), Some("s"))
    );
    let bare = vapi_event(&json!({"message": {"type": "end-of-call-report"}}));
    assert!(matches!(bare.kind, Kind::CallReport(_)) && bare.dedupe_key.starts_with("vapi:sha256:"));
}

#[test]
fn vapis_states_are_ranked_and_the_reason_tells_the_end() {
    for (status, reason, expected) in [
        ("queued", None, CallStatus::Queued),
        ("in-progress", None, CallStatus::InProgress),
        ("forwarding", None, CallStatus::Forwarding),
        ("ended", None, CallStatus::Completed),
        ("ended", Some("customer-busy"), CallStatus::Busy),
    ] {
        let event = vapi_event(
            &json!({"message": {"type": "status-update", "status": status, "endedReason": reason,
            "call": {"id": "c"}, "phoneNumber": {"number": TENANT}, "customer": {"number": CUSTOMER}}}),
        );
        assert_sides(&event, &format!("vapi:status:c:{status}"), "status-update");
        let Kind::Call(call) = &event.kind else {
            panic!("{event:?}")
        };
        assert_eq!(call.status, expected);
    }
}

#[test]
fn a_web_call_has_no_numbers_but_an_assistant() {
    let event = vapi_event(&json!({"message": {"type": "end-of-call-report",
        "call": {"id": "c", "type": "webCall", "assistantId": "as-1"}}}));
    assert!(event.hints == [RoutingHint::VapiAssistant("as-1".into())]);
    assert!(event.customer.is_none());
}

#[test]
fn tool_calls_are_read_in_every_shape() {
    let list =
        |list: Value| json!({"message": {"type": "tool-calls", "call": {"id": "c"}, "toolCallList": list}});
    let with_tool = json!({"message": {"type": "tool-calls", "toolWithToolCallList": [{"type": "function",
        "name": "book", "server": {"secret": "s"}, "toolCall": {"id": "t1", "type": "function",
        "function": {"name": "book", "parameters": {"day": 1}}}}]}});
    for body in [
        list(
            json!([{"id": "t1", "type": "function", "function": {"name": "book", "arguments": {"day": 1}}}]),
        ),
        list(
            json!([{"id": "t1", "type": "function", "function": {"name": "book", "arguments": "{\"day\":1}"}}]),
        ),
        list(json!([{"id": "t1", "name": "book", "parameters": {"day": 1}}])),
        with_tool,
    ] {
        let event = vapi_event(&body);
        assert_eq!(event.dedupe_key, "vapi:tool:t1", "{body}");
        let Kind::Question(Question::ToolCalls(calls)) = &event.kind else {
            panic!("{body}")
        };
        assert_eq!(
            (calls[0].id.as_str(), calls[0].name.as_deref()),
            ("t1", Some("book"))
        );
        assert_eq!(calls[0].arguments, json!({"day": 1}));
    }
}

#[test]
fn every_message_type_of_the_sdk_is_accepted() {
    let questions = "assistant-request tool-calls function-call transfer-destination-request knowledge-base-request \
                     voice-request call.endpointing.request handoff-destination-request campaign.predial";
    let others = "conversation-update hang model-output phone-call-control speech-update transfer-update transcript \
                  transcript[transcriptType=\"final\"] user-interrupted language-change-detected voice-input \
                  assistant.speechStarted chat.created chat.deleted session.created session.updated session.deleted \
                  call.deleted call.delete.failed call.artifact.upload assistant.started something-new";
    let event = |word: &str| {
        let message = json!({"type": word, "timestamp": 1, "call": {"id": "c"}, "phoneNumber": {"number": TENANT},
            "customer": {"number": CUSTOMER}, "chat": null});
        vapi_event(&json!({ "message": message }))
    };
    for word in questions.split_ascii_whitespace() {
        let event = event(word);
        assert!(matches!(event.kind, Kind::Question(_)), "{word}");
        assert_sides(&event, &format!("vapi:{word}:c:1"), word);
    }
    for word in others.split_ascii_whitespace() {
        let event = event(word);
        assert!(event.kind == Kind::Other, "{word}");
        let per_call = word.starts_with("chat.") || word.starts_with("session.") || word.starts_with("call.");
        let rare = [
            "hang",
            "phone-call-control",
            "transfer-update",
            "assistant.started",
            "something-new",
        ];
        assert_eq!(event.is_chatter(), !per_call && !rare.contains(&word), "{word}");
        assert_sides(&event, &format!("vapi:{word}:c:1"), word);
    }
}

#[test]
fn the_shape_that_the_crm_accepts_is_understood_and_its_sides_are_told_apart() {
    let call = json!({"id": "c", "from": CUSTOMER, "to": TENANT, "recordingUrl": "https://r", "summary": "books a demo",
        "startedAt": "2026-11-22T10:10:00Z", "endedAt": "2026-11-22T10:11:00Z"});
    let with_customer = json!({"id": "c", "customer": {"phoneNumber": CUSTOMER}, "phoneNumber": {"number": TENANT},
        "analysis": {"summary": "books a demo"}, "duration": "60", "recordingUrl": "https://r", "endedAt": "x"});
    let outbound = json!({"id": "c", "type": "outboundPhoneCall", "from": TENANT, "to": CUSTOMER, "duration": 60,
        "summary": "books a demo", "recordingUrl": "https://r"});
    let flat = json!({"type": "call.ended", "id": "c", "phoneNumber": CUSTOMER, "to": TENANT, "duration": 60,
        "summary": "books a demo", "recordingUrl": "https://r"});
    for body in [
        json!({"type": "call.ended", "call": call}),
        json!({"event": "call.ended", "data": {"call": call}}),
        json!({ "call": call }),
        json!({ "message": {"call": call} }),
        json!({"type": "call.ended", "call": with_customer}),
        json!({"type": "call.ended", "call": outbound}),
        json!({"event": "call.ended", "data": outbound}),
        flat,
    ] {
        let event = vapi_event(&body);
        assert_sides(&event, "vapi:call.ended:c", "call.ended");
        let Kind::CallReport(report) = &event.kind else {
            panic!("{body}")
        };
        assert_eq!(report.summary.as_deref(), Some("books a demo"), "{body}");
        assert_eq!(report.recording_url.as_deref(), Some("https://r"), "{body}");
        assert_eq!(report.duration, Some(60), "{body}");
    }
    let other = vapi_event(&json!({"type": "call.started", "call": {"id": "c"}}));
    assert!(other.kind == Kind::Other && other.event_type == "call.started");
}

#[test]
fn a_withheld_caller_is_no_customer_number() {
    let event = vapi_event(
        &json!({"message": {"type": "end-of-call-report", "call": {"id": "c"},
        "phoneNumber": {"number": TENANT}, "customer": {"number": "+266696687"}}}),
    );
    assert_eq!(customer(&event), None);
    assert!(event.customer.unwrap().party == Party::Withheld);
}
