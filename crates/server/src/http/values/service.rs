//! Names of services in a path.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

use crate::relay::Service;

/// A service of the contract, in any case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ServiceName(pub(crate) Service);

impl ServiceName {
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Type for ServiceName {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        <Service as Type>::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        <Service as Type>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        <Service as Type>::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for ServiceName {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Service::named(value).map(Self).ok_or_else(|| {
            let names = Service::ALL.map(Service::name);
            ParseError::custom(format!("must be one of {}", names.join(", ")))
        })
    }
}
