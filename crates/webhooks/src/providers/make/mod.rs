//! Make: what a tenant's own scenarios want noted.

mod parse;
mod verify;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Freshness};
use crate::auth::{Auth, MakeAuth};
use crate::bad_auth::BadAuth;
use crate::delivery::Delivery;
use crate::event::Event;
use crate::leads::cut;
use crate::number::PhoneNumber;
use crate::parse::{SAMPLE, ZONE};
use crate::provider::{Provider, SAMPLE_CUSTOMER};
use crate::secret::Secret;
use crate::verify::VerificationError;
use crate::verify::signature::MESSAGE_ID;
use crate::zone::Zone;

pub(crate) struct Make;

impl Provider for Make {
    fn default_auth(&self) -> Auth {
        Auth::Make(MakeAuth::default())
    }

    fn read_auth(&self, settings: &Value) -> Result<Auth, BadAuth> {
        let auth = MakeAuth::deserialize(settings).map_err(|error| BadAuth::unreadable(&error))?;
        let has_more = settings.as_object().is_some_and(|members| members.len() > 1);
        if has_more && auth == MakeAuth::ApiKey {
            return Err(BadAuth::no_settings());
        }
        Ok(Auth::Make(auth))
    }

    fn check(
        &self,
        delivery: &Delivery,
        auth: &Auth,
        secrets: &[Secret],
        now: DateTime<Utc>,
    ) -> Result<(), VerificationError> {
        match auth {
            Auth::Make(auth) => verify::check(delivery, auth, secrets, now),
            _ => Err(VerificationError::NotConfigured),
        }
    }

    fn complete(&self, delivery: &Delivery, place: Option<usize>, zone: Zone, payload: &mut Value) {
        name_by_header(delivery, place, payload);
        set_zone(zone, payload);
    }

    fn may_lack_zone(&self) -> bool {
        true
    }

    fn parse(&self, payload: &Value) -> Event {
        parse::parse(payload)
    }

    fn answer(&self, event: &Event, freshness: Freshness) -> Answer {
        Answer::Json(for_author(event, freshness))
    }

    fn answer_to_list(&self, events: &[(Event, Freshness)]) -> Answer {
        let is_old = |(_, freshness): &(Event, Freshness)| *freshness == Freshness::Duplicate;
        let whole = if !events.is_empty() && events.iter().all(is_old) {
            Freshness::Duplicate
        } else {
            Freshness::First
        };
        let each = events
            .iter()
            .map(|(event, freshness)| for_author(event, *freshness));
        Answer::Json(json!({"status": word(whole), "events": each.collect::<Vec<_>>()}))
    }

    fn answer_unread(&self) -> Answer {
        Answer::Json(json!({"status": "spooled"}))
    }

    /// A `lead.created`.
    fn sample(&self, tenant: &PhoneNumber, id: &str, now: DateTime<Utc>) -> (&'static str, String) {
        let body = json!({
            SAMPLE: true,
            "event_id": id,
            "event_type": "lead.created",
            "tenant_phone": tenant.as_str(),
            "occurred_at": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "data": {"name": "A test lead from Mako", "phone": SAMPLE_CUSTOMER, "source": "Make"},
        });
        ("application/json", body.to_string())
    }

    fn sign(&self, delivery: Delivery, _auth: &Auth, secret: &Secret) -> Option<Delivery> {
        Some(delivery.with_header(verify::API_KEY, secret.text()))
    }
}

/// What the author of a scenario sees of an event.
fn for_author(event: &Event, freshness: Freshness) -> Value {
    json!({"status": word(freshness), "dedupe_key": event.dedupe_key})
}

fn word(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::First => "received",
        Freshness::Duplicate => "duplicate",
    }
}

/// A record says by itself what its dates mean, so that it means the same when it is replayed. Nobody else may say it.
fn set_zone(zone: Zone, payload: &mut Value) {
    let Value::Object(members) = payload else { return };
    if zone == Zone::default() {
        members.remove(ZONE);
    } else {
        members.insert(ZONE.into(), zone.name().into());
    }
}

/// A scenario that signs by Standard Webhooks names its event in a header, which isn't stored; a list it names as a whole,
/// and each event of it by its place as well.
fn name_by_header(delivery: &Delivery, place: Option<usize>, payload: &mut Value) {
    let (Some(id), Value::Object(members)) = (delivery.header(MESSAGE_ID), payload) else {
        return;
    };
    if members.get("event_id").is_none_or(Value::is_null) {
        let id = cut(id, 500);
        let id = place.map_or_else(|| id.to_owned(), |place| format!("{id}.{place}"));
        members.insert("event_id".into(), id.into());
    }
}
