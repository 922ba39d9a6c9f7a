//! Reads what a Make scenario wants noted.
//!
//! The contract is ours and stands in the README; scenarios are written by people, so it is read leniently.

use serde_json::{Map, Value};

use crate::event::{Automation, Customer, Event, Kind, RoutingHint, Target};
use crate::number::{PhoneNumber, visible};
use crate::parse::{SAMPLE, ZONE, contents_key, event};
use crate::party::{Channel, Party};
use crate::source::Source;
use crate::zone::Zone;
use crate::{json, leads};

/// Names of the contract itself, which are no data.
const CONTRACT: [&str; 14] = [
    "event_id",
    "eventId",
    "event_type",
    "eventType",
    "scenario_id",
    "scenarioId",
    "execution_id",
    "executionId",
    "tenant_phone",
    "tenantPhone",
    "occurred_at",
    "timestamp",
    SAMPLE,
    ZONE,
];

pub(super) fn parse(payload: &Value) -> Event {
    let Value::Object(members) = payload else {
        return no_object(payload);
    };
    let event_id = json::text(payload, &["event_id", "eventId"]);
    let word =
        json::text(payload, &["event_type", "eventType", "type"]).unwrap_or_else(|| "automation".into());
    let (data, phone_is_tenants) = data(members);
    let hints = hints(payload, phone_is_tenants);
    let key = match (&event_id, hints.first()) {
        // Ids are each scenario's own: on the platform's address two tenants may use the same.
        (Some(id), Some(RoutingHint::Number(tenant))) => format!("make:{}:{id}", tenant.as_str()),
        (Some(id), _) => format!("make:{id}"),
        // Not the run's id: one run may post many events.
        (None, _) => contents_key(Source::Make, &without_zone(payload)),
    };
    let zone = zone(payload);
    let mut event = event(Source::Make, word.clone(), key);
    event.hints = hints;
    event.occurred_at = json::time_in(payload, &["occurred_at", "timestamp"], zone);
    let fields = Value::Object(data);
    event.customer = customer(&fields);
    let status = json::text(payload, &["status"]).unwrap_or_else(|| "completed".into());
    event.kind = Kind::Automation(Box::new(Automation {
        event_id,
        scenario_id: json::text(payload, &["scenario_id", "scenarioId"]),
        execution_id: json::text(payload, &["execution_id", "executionId"]),
        status: leads::cut(&status, 50).to_owned(),
        target: target(&word, &fields, zone),
        unreadable: unreadable(members, &word, &fields),
        data: match fields {
            Value::Object(data) => data,
            _ => Map::new(),
        },
    }));
    event
}

