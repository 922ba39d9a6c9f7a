//! Problems of a request: nothing is there, or it can't be read or accepted.

use poem::http::{StatusCode, header};

use super::Problem;

impl Problem {
    /// Not there, or not the caller's: which of the two is nobody's business.
    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "MK404",
            "There is no such row, or it isn't yours",
        )
    }

    /// The values of these fields can't be accepted.
    pub(crate) fn invalid(details: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "MK422",
            "The request has fields that can't be accepted",
        )
        .details(details)
    }

    pub(crate) fn conflict(message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, "MK409", message)
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "PGRST125", "There is nothing at this path")
            .hint("GET /openapi.json lists every path")
    }

    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "PGRST117",
            "This path doesn't take this method",
        )
        .header(header::ALLOW, allow)
    }

    pub(crate) fn malformed_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST102", "The body is not JSON")
    }

    pub(crate) fn unreadable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MK400", "The request can't be read")
    }

    /// A head that can't be read or is too long: refused before it is a request.
    pub(crate) fn unreadable_head(status: u16) -> Self {
        let (code, message) = match status {
            414 => ("MK414", "The address is longer than this service accepts"),
            431 => (
                "MK431",
                "The request's headers are larger than this service accepts",
            ),
            _ => ("MK400", "This is no HTTP/1.1 request"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, code, message)
    }

    /// Which of two credentials counts is for nobody to guess: proxies and services have guessed differently.
    pub(crate) fn several_authorizations() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "MK400",
            "The request has more than one Authorization header",
        )
    }

    pub(crate) fn media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "MK415",
            "The body's media type is not understood",
        )
        .hint("Send Content-Type: application/json")
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "MK413",
            "The body is larger than this service accepts",
        )
    }

    /// The client was too slow, not the service.
    pub(crate) fn slow_body() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "MK408",
            "The body did not arrive in time",
        )
    }
}
