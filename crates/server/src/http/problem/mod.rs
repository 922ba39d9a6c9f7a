//! What a caller learns when something goes wrong: one body for every error.
//!
//! RFC 9457 `application/problem+json` that also carries PostgREST's four fields, so that code written for
//! supabase-js' `PostgrestError` reads it unchanged. No text here ever quotes the request.

mod document;
mod from_store;

use std::borrow::Cow;
use std::time::Duration;

use identity::Rejected;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::payload::Payload as _;
use serde::Serialize;

use self::document::ProblemPayload;
use super::request_id;
use super::schema::Nullable;

/// An error as clients see it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    pub(crate) details: Option<String>,
    pub(crate) hint: Option<&'static str>,
    /// A header that the status asks for: WWW-Authenticate, Retry-After or Allow.
    pub(crate) header: Option<(header::HeaderName, HeaderValue)>,
}

/// The body of every error: RFC 9457's members and PostgREST's.
#[derive(Object, Serialize)]
#[oai(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// Always `about:blank`: the status and `code` say what happened.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    kind: String,
    /// The HTTP status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, for programs: `PGRST…` and SQLSTATEs as PostgREST gives them, `MK…` otherwise.
    code: String,
    /// What happened, for people.
    message: String,
    /// Where it happened; for 422 each field and what is wrong with it.
    details: Nullable<String>,
    /// What to do about it.
    hint: Nullable<String>,
    /// Names this request in the service's log.
    request_id: String,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            details: None,
            hint: None,
            header: None,
        }
    }

    pub(crate) fn details(self, details: impl Into<String>) -> Self {
        Self {
            details: Some(details.into()),
            ..self
        }
    }

    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    fn header(self, name: header::HeaderName, value: &str) -> Self {
        Self {
            header: HeaderValue::from_str(value).ok().map(|value| (name, value)),
            ..self
        }
    }

    /// After so long it may be tried again, in whole seconds.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        self.header(header::RETRY_AFTER, &whole_seconds(wait).to_string())
    }

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

    /// The memory for requests and answers under way is used up.
    pub(crate) fn busy() -> Self {
        Self::unavailable(
            "MK503",
            "The service holds as many large requests and answers as it can",
        )
    }

    /// The user's other requests keep the user's share of the connections.
    pub(crate) fn too_many_at_once() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "MK_RATE",
            "Too many of this user's requests are under way",
        )
        .header(header::RETRY_AFTER, "1")
        .hint("Wait for answers before sending more; one user has half of the service's connections")
    }

    /// The user has made as many requests as `RATE_LIMIT` lets them make in its time.
    pub(crate) fn too_many(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "MK_RATE",
            "This user makes more requests than may be made",
        )
        .retry_after(wait)
        .hint("Wait as Retry-After says; the header RateLimit-Policy has the quota, RateLimit what is left of it")
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

    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "MK504",
            "The request took too long and was stopped",
        )
    }

    pub(crate) fn unavailable(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).header(header::RETRY_AFTER, "1")
    }

    /// The database lacks what this version works with.
    pub(crate) fn not_migrated() -> Self {
        Self::unavailable("MK503", "The database has no schema of Mako's, or an older one")
            .hint("Run `mako migrate`")
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "MK500",
            "Something went wrong in the service",
        )
        .hint("Report the request_id")
    }

    pub(crate) fn unauthorized(rejected: Rejected) -> Self {
        let (code, message) = (rejected.code(), rejected.message());
        let challenge = match code {
            "PGRST302" => "Bearer".to_owned(),
            _ => format!("Bearer error=\"invalid_token\", error_description=\"{message}\""),
        };
        let problem =
            Self::new(StatusCode::UNAUTHORIZED, code, message).header(header::WWW_AUTHENTICATE, &challenge);
        match rejected.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    /// A delivery without a signature.
    pub(crate) fn unsigned() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "MK_WEBHOOK_UNSIGNED",
            "The delivery carries no signature or key",
        )
        .header(header::WWW_AUTHENTICATE, "Bearer")
    }

    pub(crate) fn forbidden(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "MK403", message)
    }

    /// A token of an app that the user let in, where only the user's own session gets at things.
    pub(crate) fn third_party() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "MK_THIRD_PARTY",
            "This token belongs to an app (client_id), which gets at neither keys nor addresses nor numbers",
        )
        .hint("Use the user's own session, or have an admin name the app in THIRD_PARTY_CLIENTS")
    }

    /// A token whose scopes are for something else (RFC 6750 §3.1).
    pub(crate) fn insufficient_scope(needed: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "MK_SCOPE",
            "The token's scopes don't permit this",
        )
        .details(format!("needed: {needed}"))
        .header(
            header::WWW_AUTHENTICATE,
            &format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\""),
        )
    }

    /// A session without a second factor, where one is wanted.
    pub(crate) fn second_factor() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "MK_AAL2",
            "This needs a session with a second factor (aal2)",
        )
        .hint("Sign in with a second factor: supabase.auth.mfa.challengeAndVerify()")
    }

    /// A subscription where nothing tells of what happens to rows.
    fn no_events() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "MK_DISTRIBUTED",
            "Events aren't sent from this database, whose rows lie on several nodes",
        )
        .hint("Ask the operator; lists filtered by created_after tell what is new")
    }

    /// A service that the caller has no active key for.
    pub(crate) fn not_connected() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "MK_NOT_CONNECTED",
            "This service isn't connected",
        )
        .hint("Save a key first: PUT /v1/api-keys/{service}, or POST /v1/connections/{service}/authorize")
    }

    /// An authorisation that can't be finished.
    pub(crate) fn not_begun(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MK_STATE", message)
            .hint("Begin with POST /v1/connections/{service}/authorize")
    }

    /// A service whose grant has ended.
    pub(crate) fn connection_ended() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "MK_CONNECTION_ERROR",
            "The provider has ended the access to this account",
        )
        .hint("Authorise again: POST /v1/connections/{service}/authorize")
    }

    pub(crate) fn bad_gateway(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, code, message)
    }

    /// The body as text, for an answer that is made without a request.
    pub(crate) fn text(self, request_id: &str) -> String {
        serde_json::to_string(&self.body(request_id.to_owned())).unwrap_or_default()
    }

    fn body(self, request_id: String) -> ProblemBody {
        ProblemBody {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.into_owned(),
            message: self.message.into_owned(),
            details: Nullable(self.details),
            hint: Nullable(self.hint.map(str::to_owned)),
            request_id,
        }
    }
}

/// In seconds, no shorter than it is, and at least one: what is waited for isn't there yet.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let (status, extra) = (self.status, self.header.take());
        let body = serde_json::to_vec(&self.body(request_id::current())).unwrap_or_default();
        let mut response = Response::builder()
            .status(status)
            .content_type(ProblemPayload::CONTENT_TYPE)
            .body(body);
        if let Some((name, value)) = extra {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.into_response())
    }
}
