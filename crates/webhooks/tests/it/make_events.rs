//! Is the Make contract kept, also by scenarios that keep it loosely?

use serde_json::json;
use webhooks::{Kind, Target};

use crate::support::{CUSTOMER, TENANT, assert_sides, customer, make_event, tenants};

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
