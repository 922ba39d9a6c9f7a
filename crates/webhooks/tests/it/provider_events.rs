//! Is the tenant's number told from the customer's, in every kind of event and in both directions?

use serde_json::{Value, json};
use webhooks::{
    CallStatus, Channel, Clue, Direction, Event, Kind, MessageStatus, OptOut, Party, Question,
    RecordingStatus, Target,
};

use crate::support::{CUSTOMER, TENANT, at, customer, make_event, tenants, twilio_event, vapi_event};

const T: &str = "%2B15558675310";
const C: &str = "%2B14017122661";

/// Tenant, customer, dedupe key, type.
#[track_caller]
fn assert_sides(event: &Event, key: &str, event_type: &str) {
    assert_eq!(tenants(event), [TENANT], "tenant");
    assert_eq!(customer(event), Some(CUSTOMER), "customer");
    assert_eq!(event.dedupe_key, key);
    assert_eq!(event.event_type, event_type);
}

#[test]
fn an_inbound_message_is_to_the_tenant() {
    let event = twilio_event(&format!(
        "MessageSid=SM1&SmsSid=SM1&AccountSid=AC1&From={C}&To={T}&Body=+Hi+%F0%9F%91%8D%0A&SmsStatus=received&NumMedia=2\
         &MediaUrl0=https%3A%2F%2Fm%2F0&MediaContentType0=image%2Fpng&MediaUrl1=https%3A%2F%2Fm%2F1&OptOutType=STOP"
    ));
    assert_sides(&event, "twilio:msg:in:SM1", "message.received");
    assert_eq!(event.account.as_deref(), Some("AC1"));
    let Kind::Message(message) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(message.body, " Hi 👍\n");
    assert_eq!(message.opt_out, Some(OptOut::Stop));
    let media: Vec<_> = message
        .media
        .iter()
        .map(|m| (m.url.as_str(), m.content_type.as_deref()))
        .collect();
    assert_eq!(media, [("https://m/0", Some("image/png")), ("https://m/1", None)]);
}

#[test]
fn whatsapp_and_short_codes_are_read_and_names_are_no_numbers() {
    let event = twilio_event(&format!(
        "MessageSid=SM1&From=whatsapp%3A{C}&To=whatsapp%3A{T}&Body=x&ProfileName=Ann"
    ));
    assert_sides(&event, "twilio:msg:in:SM1", "message.received");
    let who = event.customer.clone().unwrap();
    assert_eq!(
        (who.channel, who.name.as_deref()),
        (Channel::WhatsApp, Some("Ann"))
    );
    let event = twilio_event(&format!("MessageSid=SM1&From={C}&To={T}&Body=first&Body=second"));
    assert!(matches!(&event.kind, Kind::Message(message) if message.body == "first"));
    let event = twilio_event("SmsMessageSid=SM2&From=ACME&To=32665&Body=x");
    assert_eq!((tenants(&event), customer(&event)), (vec!["32665"], None));
    assert!(event.customer.unwrap().party == Party::Named("ACME".into()));
    let event = twilio_event(&format!(
        "MessageSid=SM3&From=messenger%3A1234567890&To={T}&Body=x"
    ));
    assert_eq!(customer(&event), None);
}

#[test]
fn a_message_status_is_about_a_message_from_the_tenant() {
    let event = twilio_event(&format!(
        "MessageSid=SM1&MessageStatus=undelivered&SmsStatus=undelivered&From={T}&To={C}&ErrorCode=30003\
         &MessagingServiceSid=MG1"
    ));
    assert_sides(
        &event,
        "twilio:msg:status:SM1:undelivered:30003",
        "message.undelivered",
    );
    assert!(event.clues.last() == Some(&Clue::MessagingService("MG1".into())));
    let Kind::MessageStatus(change) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(
        (change.status, change.error_code.as_deref()),
        (MessageStatus::Undelivered, Some("30003"))
    );
    let event = twilio_event(&format!("SmsSid=SM1&SmsStatus=delivered&From={T}"));
    assert_eq!(event.dedupe_key, "twilio:msg:status:SM1:delivered:-");
    assert_eq!((tenants(&event), customer(&event)), (vec![TENANT], None));
}

#[test]
fn a_call_is_to_the_tenant_or_from_it() {
    let inbound = twilio_event(&format!(
        "CallSid=CA1&AccountSid=AC1&From={C}&To={T}&CallStatus=ringing&Direction=inbound&CallerName=Ann"
    ));
    assert_sides(&inbound, "twilio:call:in:CA1", "call.ringing");
    let Kind::Call(call) = &inbound.kind else {
        panic!("{inbound:?}")
    };
    assert!(call.wants_twiml && call.direction == Direction::Inbound);
    let outbound = twilio_event(&format!(
        "CallSid=CA2&From={T}&To={C}&CallStatus=completed&Direction=outbound-api&CallDuration=61&Duration=2\
         &SequenceNumber=3&CallbackSource=call-progress-events&Timestamp=Sun%2C+22+Nov+2026+10%3A11%3A12+%2B0000"
    ));
    assert_sides(&outbound, "twilio:call:status:CA2:completed:3", "call.completed");
    assert_eq!(outbound.occurred_at, Some(at(1_795_342_272)));
    let Kind::Call(call) = &outbound.kind else {
        panic!("{outbound:?}")
    };
    assert_eq!((call.status, call.duration), (CallStatus::Completed, Some(61)));
    assert!(!call.wants_twiml);
    assert_eq!(outbound.call.provider.as_deref(), Some("CA2"));
}

