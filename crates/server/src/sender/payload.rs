//! What an event says of its row: what its owner is answered who asks for it now, by the same statements under the same
//! policies.

use chrono::{DateTime, Utc};
use identity::Claims;
use serde::Serialize;
use serde_json::{Value, json};
use store::rows::event_outbox::DueDelivery;
use store::rows::events::{self, EventSubject, EventType, RefusedConnection};
use store::rows::{automation_logs, call_logs, contacts, leads};
use store::{Error, Store};

use crate::api::automation_logs::AutomationLog;
use crate::api::call_logs::CallLog;
use crate::api::contacts::Contact;
use crate::api::leads::Lead;

/// What each of the deliveries says; None: the owner doesn't see its row any more, or its type is of a later version.
pub(super) async fn read(
    store: &Store,
    claims: &Claims,
    due: &[DueDelivery],
) -> Result<Vec<Option<Value>>, Error> {
    let of_rows = due.iter().filter(|due| !due.is_test);
    let asked: Vec<_> = of_rows
        .filter_map(|due| Some((due.event_type?, due.row_id.as_str())))
        .collect();
    let mut subjects = events::subjects(store, claims, &asked).await?.into_iter();
    let said = due.iter().map(|due| {
        let event_type = due.event_type?;
        let subject = if due.is_test {
            Some(sample(event_type, due.created_at))
        } else {
            subjects.next().flatten()
        };
        subject.map(data)
    });
    Ok(said.collect())
}

/// A row as the API shows it to its owner.
fn data(subject: EventSubject) -> Value {
    match subject {
        EventSubject::Lead(row) => shown::<Lead>(row),
        EventSubject::Contact(row) => shown::<Contact>(row),
        EventSubject::Call(row) => shown::<CallLog>(row),
        EventSubject::Message(row) => shown::<AutomationLog>(row),
        EventSubject::Connection(row) => json!({
            "service": row.service_name,
            "kind": if row.oauth { "oauth" } else { "key" },
            "status": "error",
            "last_error": row.last_error,
            "account": row.account,
        }),
        EventSubject::Deleted(id) => json!({"id": id}),
    }
}

fn shown<J: Serialize>(row: impl Into<J>) -> Value {
    json!(row.into())
}

/// A made-up row, as a receiver would hear of it.
fn sample(event_type: EventType, at: DateTime<Utc>) -> EventSubject {
    let id = "00000000-0000-4000-8000-000000000000".to_owned();
    // A number that Twilio keeps for tests and nobody has.
    let phone = "+15005550006".to_owned();
    match event_type {
        EventType::LeadDeleted | EventType::ContactDeleted => EventSubject::Deleted(id),
        EventType::LeadCreated | EventType::LeadUpdated => EventSubject::Lead(leads::Lead {
            id,
            name: "A test lead from Mako".to_owned(),
            phone,
            status: "new".to_owned(),
            source: "Test".to_owned(),
            summary: None,
            ai_summary: None,
            sentiment: None,
            created_at: at,
            updated_at: at,
        }),
        EventType::ContactCreated | EventType::ContactUpdated => {
            EventSubject::Contact(sample_contact(id, phone, at))
        }
        EventType::CallLogged | EventType::CallUpdated => EventSubject::Call(call_logs::CallLog {
            id,
            phone: Some(phone),
            recording_url: None,
            duration: Some(30),
            sentiment: None,
            summary: Some("A test call from Mako".to_owned()),
            created_at: at,
            updated_at: at,
        }),
        EventType::MessageLogged => EventSubject::Message(automation_logs::AutomationLog {
            id,
            action_type: "sms".to_owned(),
            status: "completed".to_owned(),
            details: Some(json!({"body": "A test message from Mako", "from": phone}).to_string()),
            created_at: at,
            updated_at: at,
        }),
        EventType::ConnectionError => EventSubject::Connection(RefusedConnection {
            id,
            service_name: "hubspot".to_owned(),
            last_error: "The provider answered 401".to_owned(),
            oauth: false,
            account: None,
        }),
    }
}

fn sample_contact(id: String, phone: String, at: DateTime<Utc>) -> contacts::Contact {
    contacts::Contact {
        id,
        first_name: "A test contact".to_owned(),
        last_name: Some("from Mako".to_owned()),
        email: Some("test@example.com".to_owned()),
        phone: Some(phone),
        company: None,
        job_position: None,
        status: "active".to_owned(),
        notes: None,
        plan: None,
        appointment_date: None,
        business_name: None,
        business_position: None,
        created_at: at,
        updated_at: at,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_has_a_sample_with_the_fields_that_the_document_promises() {
        let document: Value = serde_json::from_str(include_str!("../../../../openapi/openapi.json"))
            .expect("the committed document");
        let schema = |reference: &Value| {
            let pointer = reference.as_str().and_then(|path| path.strip_prefix('#'));
            document
                .pointer(pointer.expect("a reference"))
                .expect("its schema")
        };
        let mapping = &document["components"]["schemas"]["Event"]["discriminator"]["mapping"];
        let at = "2026-11-29T03:00:00Z".parse().unwrap();
        for event_type in EventType::ALL {
            let name = event_type.as_str();
            let event = schema(&mapping[name]);
            let types = event["properties"]["type"]["enum"].as_array().unwrap();
            assert!(types.contains(&name.into()), "{name}");
            let promised = schema(&event["properties"]["data"]["$ref"]);
            let data = data(sample(event_type, at));
            let fields: BTreeSet<_> = data.as_object().unwrap().keys().collect();
            let known: BTreeSet<_> = promised["properties"].as_object().unwrap().keys().collect();
            assert_eq!(fields, known, "{name}");
        }
    }
}
