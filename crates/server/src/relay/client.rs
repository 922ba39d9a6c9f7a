//! How is a provider called? With the key put on at the last moment, no redirects, and limits on time and size.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use seal::SecretText;
use zeroize::Zeroizing;

use super::headers::{to_caller, to_provider};
use super::providers::{Credential, Service};
use super::target::target;
use crate::http::limits;

/// To connect to a provider.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(15);
/// For a whole answer, however it trickles.
const WHOLE: Duration = Duration::from_mins(2);
/// Bytes of an answer; recordings are the largest thing that providers send.
const LARGEST: usize = 64 * 1024 * 1024;

/// Calls providers with tenants' keys.
pub(crate) struct Relay {
    client: reqwest::Client,
    /// `RELAY_BASE_URL_…`: in place of the table, for tests and proxies.
    bases: HashMap<Service, Url>,
}

/// What a caller wants of a provider.
pub(crate) struct Ask {
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// As it was sent, without `/v1/relay/{service}/`.
    pub(crate) raw_path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<poem::Body>,
}

/// Why there is no answer of the provider's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    /// The path is not one of the provider's; the text says why.
    #[error("{0}")]
    Path(&'static str),
    /// What is saved as the key doesn't say which host to call, or can't be sent.
    #[error("the saved key is incomplete")]
    Key,
    /// The provider's answer would hold the key.
    #[error("the answer would hold the key")]
    Withheld,
    /// The caller's body was larger than the service accepts.
    #[error("the body is too large")]
    TooLarge,
    /// The provider can't be reached.
    #[error("the provider can't be reached")]
    Unreachable,
    /// The provider didn't answer in time.
    #[error("the provider didn't answer in time")]
    TimedOut,
    /// The provider wants to send the caller, and the key, elsewhere.
    #[error("the provider redirects")]
    Redirected,
}

/// A provider's answer: its status, the headers that may pass, and its body as it arrives.
pub(crate) struct Answer {
    pub(crate) status: reqwest::StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: poem::Body,
}

impl Relay {
    pub(crate) fn new(bases: HashMap<Service, Url>) -> Result<Self, reqwest::Error> {
        // No provider is built in; a second installation is refused and harmless.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .timeout(WHOLE)
            // Whoever could redirect could have the key sent to them.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy named by a variable of the environment would see where keys go.
            .no_proxy()
            .build()?;
        Ok(Self { client, bases })
    }

    /// Calls the provider with the key.
    pub(crate) async fn call(&self, ask: Ask, key: &SecretText) -> Result<Answer, RelayError> {
        let provider = ask.service.provider();
        let stored = provider.address(key.expose());
        let (base, secret) = match (self.bases.get(&ask.service), stored) {
            (Some(base), Some((_, secret))) => (base.clone(), secret),
            // A test's provider stands for every account.
            (Some(base), None) => (base.clone(), key.expose()),
            (None, Some((base, secret))) => (base, secret),
            (None, None) => return Err(RelayError::Key),
        };
        if ask.service.tells_keys(&ask.raw_path) {
            return Err(RelayError::Withheld);
        }
        let url = target(&base, &ask.raw_path, ask.query.as_deref()).map_err(RelayError::Path)?;
        let mut headers = to_provider(&ask.headers);
        let (name, value) = credential(provider.credential, secret).ok_or(RelayError::Key)?;
        headers.insert(name, value);
        if ask.body.is_none() {
            // A length without its body would take the next tenant's request on this connection for the body.
            headers.remove(header::CONTENT_LENGTH);
        }
        let mut request = self.client.request(ask.method, url).headers(headers);
        if let Some(body) = ask.body {
            request = request.body(reqwest::Body::wrap_stream(body.into_bytes_stream()));
        }
        let answer = request.send().await.map_err(|error| reason(&error))?;
        if answer.status().is_redirection() && answer.headers().contains_key(header::LOCATION) {
            return Err(RelayError::Redirected);
        }
        Ok(Answer {
            status: answer.status(),
            headers: to_caller(answer.headers()),
            body: poem::Body::from_bytes_stream(limited(answer.bytes_stream())),
        })
    }
}

/// The header that carries the key, marked so that nothing that prints headers prints it.
fn credential(kind: Credential, key: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, text) = match kind {
        Credential::Bearer => (header::AUTHORIZATION, Zeroizing::new(format!("Bearer {key}"))),
        Credential::Basic => (
            header::AUTHORIZATION,
            Zeroizing::new(format!("Basic {}", STANDARD.encode(key))),
        ),
        Credential::Header(name, prefix) => (
            HeaderName::from_static(name),
            Zeroizing::new(format!("{prefix}{key}")),
        ),
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// Cuts an answer that is larger than any that a provider gives; the caller sees a broken transfer, not a short one.
fn limited(
    stream: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream.scan(0_usize, |seen, piece| {
        let piece = piece
            .map_err(|_| std::io::Error::other("the provider broke off"))
            .and_then(|piece| {
                *seen += piece.len();
                if *seen > LARGEST {
                    return Err(std::io::Error::other("the provider's answer is too large"));
                }
                Ok(piece)
            });
        std::future::ready(Some(piece))
    })
}

/// By kind only: reqwest's text quotes the URL, whose query may hold anything.
fn reason(error: &reqwest::Error) -> RelayError {
    if limits::is_exceeded(error) {
        RelayError::TooLarge
    } else if error.is_timeout() {
        RelayError::TimedOut
    } else {
        RelayError::Unreachable
    }
}
