//! Turns rows into JSON: straight to bytes, with the schema that the document promises.

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use serde::Serialize;
use store::rows::Created;

use super::problem::Problem;
use super::schema::header as header_schema;

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

fn made_response<T: Type>() -> MetaResponse {
    MetaResponse {
        headers: vec![header_schema("Location", "The path of what was made")],
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
