//! `/v1/relay/{service}/{path}`: the caller's request to a provider, with the caller's sealed key put on here.

use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use store::rows::api_keys::{KeyError, SealedStore};

use super::Tag;
use crate::http::answer::Relayed;
use crate::http::body::Upload;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::server::BodyPending;
use crate::relay::{Relay, RelayError, RelayRequest, Service};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Relays {
    pub(crate) sealed_store: Arc<SealedStore>,
    pub(crate) relay: Arc<Relay>,
}

/// One operation a method, all alike. The last part of the path is any path of the provider's.
#[OpenApi(prefix_path = "/v1", tag = "Tag::Relay")]
impl Relays {
    /// GET from a provider with the caller's key.
    #[oai(path = "/relay/:service/*param1", method = "get", operation_id = "relayGet")]
    async fn get(
        &self,
        request: &Request,
        caller: Caller,
        service: Path<Service>,
        /// The provider's path, as its documentation has it; sent on as it is.
        #[oai(name = "path")]
        _path: Path<String>,
    ) -> Result<Relayed, Problem> {
        self.forward(request, &caller, service.0, None).await
    }

    /// POST to a provider with the caller's key.
    #[oai(path = "/relay/:service/*param1", method = "post", operation_id = "relayPost")]
    async fn post(
        &self,
        request: &Request,
        caller: Caller,
        service: Path<Service>,
        /// The provider's path, as its documentation has it; sent on as it is.
        #[oai(name = "path")]
        _path: Path<String>,
        body: Upload,
    ) -> Result<Relayed, Problem> {
        self.forward(request, &caller, service.0, body.0).await
    }

    /// PUT to a provider with the caller's key.
    #[oai(path = "/relay/:service/*param1", method = "put", operation_id = "relayPut")]
    async fn put(
        &self,
        request: &Request,
        caller: Caller,
        service: Path<Service>,
        /// The provider's path, as its documentation has it; sent on as it is.
        #[oai(name = "path")]
        _path: Path<String>,
        body: Upload,
    ) -> Result<Relayed, Problem> {
        self.forward(request, &caller, service.0, body.0).await
    }

    /// PATCH at a provider with the caller's key.
    #[oai(
        path = "/relay/:service/*param1",
        method = "patch",
        operation_id = "relayPatch"
    )]
    async fn patch(
        &self,
        request: &Request,
        caller: Caller,
        service: Path<Service>,
        /// The provider's path, as its documentation has it; sent on as it is.
        #[oai(name = "path")]
        _path: Path<String>,
        body: Upload,
    ) -> Result<Relayed, Problem> {
        self.forward(request, &caller, service.0, body.0).await
    }

    /// DELETE at a provider with the caller's key.
    #[oai(
        path = "/relay/:service/*param1",
        method = "delete",
        operation_id = "relayDelete"
    )]
    async fn delete(
        &self,
        request: &Request,
        caller: Caller,
        service: Path<Service>,
        /// The provider's path, as its documentation has it; sent on as it is.
        #[oai(name = "path")]
        _path: Path<String>,
        body: Upload,
    ) -> Result<Relayed, Problem> {
        self.forward(request, &caller, service.0, body.0).await
    }
}

impl Relays {
    async fn forward(
        &self,
        request: &Request,
        caller: &Caller,
        service: Service,
        body: Option<poem::Body>,
    ) -> Result<Relayed, Problem> {
        let uri = request.original_uri();
        let ask = RelayRequest {
            service,
            method: request.method().clone(),
            raw_path: provider_path(uri.path())
                .ok_or_else(Problem::no_such_route)?
                .to_owned(),
            query: uri.query().map(str::to_owned),
            headers: request.headers().clone(),
            body,
        };
        let key = self
            .sealed_store
            .take(&caller.0, service.name())
            .await
            .map_err(|error| match error {
                KeyError::Absent => Problem::not_connected(),
                other => other.into(),
            })?;
        let answer =
            self.relay
                .call(ask, &key.secret)
                .await
                .map_err(|error| match request.data::<BodyPending>() {
                    // It is the caller who was slow, not the provider.
                    Some(body) if matches!(error, RelayError::TimedOut) && body.is_awaited() => {
                        Problem::slow_body()
                    }
                    _ => error.into(),
                })?;
        let status = answer.status_with_key.as_u16();
        let recorded = self
            .sealed_store
            .record_outcome(&caller.0, service.name(), &key, status);
        // The caller has the provider's answer; the next call records again.
        if let Err(error) = recorded.await {
            tracing::warn!(%error, service = service.name(), "what the provider said of the key is not recorded");
        }
        Ok(Relayed {
            service: service.name(),
            answer,
        })
    }
}

/// What follows `/v1/relay/{service}/`, encoded as it was sent.
fn provider_path(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/relay/")?
        .split_once('/')
        .map(|(_, rest)| rest)
}

impl From<RelayError> for Problem {
    fn from(error: RelayError) -> Self {
        match error {
            RelayError::Path(why) => Self::invalid(why),
            RelayError::Key => Self::new(
                poem::http::StatusCode::CONFLICT,
                "MK_KEY_INCOMPLETE",
                "The saved key doesn't say which host to call, or holds what no header can",
            )
            .hint("Save it as https://<your instance's host>|<key>; Salesforce's host is <domain>.my.salesforce.com"),
            RelayError::Withheld => Self::forbidden("The provider's answer would hold the account's credentials"),
            RelayError::TooLarge => Self::too_large(),
            RelayError::Unreachable => Self::bad_gateway("MK502", "The provider can't be reached"),
            RelayError::Redirected => Self::bad_gateway(
                "MK_REDIRECTED",
                "The provider redirects to an address that isn't https or isn't public, or that holds your key",
            ),
            RelayError::Echoed => Self::bad_gateway(
                "MK_KEY_ECHOED",
                "The provider's answer held your key, and was withheld",
            ),
            RelayError::Encoded => Self::bad_gateway(
                "MK_ENCODED",
                "The provider's answer is compressed, so it can't be searched for your key",
            ),
            RelayError::TimedOut => Self::timed_out(),
        }
    }
}
