//! Scopes: what a token may do.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde_json::Value;

use super::Rule;
use crate::http::authorization::is_grantable;

/// Scopes of a token of one's own: 1 to 50 of those that operations ask for.
#[derive(Clone, Debug)]
pub(crate) struct Scopes(pub(crate) Vec<String>);

const MOST: usize = 50;

openapi_value!(Scopes);

impl Rule for Scopes {
    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("`leads:read`, `contacts:write`, `relay:hubspot` and so on."),
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema {
                pattern: Some("^[a-z0-9-]+:[a-z0-9_-]{1,40}$".to_owned()),
                ..MetaSchema::new("string")
            })))),
            min_items: Some(1),
            max_items: Some(MOST),
            ..MetaSchema::new("array")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let scopes = value.as_array().ok_or("must be a list of scopes")?;
        if !(1..=MOST).contains(&scopes.len()) {
            return Err(format!("must be 1 to {MOST} scopes"));
        }
        let scope = |scope: &Value| {
            scope
                .as_str()
                .filter(|scope| is_grantable(scope))
                .map(str::to_owned)
        };
        scopes
            .iter()
            .map(scope)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| {
                "each must be such as leads:read, leads:write or relay:hubspot; access-tokens has none"
                    .to_owned()
            })
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}
