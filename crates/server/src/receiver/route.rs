//! `/webhooks/{source}` and `/webhooks/{source}/{endpoint_key}`: how a delivery comes in over HTTP.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::{Endpoint, IntoResponse as _, Request, Response, Result};
use poem_openapi::OperationId;
use tokio::time::{Instant, timeout_at};
use webhooks::{Delivery, Source};

use super::{IncomingDelivery, ReceiveError, Receiver};
use crate::http::limits;
use crate::http::problem::Problem;

/// The endpoint of both addresses.
pub(crate) struct WebhookRoute(pub(crate) Arc<Receiver>);

impl Endpoint for WebhookRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let started = Instant::now();
        let mut response = match self.receive(request, started).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        };
        response.set_data(OperationId("receiveWebhook"));
        Ok(response)
    }
}

impl WebhookRoute {
    async fn receive(&self, mut request: Request, started: Instant) -> Result<Response, Problem> {
        let source: Source = request
            .raw_path_param("source")
            .and_then(|name| name.parse().ok())
            .ok_or_else(Problem::no_such_route)?;
        self.0.measurements.received(source);
        let endpoint_key = request.raw_path_param("endpoint_key").map(str::to_owned);
        if let Some(limit) = source.body_limit() {
            limits::bound(&mut request, limit)?;
        }
        // The body may take half of the request's time and the database a quarter: what it doesn't take by then has the
        // last quarter to reach the spool, or the sender hears in time that it must try again.
        let quarter = self.0.request_timeout / 4;
        let body = timeout_at(started + 2 * quarter, request.take_body().into_vec())
            .await
            .map_err(|_| Problem::slow_body())?
            .map_err(|error| limits::unreadable(&error))?;
        // Never made from Host or X-Forwarded-*: the address that the provider was told.
        let target = request
            .original_uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let url = format!("{}{target}", self.0.base_url);
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        let delivery = Delivery::new(source, request.method().as_str(), &url, headers, body);
        #[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
        let at = chrono::Utc::now();
        let incoming = IncomingDelivery {
            delivery,
            endpoint_key,
            at,
        };
        let received = self.0.receive(incoming, started + 3 * quarter).await?;
        self.0.measurements.acknowledged(source, started.elapsed());
        let status = StatusCode::from_u16(received.answer.status()).unwrap_or(StatusCode::OK);
        let mut response = Response::builder().status(status);
        if let Some(kind) = received.answer.content_type() {
            response = response.content_type(kind);
        }
        Ok(response.body(received.answer.body()))
    }
}

impl From<ReceiveError> for Problem {
    /// Never a 500: it would stop a Make scenario, and providers would not try again.
    fn from(not_taken: ReceiveError) -> Self {
        match not_taken {
            ReceiveError::NoEndpoint => Self::not_found(),
            ReceiveError::Refused(refused) => {
                let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::FORBIDDEN);
                let problem = match status {
                    StatusCode::UNAUTHORIZED => Self::unsigned(),
                    StatusCode::SERVICE_UNAVAILABLE => {
                        Self::unavailable("MK503", "No secret is configured for this source")
                    }
                    status => Self::new(
                        status,
                        "MK_WEBHOOK_REFUSED",
                        "The signature or key of this delivery is not right",
                    ),
                };
                problem.hint("The service's log says which address was tried")
            }
            ReceiveError::Unparsable(unparsable) if unparsable.status() == 413 => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "MK413", unparsable.to_string())
                    .hint("Post the list in parts")
            }
            ReceiveError::Unparsable(unparsable) => {
                Self::new(StatusCode::BAD_REQUEST, "MK400", unparsable.to_string())
            }
            ReceiveError::Sealed => Self::unavailable("MK503", "The endpoint's secret can't be opened"),
            ReceiveError::Down(error, _) => error.into(),
            ReceiveError::Database(error) => {
                tracing::error!(%error, "a delivery can't be recorded");
                Self::unavailable("MK503", "The delivery can't be recorded now")
            }
        }
    }
}
