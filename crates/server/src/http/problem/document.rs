//! Which errors the OpenAPI document says that every operation may answer.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type as _;

use super::{Problem, ProblemBody};
use crate::http::schema;

/// The media type and schema of errors, for the document.
pub(super) struct ProblemPayload;

impl Payload for ProblemPayload {
    const CONTENT_TYPE: &'static str = "application/problem+json";

    fn schema_ref() -> MetaSchemaRef {
        ProblemBody::schema_ref()
    }
}

/// Every operation may answer any of these.
const STATUSES: &[(u16, &str)] = &[
    (400, "The body is not JSON, or a value can't be taken"),
    (
        401,
        "No token, or one that is refused; `WWW-Authenticate` says why",
    ),
    (403, "The token is good, but not for this"),
    (404, "No such path, or no such row, or not yours"),
    (405, "This path doesn't take this method"),
    (
        409,
        "There is such a row already, or the row it refers to is gone",
    ),
    (413, "The body is too large"),
    (415, "The body is not application/json"),
    (
        422,
        "Fields or parameters that can't be accepted; `details` names each",
    ),
    (
        429,
        "Too many of the user's requests, at once or in a time; `Retry-After` says when to try again",
    ),
    (500, "A mistake of the service"),
    (
        502,
        "The provider can't be reached, or its answer can't be passed on",
    ),
    (
        503,
        "The database can't be reached; `Retry-After` says when to try again",
    ),
    (504, "The request took too long"),
];

/// What else a client is told with these statuses.
fn headers(status: u16) -> Vec<MetaHeader> {
    let (name, description) = match status {
        401 => ("WWW-Authenticate", "Why the token is refused"),
        405 => ("Allow", "The methods that the path takes"),
        429 | 503 => ("Retry-After", "Seconds to wait before the next try"),
        _ => return Vec::new(),
    };
    vec![schema::header(name, description)]
}

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let response = |&(status, description): &(u16, &'static str)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: ProblemPayload::CONTENT_TYPE,
                schema: ProblemPayload::schema_ref(),
            }],
            headers: headers(status),
        };
        MetaResponses {
            responses: STATUSES.iter().map(response).collect(),
        }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}
