//! Names the create that a request repeats: the header `Idempotency-Key`, as the client sent it.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use super::fields::Field as _;
use super::problem::Problem;
use super::values::Text;

/// The key of a create, if it has one: 1 to 255 characters.
///
/// poem-openapi's own `Header` skips what isn't ASCII; a create whose key was skipped would be repeated.
pub(crate) struct IdempotencyKey(Option<Key>);

type Key = Text<1, 255>;

impl IdempotencyKey {
    pub(crate) fn as_deref(&self) -> Option<&str> {
        self.0.as_ref().map(|key| key.0.as_str())
    }

    fn read(request: &Request, name: &str) -> Result<Self, Problem> {
        let refused = |what: &str| Problem::invalid(format!("{name}: {what}"));
        let mut given = request.headers().get_all(name).iter();
        let Some(key) = given.next() else {
            return Ok(Self(None));
        };
        if given.next().is_some() {
            return Err(refused("is there more than once"));
        }
        let text = std::str::from_utf8(key.as_bytes()).map_err(|_| refused("must be UTF-8"))?;
        match Key::from_value(Value::from(text)) {
            Ok(key) => Ok(Self(Some(key))),
            Err(expected) => Err(refused(&expected)),
        }
    }
}

impl<'a> ApiExtractor<'a> for IdempotencyKey {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = false;
    type ParamType = Option<Key>;
    type ParamRawType = Key;

    fn register(registry: &mut Registry) {
        Key::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(Key::schema_ref())
    }

    fn param_raw_type(&self) -> Option<&Key> {
        self.0.as_ref()
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        Ok(Self::read(request, options.name)?)
    }
}
