//! What the CRM's frontend kept in the browser: its `crm_contacts` objects, and what the import says of each.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde::Serialize;
use serde_json::{Map, Value};
use store::rows::contact_import::{Imported, Outcome};

use crate::http::fields::{Field, body};
use crate::http::values::{Email, Phone, Text, Time};

/// The most contacts in one import.
const MAX_CONTACTS: usize = 5_000;

/// What a browser kept under `crm_contacts`.
#[derive(Object)]
#[oai(rename = "ContactImport")]
pub(crate) struct Import {
    /// At most 5,000.
    #[oai(validator(max_items = 5000))]
    contacts: Vec<Item>,
}

body!(Import { required: contacts; });

/// A contact as the browser kept it; what isn't named here is ignored, and so is `createdAt`.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct BrowserContact {
    /// The browser's own id: the same one again is the same contact.
    #[oai(nullable)]
    id: Option<Text<0, 200>>,
    /// First name, then the rest.
    name: Text<1, 401>,
    #[oai(nullable)]
    email: Option<Email>,
    #[oai(nullable)]
    phone: Option<Text<0, 32>>,
    #[oai(nullable)]
    company: Option<Text<0, 200>>,
    #[oai(nullable)]
    job_position: Option<Text<0, 200>>,
    #[oai(nullable)]
    status: Option<Text<0, 50>>,
    #[oai(nullable)]
    notes: Option<Text<0, 100_000>>,
    #[oai(nullable)]
    plan: Option<Text<0, 200>>,
    /// A time; empty is none.
    #[oai(nullable)]
    appointment_date: Option<String>,
    #[oai(nullable)]
    business_name: Option<Text<0, 200>>,
    #[oai(nullable)]
    business_position: Option<Text<0, 200>>,
}

/// One object of an import: what the table gets, or why it is refused. A refusal never quotes a value.
struct Item(Result<Imported, String>);

/// What became of an import; the numbers and the refusals add up to what was sent.
#[derive(Object, Serialize)]
pub(crate) struct ImportResult {
    created: usize,
    updated: usize,
    /// Were there already, and brought nothing new.
    unchanged: usize,
    rejected: Vec<Rejected>,
}

/// An object that was not taken.
#[derive(Object, Serialize)]
pub(crate) struct Rejected {
    /// Its place in `contacts`, from 0.
    index: usize,
    message: String,
}

impl Import {
    /// What can be taken, and what can't.
    pub(crate) fn sorted(self) -> (Vec<Imported>, Vec<Rejected>) {
        let (mut accepted, mut rejected) = (Vec::with_capacity(self.contacts.len()), Vec::new());
        for (index, Item(item)) in self.contacts.into_iter().enumerate() {
            match item {
                Ok(contact) => accepted.push(contact),
                Err(message) => rejected.push(Rejected { index, message }),
            }
        }
        (accepted, rejected)
    }
}

impl ImportResult {
    pub(crate) fn new(outcome: Outcome, rejected: Vec<Rejected>) -> Self {
        Self {
            created: outcome.created,
            updated: outcome.updated,
            unchanged: outcome.unchanged,
            rejected,
        }
    }
}

impl Field for Vec<Item> {
    fn from_value(value: Value) -> Result<Self, String> {
        let Value::Array(items) = value else {
            return Err("must be a list".to_owned());
        };
        if items.len() > MAX_CONTACTS {
            return Err(format!(
                "are more than {MAX_CONTACTS}; import them in several requests"
            ));
        }
        Ok(items.into_iter().map(|item| Item(imported(item))).collect())
    }
}

fn imported(item: Value) -> Result<Imported, String> {
    let Value::Object(object) = item else {
        return Err("must be an object".to_owned());
    };
    let mut object = Browser {
        object,
        refused: Vec::new(),
    };
    let name = object.text::<401>("name").unwrap_or_default();
    let (first, rest) = name.split_once(char::is_whitespace).unwrap_or((&name, ""));
    let rest = rest.trim();
    if name.is_empty() {
        object.refused.push("name: is required".to_owned());
    } else if first.chars().count() > 200 || rest.chars().count() > 200 {
        object
            .refused
            .push("name: has a part that is longer than 200 characters".to_owned());
    }
    let contact = Imported {
        import_id: object.id(),
        first_name: first.to_owned(),
        last_name: Some(rest.to_owned()).filter(|rest| !rest.is_empty()),
        email: object.field::<Email>("email").map(Into::into),
        phone: object.field::<Phone>("phone").map(Into::into),
        company: object.text::<200>("company"),
        job_position: object.text::<200>("jobPosition"),
        status: object.text::<50>("status").map(|status| status.to_lowercase()),
        notes: object.text::<100_000>("notes"),
        plan: object.text::<200>("plan"),
        appointment_date: object.time("appointmentDate"),
        business_name: object.text::<200>("businessName"),
        business_position: object.text::<200>("businessPosition"),
    };
    if object.refused.is_empty() {
        Ok(contact)
    } else {
        Err(object.refused.join("; "))
    }
}

/// The fields of one object; null and the empty text are what a form leaves behind, and mean nothing.
struct Browser {
    object: Map<String, Value>,
    refused: Vec<String>,
}

impl Browser {
    fn field<T: Field>(&mut self, name: &str) -> Option<T> {
        let value = match self.object.remove(name)? {
            Value::Null => return None,
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => Value::String(text.trim().to_owned()),
            value => value,
        };
        T::from_value(value)
            .map_err(|expected| self.refused.push(format!("{name}: {expected}")))
            .ok()
    }

    fn text<const MAX: usize>(&mut self, name: &str) -> Option<String> {
        self.field::<Text<0, MAX>>(name).map(Into::into)
    }

    /// Text or, in older versions of the frontend, `Date.now()`.
    fn id(&mut self) -> Option<String> {
        match self.object.get("id") {
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => self.text::<200>("id"),
        }
    }

    /// A time as `toISOString` or `<input type="datetime-local">` writes it, or a date; UTC unless it says otherwise.
    fn time(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.text::<40>(name)?;
        let as_sent = [
            text.clone(),
            format!("{text}Z"),
            format!("{text}:00Z"),
            format!("{text}T00:00:00Z"),
        ];
        let time = as_sent
            .into_iter()
            .find_map(|text| Time::from_value(text.into()).ok());
        if time.is_none() {
            self.refused
                .push(format!("{name}: must be a time such as 2026-11-24T09:30:00Z"));
        }
        time.map(Into::into)
    }
}

impl Type for Item {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        BrowserContact::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        BrowserContact::schema_ref()
    }

    fn register(registry: &mut Registry) {
        BrowserContact::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Item {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self(imported(value.unwrap_or_default())))
    }
}

/// poem-openapi asks for it of every field, though an import is never sent back.
impl ToJSON for Item {
    fn to_json(&self) -> Option<Value> {
        None
    }
}
