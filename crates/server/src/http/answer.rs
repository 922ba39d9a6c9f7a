//! Turns rows into JSON: straight to bytes, with the schema that the document promises.

use std::borrow::Cow;
use std::marker::PhantomData;

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ToJSON, Type};
use serde::Serialize;
use store::rows::Created;

use super::problem::Problem;

/// A JSON answer with status 200, written by serde in one pass.
///
/// poem-openapi's own `Json` builds a tree of values first: half the speed for a page of rows.
pub(crate) struct JsonResponse<T>(pub(crate) T);

impl<T: Type> Payload for JsonResponse<T> {
    const CONTENT_TYPE: &'static str = "application/json; charset=utf-8";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + Serialize> IntoResponse for JsonResponse<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => Response::builder().content_type(Self::CONTENT_TYPE).body(body),
            Err(_) => Problem::internal().into_response(),
        }
    }
}

impl<T: Type> ApiResponse for JsonResponse<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![json_response::<T>(200, "Done")],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn json_response<T: Type>(status: u16, description: &'static str) -> MetaResponse {
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: JsonResponse::<T>::CONTENT_TYPE,
            schema: T::schema_ref(),
        }],
        headers: vec![],
    }
}

/// A header that is always there with a status, for the document.
pub(super) fn header(name: &str, description: &str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    }
}

fn made_response<T: Type>() -> MetaResponse {
    MetaResponse {
        headers: vec![header("Location", "The path of what was made")],
        ..json_response::<T>(201, "Made")
    }
}

/// The answer to a create: 201 for a new row, 200 for the one that the same idempotency key made before.
pub(crate) struct CreatedResponse<T> {
    new: bool,
    location: String,
    row: T,
}

impl<T> CreatedResponse<T> {
    /// The row of a collection, and where it can be found; None means that the key's row is gone.
    pub(crate) fn new<R: Into<T>>(
        collection: &str,
        created: Option<Created<R>>,
        id: impl FnOnce(&T) -> &str,
    ) -> Result<Self, Problem> {
        let Created { row, new } = created.ok_or_else(|| {
            Problem::conflict("The row that this Idempotency-Key made has been deleted since")
        })?;
        let row = row.into();
        Ok(Self {
            new,
            location: format!("{collection}/{}", id(&row)),
            row,
        })
    }
}

impl<T: Type + Serialize> IntoResponse for CreatedResponse<T> {
    fn into_response(self) -> Response {
        let mut response = JsonResponse(self.row).into_response();
        if self.new {
            response.set_status(StatusCode::CREATED);
            if let Ok(location) = self.location.parse() {
                response.headers_mut().insert(header::LOCATION, location);
            }
        }
        response
    }
}

impl<T: Type> ApiResponse for CreatedResponse<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![
                made_response::<T>(),
                json_response::<T>(200, "The row that the same Idempotency-Key made before"),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A provider's own answer, streamed: its status, its media type, its body.
pub(crate) struct Relayed {
    /// Whose answer it is, for the header that tells a provider's 401 from this service's.
    pub(crate) service: &'static str,
    pub(crate) answer: crate::relay::RelayResponse,
}

impl IntoResponse for Relayed {
    fn into_response(self) -> Response {
        let Self { service, answer } = self;
        let mut response = Response::builder().status(answer.status).body(answer.body);
        *response.headers_mut() = answer.headers;
        response
            .headers_mut()
            .insert("x-mako-relay", header::HeaderValue::from_static(service));
        // A page of a provider's, opened at this origin, must not be able to act here.
        response.headers_mut().insert(
            header::CONTENT_SECURITY_POLICY,
            header::HeaderValue::from_static("sandbox; default-src 'none'"),
        );
        response
    }
}

impl ApiResponse for Relayed {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The provider's answer; it may have any other status as well. The header \
                              `x-mako-relay` tells it from this service's own answers. A GET's redirect to a \
                              host of the provider's files is followed, without the key; of any other the header \
                              `x-mako-redirect` says where it leads",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "*/*",
                    schema: MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(_: &mut Registry) {}
}

/// The answer to a delete: 204, no body.
pub(crate) struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl ApiResponse for NoContent {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Deleted",
                status: Some(204),
                status_range: None,
                content: vec![],
                headers: vec![],
            }],
        }
    }

    fn register(_: &mut Registry) {}
}

/// A word of the enum `E`, as the database holds it: a CHECK of its table keeps it one, or the code that writes it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct StoredEnum<E>(String, #[serde(skip)] PhantomData<E>);

impl<E> From<String> for StoredEnum<E> {
    fn from(word: String) -> Self {
        Self(word, PhantomData)
    }
}

impl<E: Type> Type for StoredEnum<E> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        E::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        E::schema_ref()
    }

    fn register(registry: &mut Registry) {
        E::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<E: Type> ToJSON for StoredEnum<E> {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(self.0.clone().into())
    }
}

impl<E: Type> poem_openapi::types::ParseFromJSON for StoredEnum<E> {
    fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
        String::parse_from_json(value)
            .map(Into::into)
            .map_err(poem_openapi::types::ParseError::propagate)
    }
}

/// A field that is always there and may be null.
///
/// poem-openapi's `Option` says "not required" and then sends null: clients generated from that are wrong.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Nullable<T>(pub(crate) Option<T>);

impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

impl<T: Type> Type for Nullable<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = T::RawValueType;
    type RawElementValueType = T::RawElementValueType;

    fn name() -> Cow<'static, str> {
        format!("nullable_{}", T::name()).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref().merge(MetaSchema {
            nullable: true,
            ..MetaSchema::ANY
        })
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_ref().and_then(Type::as_raw_value)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.0.iter().flat_map(Type::raw_element_iter))
    }
}

impl<T: ToJSON> ToJSON for Nullable<T> {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(
            self.0
                .as_ref()
                .and_then(ToJSON::to_json)
                .unwrap_or(serde_json::Value::Null),
        )
    }
}

impl<T: poem_openapi::types::ParseFromJSON> poem_openapi::types::ParseFromJSON for Nullable<T> {
    fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
        match value {
            None | Some(serde_json::Value::Null) => Ok(Self(None)),
            value => T::parse_from_json(value)
                .map(|value| Self(Some(value)))
                .map_err(poem_openapi::types::ParseError::propagate),
        }
    }
}
