//! Answers when an operation fails. Every request gets an answer in the one shape that clients know: also when its
//! body is too large, it takes too long, or the code that serves it panics.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError};
use poem::http::{Method, header};
use poem::{Endpoint, IntoResponse as _, Request, Response, Result};
use poem_openapi::OperationId;
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError};

use super::limits;
use super::problem::Problem;
use super::server::BodyPending;

/// An endpoint that always answers: never an error, never a panic, never later than its time.
pub(crate) struct Guarded<E> {
    inner: E,
    bounds: Bounds,
}

/// What the guard is told by the configuration and the document.
pub(crate) struct Bounds {
    /// Bytes that a body may have.
    pub(crate) body_limit: usize,
    /// How long a request may take until its answer starts.
    pub(crate) timeout: Duration,
    /// Which methods a path takes.
    pub(crate) methods: Methods,
}

impl<E: Endpoint> Guarded<E> {
    pub(crate) fn new(inner: E, bounds: Bounds) -> Self {
        Self { inner, bounds }
    }

    async fn bounded(&self, mut request: Request) -> Result<Response> {
        if request
            .headers()
            .get_all(header::AUTHORIZATION)
            .iter()
            .nth(1)
            .is_some()
        {
            return Err(Problem::several_authorizations().into());
        }
        limits::bound(&mut request, self.bounds.body_limit)?;
        self.inner
            .call(request)
            .await
            .map(poem::IntoResponse::into_response)
    }

    /// Every error in the one shape that clients know.
    pub(crate) fn answer(&self, error: poem::Error, method: &Method, path: &str) -> Response {
        let operation = error.data::<OperationId>().copied();
        let mut response = if error.is_from_response() {
            error.into_response()
        } else {
            self.problem(&error, method, path).into_response()
        };
        if let Some(operation) = operation {
            response.set_data(operation);
        }
        response
    }

    fn problem(&self, error: &poem::Error, method: &Method, path: &str) -> Problem {
        if error.is::<MethodNotAllowedError>() || error.is::<NotFoundError>() {
            return match self.bounds.methods.allowed(path) {
                Some(allow) if !allow.split(", ").any(|name| name == method.as_str()) => {
                    Problem::method_not_allowed(allow)
                }
                // A page that is no operation: the document, or the one that shows it.
                None if error.is::<MethodNotAllowedError>() => Problem::method_not_allowed("GET"),
                _ => Problem::no_such_route(),
            };
        }
        if let Some(error) = error.downcast_ref::<ParseParamError>() {
            return Problem::invalid(format!("{}: {}", error.name, expectation(&error.reason)));
        }
        if let Some(error) = error.downcast_ref::<ParsePathError>() {
            return match self.bounds.methods.parameter(path, error.name) {
                Some("id") => Problem::not_found(), // An id that can't be one belongs to no row.
                Some(name) => Problem::invalid(format!("{name}: {}", expectation(&error.reason))),
                None => Problem::no_such_route(),
            };
        }
        if let Some(error) = error.downcast_ref::<ReadBodyError>() {
            return limits::unreadable(error);
        }
        if error.is::<ContentTypeError>() {
            return Problem::media_type();
        }
        if error.status().is_client_error() {
            Problem::unreadable()
        } else {
            Problem::internal()
        }
    }
}

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = Response;

    /// Always `Ok`: whatever stands around this sees answers only.
    async fn call(&self, request: Request) -> Result<Response> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let body = request.data::<BodyPending>().cloned();
        let call = AssertUnwindSafe(self.bounded(request)).catch_unwind();
        Ok(match tokio::time::timeout(self.bounds.timeout, call).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => self.answer(error, &method, &path),
            Ok(Err(_panic)) => Problem::internal().into_response(), // The panic hook has logged where.
            Err(_elapsed) if body.is_some_and(|body| body.is_awaited()) => {
                Problem::slow_body().into_response()
            }
            Err(_elapsed) => Problem::timed_out().into_response(),
        })
    }
}

/// What was expected; poem-openapi puts `failed to parse "kind": ` before what our own types say, and
/// ` (occurred while parsing "…")` after it.
fn expectation(reason: &str) -> &str {
    let reason = reason
        .split_once(" (occurred while")
        .map_or(reason, |(reason, _)| reason);
    reason
        .rsplit_once("\": ")
        .map_or(reason, |(_, expected)| expected)
}

/// Which methods each path of the document takes, for the `Allow` header of a 405.
pub(crate) struct Methods(Vec<(PathPattern, String)>);

impl Methods {
    /// Reads the paths of an OpenAPI document.
    pub(crate) fn of(document: &serde_json::Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        Self(
            paths
                .map(|(path, operations)| {
                    let methods = operations
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(method, _)| method.to_uppercase());
                    (PathPattern::new(path), methods.collect::<Vec<_>>().join(", "))
                })
                .collect(),
        )
    }

    /// A path that isn't in the document.
    pub(crate) fn with(mut self, path: &str, allow: &str) -> Self {
        self.0.push((PathPattern::new(path), allow.to_owned()));
        self
    }

    fn allowed(&self, path: &str) -> Option<&str> {
        self.of_path(path).map(|(_, methods)| methods.as_str())
    }

    /// What the document calls a part of the path; poem-openapi counts them: `param0`, `param1`, …
    fn parameter(&self, path: &str, counted: &str) -> Option<&str> {
        let index: usize = counted.strip_prefix("param")?.parse().ok()?;
        let (pattern, _) = self.of_path(path)?;
        let mut names = pattern
            .0
            .iter()
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        names.nth(index)
    }

    fn of_path(&self, path: &str) -> Option<&(PathPattern, String)> {
        let segments: Vec<&str> = path.split('/').collect();
        self.0.iter().find(|(pattern, _)| pattern.fits(&segments))
    }
}

/// A path of the document, such as `/v1/leads/{id}`, in its segments.
pub(super) struct PathPattern(Vec<String>);

impl PathPattern {
    pub(super) fn new(path: &str) -> Self {
        Self(path.split('/').map(str::to_owned).collect())
    }

    /// Whether its end, `{path}`, stands for all that follows.
    pub(super) fn is_open(&self) -> bool {
        self.0.last().is_some_and(|last| last == "{path}")
    }

    pub(super) fn fits(&self, segments: &[&str]) -> bool {
        let length = self.0.len();
        (length == segments.len() || self.is_open() && length < segments.len())
            && self
                .0
                .iter()
                .zip(segments)
                .all(|(p, s)| p == s || (p.starts_with('{') && !s.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_comes_from_the_document() {
        let methods =
            Methods::of(&serde_json::json!({"paths": {"/v1/leads/{id}": {"get": {}, "patch": {}}}}));
        assert_eq!(methods.allowed("/v1/leads/x"), Some("GET, PATCH"));
        assert_eq!(methods.allowed("/v1/leads/"), None);
        assert_eq!(methods.allowed("/v1/leads"), None);
        assert_eq!(methods.parameter("/v1/leads/x", "param0"), Some("id"));
        assert_eq!(methods.parameter("/v1/leads/x", "param1"), None);
    }

    #[test]
    fn a_refused_parameter_says_what_was_expected_only() {
        assert_eq!(
            expectation("failed to parse \"Text\": can't be empty"),
            "can't be empty"
        );
        assert_eq!(
            expectation(
                "failed to parse \"Text\": can't be empty (occurred while parsing \"optional_Text<MIN, MAX>\")"
            ),
            "can't be empty"
        );
    }
}
