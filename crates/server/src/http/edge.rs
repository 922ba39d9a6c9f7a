//! What happens around every request, whatever it asks for: an id, CORS, one log line and its measurements.
//!
//! What it stands around always answers (`guard`), so that a page of an allowed origin can read errors as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::http::{HeaderName, HeaderValue, Method, header};
use poem::middleware::{Cors, CorsEndpoint};
use poem::{Endpoint, Middleware as _, Request, Response, Result};
use poem_openapi::OperationId;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::guard::{Bounds, Guarded};
use super::measurements::Measurements;
use super::read_your_writes::ReadYourWrites;
use super::request_id;
use super::user_limits::{QuotaNote, RATE_LIMIT, RATE_LIMIT_POLICY};

/// The outermost endpoint.
pub(crate) struct Edge<E> {
    guarded: Arc<Guarded<E>>,
    cors: CorsEndpoint<Arc<Guarded<E>>>,
    origins: Vec<String>,
    measurements: Arc<Measurements>,
    read_your_writes: Option<ReadYourWrites>,
}

impl<E: Endpoint> Edge<E> {
    /// Around `inner`; pages of `origins` may call and read the answers. `read_your_writes` is for where there is a replica.
    pub(crate) fn new(
        inner: E,
        bounds: Bounds,
        origins: Vec<String>,
        measurements: Arc<Measurements>,
        read_your_writes: Option<ReadYourWrites>,
    ) -> Self {
        let guarded = Arc::new(Guarded::new(inner, bounds));
        let cors = Cors::new()
            .allow_origins(origins.iter().map(String::as_str))
            .allow_credentials(true)
            .expose_headers([
                "x-request-id",
                "x-mako-relay",
                "x-mako-redirect",
                "x-mako-lsn",
                "location",
                RATE_LIMIT.as_str(),
                RATE_LIMIT_POLICY.as_str(),
                "retry-after",
                "www-authenticate",
            ])
            .max_age(3600)
            .transform(Arc::clone(&guarded));
        Self {
            guarded,
            cors,
            origins,
            measurements,
            read_your_writes,
        }
    }

    /// poem's `Cors` refuses requests from origins that it doesn't know. Browsers send Origin with same-origin
    /// requests as well, so those go past it, as does a foreign page's: without CORS headers it can't read the answer.
    async fn dispatch(&self, request: Request) -> Result<Response> {
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        if origin.is_some_and(|origin| self.origins.iter().any(|allowed| allowed == origin)) {
            self.cors.call(request).await
        } else {
            self.guarded.call(request).await
        }
    }
}

impl<E: Endpoint> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = given_id(&request).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let span = request_span(&request, &id);
        let observed = self.observe(request, id.clone()).instrument(span);
        request_id::scope(id, observed).await
    }
}

impl<E: Endpoint> Edge<E> {
    async fn observe(&self, mut request: Request, id: String) -> Result<Response> {
        let started = Instant::now();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let _in_flight = self.measurements.in_flight();
        let quota_note = QuotaNote::default();
        request.set_data(quota_note.clone());
        let answered = match &self.read_your_writes {
            Some(replica) if path.starts_with("/v1/") => {
                replica.around(request, |request| self.dispatch(request)).await
            }
            _ => self.dispatch(request).await,
        };
        let mut response = match answered {
            Ok(response) => response,
            // Only CORS itself: an OPTIONS that is no preflight.
            Err(error) => self.guarded.answer(error, &method, &path),
        };
        let headers = response.headers_mut();
        quota_note.write(headers);
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(X_REQUEST_ID, value);
        }
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if !self.origins.is_empty() {
            // Whether the answer may be read depends on who asked; a cache must not mix them up.
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
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
        Span::current()
            .record("operation", operation)
            .record("http.response.status_code", status.as_u16());
        let elapsed_ms = elapsed.as_secs_f64() * 1000.0;
        if status.is_server_error() {
            tracing::warn!(request_id = id, %method, operation, status = status.as_u16(), elapsed_ms, "request");
        } else {
            tracing::info!(request_id = id, %method, operation, status = status.as_u16(), elapsed_ms, "request");
        }
    }
}

/// The span in which all that a request causes happens, named by its operation once that is known.
fn request_span(request: &Request, id: &str) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        operation = Empty,
        request_id = id,
        http.request.method = %request.method(),
        http.response.status_code = Empty,
    );
    crate::otlp::continue_trace(&span, request.headers());
    span
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

#[cfg(test)]
mod tests {
    use poem::endpoint::make;
    use poem::error::NotFoundError;
    use poem::http::StatusCode;

    use super::*;
    use crate::http::guard::Methods;

    const PAGE: &str = "https://app.example.com";

    /// What a page of an allowed origin sees of an endpoint, and whether it may.
    async fn seen<E: Endpoint>(inner: E, body: &'static str) -> (StatusCode, serde_json::Value) {
        let bounds = Bounds {
            body_limit: 10,
            timeout: Duration::from_millis(50),
            methods: Methods::of(&serde_json::Value::Null),
        };
        let edge = Edge::new(
            inner,
            bounds,
            vec![PAGE.to_owned()],
            Arc::new(Measurements::new()),
            None,
        );
        let request = Request::builder()
            .method(Method::POST)
            .header(header::ORIGIN, PAGE)
            .header(header::CONTENT_LENGTH, body.len())
            .body(body);
        let response = edge.call(request).await.unwrap_or_else(|_| panic!("it answers"));
        let headers = response.headers();
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert_eq!(headers[header::VARY], "Origin");
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        let status = response.status();
        let body = response.into_body().into_vec().await.unwrap_or_default();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_that_an_allowed_page_can_read() {
        #[expect(clippy::panic, reason = "what is tried here")]
        let (status, problem) = seen(make(async |_| -> Response { panic!("a secret") }), "").await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::INTERNAL_SERVER_ERROR, &"MK500".into())
        );
        assert!(!problem.to_string().contains("a secret"));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_a_problem_that_an_allowed_page_can_read() {
        let (status, problem) = seen(make(async |_| std::future::pending::<Response>().await), "").await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::GATEWAY_TIMEOUT, &"MK504".into())
        );
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_a_problem_that_an_allowed_page_can_read() {
        let (status, problem) = seen(make(async |_| Response::default()), "eleven byte").await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::PAYLOAD_TOO_LARGE, &"MK413".into())
        );
    }

    #[tokio::test]
    async fn an_error_of_the_router_is_a_problem_that_an_allowed_page_can_read() {
        let lost = make(async |_| Err::<Response, _>(poem::Error::from(NotFoundError)));
        let (status, problem) = seen(lost, "").await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::NOT_FOUND, &"PGRST125".into())
        );
    }
}
