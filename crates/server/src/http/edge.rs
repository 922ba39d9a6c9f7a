//! What happens around every request, whatever it asks for? An id, a bound on its size and time, an answer
//! in one shape even after a panic, one log line and its measurements.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError};
use poem::http::{HeaderName, HeaderValue, Method, header};
use poem::middleware::{Cors, CorsEndpoint};
use poem::{Endpoint, IntoResponse as _, Middleware as _, Request, Response, Result};
use poem_openapi::OperationId;
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError};

use super::limits;
use super::operations::Measurements;
use super::problem::Problem;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that is being answered.
pub(crate) fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// The outermost endpoint.
pub(crate) struct Edge<E> {
    inner: Arc<E>,
    cors: CorsEndpoint<Arc<E>>,
    settings: Settings,
    measurements: Arc<Measurements>,
}

/// What the edge is told by the configuration and the document.
pub(crate) struct Settings {
    /// Origins whose pages may call.
    pub(crate) origins: Vec<String>,
    /// Bytes that a body may have.
    pub(crate) body_limit: usize,
    /// How long a request may take until its answer starts.
    pub(crate) timeout: Duration,
    /// Which methods a path takes.
    pub(crate) methods: Methods,
}

impl<E: Endpoint> Edge<E> {
    pub(crate) fn new(inner: E, settings: Settings, measurements: Arc<Measurements>) -> Self {
        let inner = Arc::new(inner);
        let cors = Cors::new()
            .allow_origins(settings.origins.iter().map(String::as_str))
            .allow_credentials(true)
            .expose_headers([
                "x-request-id",
                "x-mako-relay",
                "location",
                "retry-after",
                "www-authenticate",
            ])
            .max_age(3600)
            .transform(Arc::clone(&inner));
        Self {
            inner,
            cors,
            settings,
            measurements,
        }
    }

    /// poem's `Cors` refuses requests from origins that it doesn't know. Browsers send Origin with same-origin
    /// requests as well, so those go past it, as does a foreign page's: without CORS headers it can't read the answer.
    async fn dispatch(&self, mut request: Request) -> Result<Response> {
        limits::bound(&mut request, self.settings.body_limit)?;
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        if origin.is_some_and(|origin| self.settings.origins.iter().any(|allowed| allowed == origin)) {
            self.cors.call(request).await
        } else {
            self.inner
                .call(request)
                .await
                .map(poem::IntoResponse::into_response)
        }
    }

    /// Every error in the one shape that clients know.
    fn answer(&self, error: poem::Error, method: &Method, path: &str) -> Response {
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
            return match self.settings.methods.allowed(path) {
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
            return match error.name {
                // An id that can't be one belongs to no row.
                "id" => Problem::not_found(),
                name => Problem::invalid(format!("{name}: {}", expectation(&error.reason))),
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

/// What was expected; poem-openapi puts `failed to parse "kind": ` before what our own types say.
fn expectation(reason: &str) -> &str {
    reason
        .rsplit_once("\": ")
        .map_or(reason, |(_, expected)| expected)
}

impl<E: Endpoint> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = given_id(&request).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        REQUEST_ID.scope(id.clone(), self.observe(request, id)).await
    }
}

impl<E: Endpoint> Edge<E> {
    async fn observe(&self, request: Request, id: String) -> Result<Response> {
        let started = Instant::now();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let _in_flight = self.measurements.in_flight();
        let call = AssertUnwindSafe(self.dispatch(request)).catch_unwind();
        let mut response = match tokio::time::timeout(self.settings.timeout, call).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => self.answer(error, &method, &path),
            Ok(Err(_panic)) => Problem::internal().into_response(), // The panic hook has logged where.
            Err(_elapsed) => Problem::timed_out().into_response(),
        };
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(X_REQUEST_ID, value);
        }
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if path.starts_with("/v1/") {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        self.record(&response, &method, &id, started.elapsed());
        Ok(response)
    }

    /// By operation, never by path: paths hold ids, queries hold phone numbers.
    fn record(&self, response: &Response, method: &Method, id: &str, elapsed: Duration) {
        let operation = response
            .data::<OperationId>()
            .map_or("none", |operation| operation.0);
        let status = response.status();
        self.measurements.request(operation, status, elapsed);
        let elapsed_ms = elapsed.as_secs_f64() * 1000.0;
        if status.is_server_error() {
            tracing::warn!(request_id = id, %method, operation, status = status.as_u16(), elapsed_ms, "request");
        } else {
            tracing::info!(request_id = id, %method, operation, status = status.as_u16(), elapsed_ms, "request");
        }
    }
}

/// The id that a proxy in front gave, if it is a plain one.
fn given_id(request: &Request) -> Option<String> {
    let id = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    plain.then(|| id.to_owned())
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Which methods each path of the document takes, for the `Allow` header of a 405.
pub(crate) struct Methods(Vec<(Vec<String>, String)>);

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
                    (
                        path.split('/').map(str::to_owned).collect(),
                        methods.collect::<Vec<_>>().join(", "),
                    )
                })
                .collect(),
        )
    }

    fn allowed(&self, path: &str) -> Option<&str> {
        let segments: Vec<&str> = path.split('/').collect();
        let fits = |pattern: &[String]| {
            // `{path}` stands for all that follows.
            let open = pattern.last().is_some_and(|last| last == "{path}");
            (pattern.len() == segments.len() || open && pattern.len() < segments.len())
                && pattern
                    .iter()
                    .zip(&segments)
                    .all(|(p, s)| p == s || (p.starts_with('{') && !s.is_empty()))
        };
        self.0
            .iter()
            .find(|(pattern, _)| fits(pattern))
            .map(|(_, methods)| methods.as_str())
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
    }

    #[test]
    fn a_refused_parameter_says_what_was_expected_only() {
        assert_eq!(
            expectation("failed to parse \"Text\": can't be empty"),
            "can't be empty"
        );
    }
}
