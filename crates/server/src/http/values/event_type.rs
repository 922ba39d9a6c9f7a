//! Types of events, one and several.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};
use serde_json::Value;
use store::rows::events::EventType;

use super::Rule;

/// A type of event, in a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventTypeName(pub(crate) EventType);

/// Types of events: at least one, each once.
#[derive(Clone, Debug)]
pub(crate) struct EventTypes(pub(crate) Vec<EventType>);

fn expected() -> String {
    format!(
        "must be one of {}",
        EventType::ALL.map(EventType::as_str).join(", ")
    )
}

impl Type for EventTypeName {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "EventType".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |_| MetaSchema {
            description: Some("What can happen that a receiver is told of."),
            enum_items: EventType::ALL.map(|known| known.as_str().into()).to_vec(),
            ..MetaSchema::new("string")
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for EventTypeName {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        value
            .parse()
            .map(Self)
            .map_err(|_| ParseError::custom(expected()))
    }
}

openapi_value!(EventTypes);

impl Rule for EventTypes {
    fn schema() -> MetaSchema {
        MetaSchema {
            items: Some(Box::new(EventTypeName::schema_ref())),
            min_items: Some(1),
            max_items: Some(EventType::ALL.len()),
            unique_items: Some(true),
            ..MetaSchema::new("array")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let names = value.as_array().ok_or("must be a list of types")?;
        let types: Option<Vec<EventType>> = names.iter().map(|name| name.as_str()?.parse().ok()).collect();
        let types = types.ok_or_else(|| format!("each {}", expected()))?;
        let is_repeated = types
            .iter()
            .enumerate()
            .any(|(place, name)| types[..place].contains(name));
        if types.is_empty() || is_repeated {
            return Err("must be at least one type, each once".to_owned());
        }
        Ok(Self(types))
    }

    fn value(&self) -> Value {
        self.0
            .iter()
            .map(|known| known.as_str())
            .collect::<Vec<_>>()
            .into()
    }
}

impl From<EventTypes> for Vec<String> {
    fn from(types: EventTypes) -> Self {
        types.0.iter().map(|known| known.as_str().to_owned()).collect()
    }
}
