//! What a value may look like. Each kind of value carries its own rule, and the document shows the same rule.

use poem_openapi::registry::MetaSchema;
use serde_json::Value;

/// A value that stands for something in JSON and knows its own rule.
trait Rule: Sized {
    fn schema() -> MetaSchema;
    fn accept(value: &Value) -> Result<Self, String>;
    fn value(&self) -> Value;
}

/// What poem-openapi wants to know of a value, all from its one rule.
macro_rules! openapi_value {
    ($name:ty $(, $generic:ident)*) => {
        impl<$(const $generic: usize),*> poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new(Self::schema()))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl<$(const $generic: usize),*> crate::http::fields::Field for $name {
            fn from_value(value: serde_json::Value) -> Result<Self, String> {
                Self::accept(&value)
            }
        }

        impl<$(const $generic: usize),*> poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
                Self::accept(&value.unwrap_or_default()).map_err(poem_openapi::types::ParseError::custom)
            }
        }

        impl<$(const $generic: usize),*> poem_openapi::types::ParseFromParameter for $name {
            fn parse_from_parameter(value: &str) -> poem_openapi::types::ParseResult<Self> {
                Self::accept(&serde_json::Value::String(value.to_owned())).map_err(poem_openapi::types::ParseError::custom)
            }
        }

        impl<$(const $generic: usize),*> poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                Some(self.value())
            }
        }
    };
}

mod api_key;
mod event_type;
mod number;
mod phone;
mod scopes;
mod service;
mod text;
mod time;
mod time_zone;

pub(crate) use api_key::ApiKeyText;
pub(crate) use event_type::{EventTypeName, EventTypes};
pub(crate) use number::{BoundedInteger, Seconds};
pub(crate) use phone::{Phone, RoutableNumber, set_phone_region};
pub(crate) use scopes::Scopes;
pub(crate) use text::{Email, JsonObject, Text, WebUrl};
pub(crate) use time::{FilterTime, Time};
pub(crate) use time_zone::TimeZone;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_never_quotes_the_value() {
        let secret = "s3cret".repeat(100);
        for refusal in [
            Text::<1, 5>::accept(&secret.clone().into()).err(),
            Phone::accept(&secret.clone().into()).err(),
            WebUrl::accept(&secret.clone().into()).err(),
            Email::accept(&secret.clone().into()).err(),
            Seconds::accept(&secret.clone().into()).err(),
            Time::accept(&secret.clone().into()).err(),
            TimeZone::accept(&secret.clone().into()).err(),
            ApiKeyText::accept(&secret.repeat(20).into()).err(),
            ApiKeyText::accept(&format!("{secret}\u{1}").into()).err(),
        ] {
            assert!(refusal.is_some_and(|text| !text.contains("s3cret")));
        }
    }
}