#[test]
fn callers_that_twilio_names_in_the_older_way_are_read() {
    let event = twilio_event(&format!(
        "CallSid=CA1&Caller={C}&Called={T}&CallStatus=busy&Direction=inbound"
    ));
    assert_sides(&event, "twilio:call:status:CA1:busy:-", "call.busy");
}

#[test]
fn a_forwarded_call_may_belong_to_the_line_that_forwarded_it() {
    let event = twilio_event(&format!(
        "CallSid=CA1&From={C}&To={T}&ForwardedFrom=%2B15558675399&CallStatus=ringing&Direction=inbound"
    ));
    assert_eq!(tenants(&event), [TENANT, "+15558675399"]);
}

#[test]
fn a_leg_belongs_to_its_parent_and_shows_no_customer() {
    let event = twilio_event(&format!(
        "CallSid=CA2&ParentCallSid=CA1&From={C}&To=%2B15550001111&CallStatus=in-progress&Direction=outbound-dial"
    ));
    assert!(event.clues == [Clue::Call("CA1".into())]);
    assert!(event.customer.is_none());
}

#[test]
fn a_recording_belongs_to_its_call() {
    let event = twilio_event(
        "AccountSid=AC1&CallSid=CA1&RecordingSid=RE1&RecordingStatus=completed&RecordingDuration=12\
         &RecordingUrl=https%3A%2F%2Fapi.twilio.com%2FRE1",
    );
    assert!(event.clues == [Clue::Call("CA1".into())]);
    assert_eq!(event.dedupe_key, "twilio:rec:RE1:completed");
    let Kind::Recording(recording) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(
        (recording.status, recording.duration),
        (RecordingStatus::Completed, Some(12))
    );
    assert_eq!(recording.url.as_deref(), Some("https://api.twilio.com/RE1"));
}

#[test]
fn a_withheld_caller_is_no_customer_number() {
    for from in [
        "anonymous",
        "Restricted",
        "%2B266696687",
        "%2B86282452253",
        "unknown",
    ] {
        let event = twilio_event(&format!(
            "CallSid=CA1&From={from}&To={T}&CallStatus=ringing&Direction=inbound"
        ));
        assert_eq!(customer(&event), None, "{from}");
        assert!(event.customer.unwrap().party == Party::Withheld, "{from}");
    }
    let event = vapi_event(
        &json!({"message": {"type": "end-of-call-report", "call": {"id": "c"},
        "phoneNumber": {"number": TENANT}, "customer": {"number": "+266696687"}}}),
    );
    assert_eq!(customer(&event), None);
}

#[test]
fn what_twilio_says_beyond_that_is_recorded_and_ignored() {
    for body in [
        "",
        "Hello=1",
        "CallSid=CA1",
        "CallSid=CA1&CallStatus=dancing",
        "RecordingSid=RE1",
    ] {
        let event = twilio_event(body);
        assert!(event.kind == Kind::Other, "{body}: {event:?}");
        assert!(event.dedupe_key.starts_with("twilio:sha256:"));
    }
}

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
            event.clues[1..]
                == [
                    Clue::VapiNumber("pn-1".into()),
                    Clue::VapiAssistant("as-1".into())
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
    assert!(event.clues == [Clue::VapiAssistant("as-1".into())]);
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
fn make_posts_leads_contacts_and_log_lines() {
    let event = make_event(
        &json!({"event_id": 7, "event_type": "lead.created", "scenario_id": 1, "execution_id": "e",
        "tenant_phone": "+1 (555) 867-5310", "status": "", "extra": [], "data": {"name": "Ann", "phone": "+1 401 712 2661",
        "source": "Make", "status": "new"}}),
    );
    assert_sides(&event, "make:7", "lead.created");
    let Kind::Automation(automation) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(
        (automation.status.as_str(), automation.scenario_id.as_deref()),
        ("completed", Some("1"))
    );
    let Target::Lead {
        name, phone, source, ..
    } = &automation.target
    else {
        panic!()
    };
    assert_eq!(
        (name.as_deref(), phone.as_deref(), source.as_deref()),
        (Some("Ann"), Some(CUSTOMER), Some("Make"))
    );

    let event = make_event(
        &json!({"event_id": "x", "event_type": "contact_updated", "phone": TENANT,
        "data": "{\"name\":\"Ann Maria Lee\",\"email\":\"a@example.com\",\"phone\":\"(401) 712-2661\"}"}),
    );
    assert_eq!(tenants(&event), [TENANT]);
    let Kind::Automation(automation) = &event.kind else {
        panic!("{event:?}")
    };
    let Target::Contact {
        first_name,
        last_name,
        phone,
        ..
    } = &automation.target
    else {
        panic!()
    };
    assert_eq!(
        (first_name.as_deref(), last_name.as_deref()),
        (Some("Ann Maria"), Some("Lee"))
    );
    assert_eq!(
        phone.as_deref(),
        Some("(401) 712-2661"),
        "no country, so as typed"
    );

    let event =
        make_event(&json!({"event_type": "report.sent", "status": "failed", "phone": CUSTOMER, "rows": "3"}));
    assert_eq!((tenants(&event).len(), customer(&event)), (0, Some(CUSTOMER)));
    let Kind::Automation(automation) = &event.kind else {
        panic!("{event:?}")
    };
    assert!(automation.target == Target::Log && automation.status == "failed");
    assert_eq!(automation.data["rows"], "3");
}

#[test]
fn makes_events_without_an_id_are_the_same_only_if_they_say_the_same() {
    let row = |n: i32| {
        make_event(&json!({"event_type": "lead", "execution_id": "e", "data": {"name": n}})).dedupe_key
    };
    assert_eq!(row(1), row(1));
    assert_ne!(row(1), row(2));
}