/// What the endpoint was set to when the event arrived.
fn zone(payload: &Value) -> Zone {
    let name = json::text(payload, &[ZONE]);
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

/// The contents as they were sent: the same event stays the same when the endpoint's zone is changed.
fn without_zone(payload: &Value) -> Value {
    let mut sent = payload.clone();
    if let Value::Object(members) = &mut sent {
        members.remove(ZONE);
    }
    sent
}

/// A list that an older version recorded as one event: said to whoever's it is, not passed over.
fn no_object(payload: &Value) -> Event {
    let mut event = event(Source::Make, "other", contents_key(Source::Make, payload));
    event.kind = Kind::Automation(Box::new(Automation {
        event_id: None,
        scenario_id: None,
        execution_id: None,
        status: "completed".to_owned(),
        target: Target::Log,
        data: Map::new(),
        unreadable: vec!["the body, which is a list recorded as one event: post it again"],
    }));
    event
}

/// `data`, even as JSON in a string; without it everything that isn't the contract's, and then `phone` is the
/// customer's.
fn data(members: &Map<String, Value>) -> (Map<String, Value>, bool) {
    match members.get("data") {
        Some(Value::Object(data)) => return (data.clone(), true),
        Some(Value::String(text)) => {
            if let Some(Value::Object(data)) = json::read(text.as_bytes()) {
                return (data, true);
            }
        }
        _ => {}
    }
    let rest = members
        .iter()
        .filter(|(name, _)| !CONTRACT.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (rest, false)
}

fn hints(payload: &Value, phone_is_tenants: bool) -> Vec<RoutingHint> {
    let names: &[&str] = if phone_is_tenants {
        &["tenant_phone", "tenantPhone", "phone"]
    } else {
        &["tenant_phone", "tenantPhone"]
    };
    names
        .iter()
        .filter_map(|name| Party::read(&json::text(payload, &[name])?))
        .filter_map(|(_, party)| match party {
            Party::Number(number) => Some(RoutingHint::Number(number)),
            Party::Withheld | Party::Named(_) => None,
        })
        .collect()
}

fn customer(fields: &Value) -> Option<Customer> {
    let by_phone = json::text(fields, &PHONE).and_then(|phone| Party::read(&phone));
    let by_email = || Some((Channel::Phone, Party::Named(json::text(fields, &["email"])?)));
    let (channel, party) = by_phone.or_else(by_email)?;
    Some(Customer {
        party,
        channel,
        name: column(fields, &["name"], 200),
        email: column(fields, &["email"], 320),
    })
}

const PHONE: [&str; 3] = ["phone", "phone_number", "phoneNumber"];

/// `lead`, `lead.created`, `contact_updated` …: the first word says what it is about.
fn about(word: &str) -> String {
    let first = word.split(|c: char| !c.is_ascii_alphabetic()).next();
    first.unwrap_or_default().to_ascii_lowercase()
}

fn target(word: &str, fields: &Value, zone: Zone) -> Target {
    match about(word).as_str() {
        "lead" | "leads" => lead(fields),
        "contact" | "contacts" => contact(fields, zone),
        _ => Target::Log,
    }
}

/// What of the event is there, but not as it must be.
fn unreadable(members: &Map<String, Value>, word: &str, fields: &Value) -> Vec<&'static str> {
    let mut names = Vec::new();
    let data = members.get("data").filter(|data| !data.is_null());
    let no_object = |data: &Value| match data {
        Value::Object(_) => false,
        Value::String(text) if text.trim().is_empty() => false,
        Value::String(text) => !matches!(json::read(text.as_bytes()), Some(Value::Object(_))),
        _ => true,
    };
    if data.is_some_and(no_object) {
        names.push("data");
    }
    let is_text = |(_, names): &&(&str, &[&str])| json::is_unreadable(fields, names, json::text);
    match about(word).as_str() {
        "lead" | "leads" => names.extend(LEAD.iter().filter(is_text).map(|(name, _)| *name)),
        "contact" | "contacts" => {
            names.extend(CONTACT.iter().filter(is_text).map(|(name, _)| *name));
            if json::is_unreadable(fields, &APPOINTMENT, json::time) {
                names.push("data.appointment_date");
            }
        }
        _ => {}
    }
    names
}

/// Texts of a lead, by the names that they may have.
const LEAD: [(&str, &[&str]); 7] = [
    ("data.name", &NAME),
    ("data.phone", &PHONE),
    ("data.status", &["status"]),
    ("data.source", &["source"]),
    ("data.summary", &["summary"]),
    ("data.ai_summary", &["ai_summary", "aiSummary"]),
    ("data.sentiment", &["sentiment"]),
];
/// Texts of a contact.
const CONTACT: [(&str, &[&str]); 10] = [
    ("data.name", &NAME),
    ("data.first_name", &["first_name", "firstName"]),
    ("data.last_name", &["last_name", "lastName"]),
    ("data.email", &["email"]),
    ("data.phone", &PHONE),
    ("data.company", &["company"]),
    ("data.job_position", &["job_position", "jobPosition"]),
    ("data.status", &["status"]),
    ("data.notes", &["notes"]),
    ("data.plan", &["plan"]),
];
const NAME: [&str; 3] = ["name", "full_name", "fullName"];
const APPOINTMENT: [&str; 2] = ["appointment_date", "appointmentDate"];

fn lead(fields: &Value) -> Target {
    Target::Lead {
        name: column(fields, &NAME, 200),
        phone: phone(fields),
        status: column(fields, &["status"], 50),
        source: column(fields, &["source"], 100),
        summary: column(fields, &["summary"], 20_000),
        ai_summary: column(fields, &["ai_summary", "aiSummary"], 100_000),
        sentiment: column(fields, &["sentiment"], 50),
    }
}

fn contact(fields: &Value, zone: Zone) -> Target {
    let whole = column(fields, &NAME, 200);
    let (first, last) = match whole.as_deref().map(|name| name.rsplit_once(char::is_whitespace)) {
        Some(Some((first, last))) => (Some(first.trim_end().to_owned()), Some(last.to_owned())),
        _ => (whole, None),
    };
    Target::Contact {
        first_name: column(fields, &["first_name", "firstName"], 200).or(first),
        last_name: column(fields, &["last_name", "lastName"], 200).or(last),
        email: column(fields, &["email"], 320),
        phone: phone(fields),
        company: column(fields, &["company"], 200),
        job_position: column(fields, &["job_position", "jobPosition"], 200),
        status: column(fields, &["status"], 50),
        notes: column(fields, &["notes"], 100_000),
        plan: column(fields, &["plan"], 200),
        appointment_date: json::time_in(fields, &APPOINTMENT, zone),
    }
}

/// E.164 if it can be read as that, else as typed; nothing for a withheld caller.
fn phone(fields: &Value) -> Option<String> {
    let typed = visible(&json::text(fields, &PHONE)?);
    match Party::read(&typed)?.1 {
        Party::Withheld => None,
        Party::Number(number) => Some(PhoneNumber::as_str(&number).to_owned()),
        Party::Named(_) => Some(leads::cut(&typed, 32).to_owned()),
    }
}

fn column(fields: &Value, names: &[&str], limit: usize) -> Option<String> {
    json::text(fields, names).map(|text| leads::cut(&text, limit).to_owned())
}
