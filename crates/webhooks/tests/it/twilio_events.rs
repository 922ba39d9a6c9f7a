//! Is the tenant's number told from the customer's, in whatever Twilio says?

use webhooks::{
    CallStatus, Channel, Direction, Kind, MessageStatus, OptOut, Party, RecordingStatus, RoutingHint,
};

use crate::support::{CUSTOMER, TENANT, assert_sides, at, customer, tenants, twilio_event};

const T: &str = "%2B15558675310";
const C: &str = "%2B14017122661";

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
fn whoever_writes_only_stop_has_opted_out_where_twilio_takes_it_so() {
    for (from, body, expected) in [
        (C, "STOP", Some(OptOut::Stop)),
        (C, "+stop%0A", Some(OptOut::Stop)),
        (C, "Unsubscribe", Some(OptOut::Stop)),
        (C, "Please+stop+by+tomorrow", None),
        (C, "Yes", None),
        // Not an SMS: Twilio goes on delivering.
        ("whatsapp%3A%2B14017122661", "STOP", None),
    ] {
        let event = twilio_event(&format!(
            "MessageSid=SM1&SmsStatus=received&From={from}&To={T}&Body={body}"
        ));
        assert!(
            matches!(&event.kind, Kind::Message(message) if message.opt_out == expected),
            "{from} {body}"
        );
    }
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
    assert!(
        event.hints[1..]
            == [
                RoutingHint::MessagingService("MG1".into()),
                RoutingHint::Call("SM1".into())
            ]
    );
    let Kind::MessageStatus(change) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(
        (change.status, change.error_code.as_deref()),
        (MessageStatus::Undelivered, Some("30003"))
    );
    let event = twilio_event(&format!(
        "MessageSid=SM1&MessageStatus=teleported&From={T}&To={C}"
    ));
    assert_sides(&event, "twilio:msg:status:SM1:teleported:-", "message.teleported");
    assert!(event.kind == Kind::Other);
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

/// Twilio's `Direction` is seen from Twilio; ours from the tenant.
#[test]
fn who_made_a_call_is_told_by_what_each_party_is() {
    const CLIENT: &str = "client%3Aagent_7";
    const SIP: &str = "sip%3Aagent%40crm.sip.twilio.com";
    const LEG: &str = "&ParentCallSid=CA0";
    let (from_whatsapp, to_whatsapp) = (format!("whatsapp%3A{C}"), format!("whatsapp%3A{T}"));
    let (ours, nobodys): (&[&str], &[&str]) = (&[TENANT], &[]);
    let cases = [
        // Twilio's word, from, to, more, and what it is: direction, tenant's numbers, customer.
        (("inbound", C, T, ""), (Direction::Inbound, ours, Some(CUSTOMER))),
        (
            ("inbound", &*from_whatsapp, &*to_whatsapp, ""),
            (Direction::Inbound, ours, Some(CUSTOMER)),
        ),
        // A softphone or desk phone of the tenant's dials: whoever is called, nothing says that it is theirs.
        (
            ("inbound", CLIENT, C, ""),
            (Direction::Outbound, nobodys, Some(CUSTOMER)),
        ),
        (
            ("inbound", CLIENT, T, ""),
            (Direction::Outbound, nobodys, Some(TENANT)),
        ),
        (
            ("inbound", SIP, C, ""),
            (Direction::Outbound, nobodys, Some(CUSTOMER)),
        ),
        (
            ("inbound", CLIENT, "client%3Aagent_8", ""),
            (Direction::Outbound, nobodys, None),
        ),
        (
            ("inbound", C, CLIENT, ""),
            (Direction::Inbound, nobodys, Some(CUSTOMER)),
        ),
        (
            ("outbound-api", T, C, ""),
            (Direction::Outbound, ours, Some(CUSTOMER)),
        ),
        (("outbound-api", T, CLIENT, ""), (Direction::Outbound, ours, None)),
        (
            ("trunking-terminating", T, C, ""),
            (Direction::Outbound, ours, Some(CUSTOMER)),
        ),
        (
            ("trunking-originating", C, T, ""),
            (Direction::Inbound, ours, Some(CUSTOMER)),
        ),
        // A leg shows its parent's caller id, which may be another tenant's number.
        (("outbound-dial", T, C, LEG), (Direction::Leg, nobodys, None)),
    ];
    for ((word, from, to, more), (direction, tenant, called)) in cases {
        let event = twilio_event(&format!(
            "CallSid=CA1&From={from}&To={to}&CallStatus=completed&Direction={word}{more}"
        ));
        let Kind::Call(call) = &event.kind else {
            panic!("{event:?}")
        };
        assert_eq!(call.direction, direction, "{word} {from} {to}");
        assert_eq!(tenants(&event), tenant, "{word} {from} {to}");
        assert_eq!(customer(&event), called, "{word} {from} {to}");
    }
}

#[test]
fn a_status_that_names_no_number_belongs_to_its_message() {
    let event = twilio_event(&format!("MessageSid=SM1&MessageStatus=undelivered&To={C}"));
    assert!(event.hints == [RoutingHint::Call("SM1".into())]);
    assert_eq!(event.call.provider.as_deref(), Some("SM1"));
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
    assert!(event.hints == [RoutingHint::Call("CA1".into())]);
    assert!(event.customer.is_none());
}

#[test]
fn a_recording_belongs_to_its_call() {
    let event = twilio_event(
        "AccountSid=AC1&CallSid=CA1&RecordingSid=RE1&RecordingStatus=completed&RecordingDuration=12\
         &RecordingUrl=https%3A%2F%2Fapi.twilio.com%2FRE1",
    );
    assert!(event.hints == [RoutingHint::Call("CA1".into())]);
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
fn a_recording_that_names_the_ends_of_its_call_is_the_tenants_and_the_customers() {
    let recording = |more: &str| {
        twilio_event(&format!(
            "CallSid=CA1&RecordingSid=RE1&RecordingStatus=completed&{more}"
        ))
    };
    let number = |text| RoutingHint::Number(webhooks::PhoneNumber::parse(text).unwrap());
    for said in [
        format!("From={C}&To={T}&Direction=inbound"),
        format!("From={T}&To={C}&Direction=outbound-api"),
    ] {
        let event = recording(&said);
        assert!(
            event.hints == [number(TENANT), RoutingHint::Call("CA1".into())],
            "{said}"
        );
        assert_eq!(customer(&event), Some(CUSTOMER), "{said}");
    }
    // Without the direction either may be the tenant's, and nobody is the customer.
    let event = recording(&format!("From={C}&To={T}"));
    assert!(event.hints == [number(TENANT), number(CUSTOMER), RoutingHint::Call("CA1".into())]);
    assert!(event.customer.is_none());
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
