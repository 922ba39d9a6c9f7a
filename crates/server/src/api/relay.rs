//! `/v1/relay/{service}/{path}`: the caller's request to a provider, with the caller's sealed key put on here.

use std::sync::Arc;

use poem::Request;
use poem::http::header;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use store::rows::api_keys::{KeyError, SealedStore, TakenKey};

use crate::http::answer::Relayed;
use crate::http::body::Upload;
use crate::http::caller::Caller;
use crate::http::groups::Tag;
use crate::http::limits;
use crate::http::problem::Problem;
use crate::http::server::BodyPending;
use crate::oauth::{KeyUnusable, OAuth};
use crate::relay::{Relay, RelayBody, RelayError, RelayKey, RelayRequest, RelayResponse, Service};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Relays {
    pub(crate) sealed_store: Arc<SealedStore>,
    pub(crate) oauth: Arc<OAuth>,
    pub(crate) relay: Arc<Relay>,
}

/// Bodies of so many bytes are kept until the provider has answered: it may refuse a token that it took before.
const KEPT: usize = 64 * 1024;

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
        let key = self.oauth.key(&caller.0, service).await.map_err(unconnected)?;
        let uri = request.original_uri();
        let ask = RelayRequest {
            service,
            method: request.method().clone(),
            raw_path: provider_path(uri.path())
                .ok_or_else(Problem::no_such_route)?
                .to_owned(),
            query: uri.query().map(str::to_owned),
            headers: request.headers().clone(),
            body: match body {
                Some(body) => Some(kept_if_short(request, body, key.oauth).await?),
                None => None,
            },
        };
        let again = if key.oauth { ask.again() } else { None };
        let first = self.call(request, caller, ask, &key).await?;
        let (answer, key) = match again {
            // A 401 says that nothing was done (RFC 9110 §15.5.2).
            Some(again) if first.status_with_key.as_u16() == 401 => {
                match self.renewed(caller, service, &key).await? {
                    Some(renewed) => (self.call(request, caller, again, &renewed).await?, renewed),
                    None => (first, key),
                }
            }
            None if key.oauth && first.status_with_key.as_u16() == 401 => {
                // Too late for this request; the next one has another token.
                self.renewed(caller, service, &key).await?;
                (first, key)
            }
            _ => (first, key),
        };
        self.record(caller, service, &key, answer.status_with_key.as_u16())
            .await;
        Ok(Relayed {
            service: service.name(),
            answer,
        })
    }

    async fn call(
        &self,
        request: &Request,
        caller: &Caller,
        ask: RelayRequest,
        key: &TakenKey,
    ) -> Result<RelayResponse, Problem> {
        let answer = self.relay.call(&caller.0, ask, sent(key)).await;
        answer.map_err(|error| match request.data::<BodyPending>() {
            // It is the caller who was slow, not the provider.
            Some(body) if matches!(error, RelayError::TimedOut) && body.is_awaited() => Problem::slow_body(),
            _ => error.into(),
        })
    }

    /// A renewed key in place of a refused one; None leaves the caller with the provider's refusal.
    async fn renewed(
        &self,
        caller: &Caller,
        service: Service,
        refused: &TakenKey,
    ) -> Result<Option<TakenKey>, Problem> {
        let renewed = self.oauth.key_after_refusal(&caller.0, service, refused);
        renewed.await.map_err(unconnected)
    }

    async fn record(&self, caller: &Caller, service: Service, key: &TakenKey, status: u16) {
        let recorded = self
            .sealed_store
            .record_outcome(&caller.0, service.name(), key, status);
        // The caller has the provider's answer; the next call records again.
        if let Err(error) = recorded.await {
            tracing::warn!(%error, service = service.name(), "what the provider said of the key is not recorded");
        }
    }
}

/// A key as it is sent.
pub(super) fn sent(key: &TakenKey) -> RelayKey<'_> {
    RelayKey {
        text: &key.secret,
        oauth: key.oauth,
    }
}

/// Where there is no key, there is no connection.
fn unconnected(error: KeyUnusable) -> Problem {
    match error {
        KeyUnusable::Key(KeyError::Absent) => Problem::not_connected(),
        other => other.into(),
    }
}

/// A body, whole if it is short and may have to be sent twice.
async fn kept_if_short(request: &Request, body: poem::Body, twice: bool) -> Result<RelayBody, Problem> {
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if twice && length.is_some_and(|length| length <= KEPT) {
        let bytes = body.into_bytes().await;
        return bytes
            .map(RelayBody::Whole)
            .map_err(|error| limits::unreadable(&error));
    }
    Ok(RelayBody::Arriving(body))
}

/// What follows `/v1/relay/{service}/`, encoded as it was sent.
fn provider_path(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/relay/")?
        .split_once('/')
        .map(|(_, rest)| rest)
}

impl From<KeyUnusable> for Problem {
    fn from(error: KeyUnusable) -> Self {
        match error {
            KeyUnusable::Key(error) => error.into(),
            KeyUnusable::Ended => Self::connection_ended(),
            KeyUnusable::NotRenewed => Self::unavailable(
                "MK503",
                "The provider doesn't renew the access to this account now",
            ),
        }
    }
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
            RelayError::Down(wait) => Self::unavailable("MK_PROVIDER_DOWN", "The provider is down, and wasn't called")
                .retry_after(wait),
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
