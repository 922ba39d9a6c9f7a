//! Is the Make contract kept, also by scenarios that keep it loosely?

use serde_json::{Value, json};
use webhooks::{Event, Kind, Source, Target, parse};

use crate::support::{
    CUSTOMER, TENANT, assert_sides, customer, json as json_delivery, make_event, tenants, verified,
};

#[test]
fn make_posts_leads_contacts_and_log_lines() {
    let event = make_event(
        &json!({"event_id": 7, "event_type": "lead.created", "scenario_id": 1, "execution_id": "e",
        "tenant_phone": "+1 (555) 867-5310", "status": "", "extra": [], "data": {"name": "Ann", "phone": "+1 401 712 2661",
        "source": "Make", "status": "new"}}),
    );
    assert_sides(&event, "make:+15558675310:7", "lead.created");
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

fn unreadable(body: &serde_json::Value) -> Vec<&'static str> {
    match make_event(body).kind {
        Kind::Automation(automation) => automation.unreadable,
        kind => panic!("{}", kind.name()),
    }
}

#[test]
fn what_is_there_and_cannot_be_read_is_named() {
    let contact = |name: &str, value: serde_json::Value| {
        let mut data = json!({"first_name": "Ann", "email": "a@example.com"});
        data[name] = value;
        json!({"event_id": 1, "event_type": "contact.created", "data": data})
    };
    for date in ["12/01/2026 10:30 AM", "next Monday", "2026-13-01", "soon"] {
        assert_eq!(
            unreadable(&contact("appointment_date", json!(date))),
            ["data.appointment_date"],
            "{date}"
        );
    }
    for (name, value) in [
        ("notes", json!({"text": "x"})),
        ("company", json!([1, 2])),
        ("email", json!({})),
    ] {
        assert_eq!(unreadable(&contact(name, value)), [format!("data.{name}")]);
    }
    // Absent, null and empty are no mistakes.
    for value in [json!(null), json!(""), json!(" ")] {
        assert!(unreadable(&contact("appointment_date", value)).is_empty());
    }
    assert_eq!(
        unreadable(&json!({"event_type": "lead.created", "data": "{broken"})),
        ["data"]
    );
}

fn appointment(event: &Event) -> Option<String> {
    let Kind::Automation(automation) = &event.kind else {
        panic!("{event:?}")
    };
    let Target::Contact { appointment_date, .. } = &automation.target else {
        panic!("{event:?}")
    };
    appointment_date.map(|date| date.to_rfc3339())
}

#[test]
fn a_date_without_a_zone_is_in_the_endpoints_whatever_the_body_says_of_it() {
    let in_zone = |zone: &str, body: &Value| {
        let proof = verified(json_delivery(Source::Make, body));
        let records = webhooks::redact(&proof, zone.parse().unwrap()).unwrap();
        parse(&records.each[0])
    };
    let event = |date: &str| {
        json!({"event_type": "contact.created", "mako_timezone": "Asia/Tokyo", "occurred_at": date,
            "data": {"email": "a@example.com", "appointment_date": date}})
    };
    for (zone, date, expected) in [
        (
            "America/Mexico_City",
            "2026-12-01 10:30:00",
            "2026-12-01T16:30:00+00:00",
        ),
        ("America/Mexico_City", "2026-12-01", "2026-12-01T06:00:00+00:00"),
        (
            "America/Mexico_City",
            "2026-12-01T10:30:00Z",
            "2026-12-01T10:30:00+00:00",
        ),
        ("UTC", "2026-12-01 10:30:00", "2026-12-01T10:30:00+00:00"),
    ] {
        let event = in_zone(zone, &event(date));
        assert_eq!(appointment(&event).as_deref(), Some(expected), "{zone} {date}");
        assert_eq!(event.occurred_at.unwrap().to_rfc3339(), expected, "{zone} {date}");
        assert!(matches!(&event.kind, Kind::Automation(automation) if automation.data.len() == 2));
    }
    // The same contents are the same event, also if the zone was set meanwhile; without `data` all members are it.
    let bare = json!({"event_type": "note", "text": "x"});
    let [before, after] = ["UTC", "Europe/Berlin"].map(|zone| in_zone(zone, &bare));
    assert_eq!(before.dedupe_key, after.dedupe_key);
    assert!(before.kind == after.kind);
}

#[test]
fn a_date_without_a_zone_is_in_utc() {
    for date in [
        "2026-12-01 10:30:00",
        "2026-12-01T10:30:00",
        "2026-12-01T10:30",
        "2026-12-01 10:30:00.000",
    ] {
        let event = make_event(
            &json!({"event_type": "contact.created", "data": {"email": "a@example.com", "appointment_date": date}}),
        );
        assert_eq!(
            appointment(&event).as_deref(),
            Some("2026-12-01T10:30:00+00:00"),
            "{date}"
        );
    }
}
