//! What a caller learns when something goes wrong: one body for every error.
//!
//! RFC 9457 `application/problem+json` that also carries PostgREST's four fields, so that code written for
//! supabase-js' `PostgrestError` reads it unchanged. No text here ever quotes the request.

mod caller;
mod document;
mod from_store;
mod provider;
mod request;
mod service;

use std::borrow::Cow;
use std::time::Duration;

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
