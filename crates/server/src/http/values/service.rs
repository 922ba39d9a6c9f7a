//! Names of services in a path: those of the table, whatever the operator added to it.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

use crate::relay::Service;

impl Type for Service {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "Service".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(<Self as Type>::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(<Self as Type>::name().into_owned(), |_| MetaSchema {
            description: Some("A service that tenants connect with a key of theirs."),
            enum_items: Self::all().map(|service| service.name().into()).collect(),
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

impl ParseFromParameter for Service {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Self::named(value).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(Self::name).collect();
            ParseError::custom(format!("must be one of {}", names.join(", ")))
        })
    }
}
