//! The customer of an event, as columns hold them.

use serde_json::Value;
use webhooks::{Customer, Event, Party};

/// Longest texts, in characters: the limits of the columns.
pub(super) const LONG: usize = 100_000;
pub(super) const CALL_SUMMARY: usize = 20_000;
const NAME: usize = 200;
const PHONE: usize = 32;

/// The customer's address as a column holds it; none if it was withheld.
pub(super) fn phone(event: &Event) -> Option<String> {
    match &event.customer.as_ref()?.party {
        Party::Number(number) => Some(number.as_str().to_owned()),
        Party::Named(name) => Some(cut(name, PHONE)),
        Party::Withheld => None,
    }
}

/// The name that the provider knows the customer by.
pub(super) fn known_name(event: &Event) -> Option<String> {
    let Customer { name, .. } = event.customer.as_ref()?;
    name.as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| cut(name, NAME))
}

/// Details as text, with `from` and `to`, and without what isn't known.
pub(super) fn with_parties(event: &Event, inbound: bool, mut details: Value) -> String {
    let (customer, tenant) = (
        phone(event),
        event
            .tenant_numbers()
            .next()
            .map(|number| number.as_str().to_owned()),
    );
    let (from, to) = if inbound {
        (customer, tenant)
    } else {
        (tenant, customer)
    };
    if let Value::Object(members) = &mut details {
        members.insert("from".to_owned(), from.into());
        members.insert("to".to_owned(), to.into());
        members.retain(|_, value| !value.is_null());
    }
    details.to_string()
}

/// At most so many characters.
pub(super) fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).filter(|c| *c != '\0').collect()
}
