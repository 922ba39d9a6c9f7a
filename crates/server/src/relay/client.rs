//! Calls a provider: with the key put on at the last moment, sent nowhere else, limits on time and size, and an answer that
//! is searched for the key.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use identity::Claims;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use zeroize::Zeroizing;

use super::circuit::{Circuits, Outcome};
use super::echo::{KeyEncodings, ScanError, ScannedBody};
use super::headers::{to_caller, to_provider};
use super::metrics::RelayMetrics;
use super::providers::Credential;
use super::public_address::PublicOnly;
use super::redirect::{self, REDIRECT};
use super::request::{RelayBody, RelayKey, RelayRequest};
use super::service::Service;
use super::target::target;
use crate::http::limits;
use crate::key_uses::{KeyUses, PendingKeyUse};

/// To connect to a provider.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(15);
/// For a whole answer, however it trickles.
pub(super) const WHOLE: Duration = Duration::from_mins(2);
/// Bytes of an answer; recordings are the largest thing that providers send.
const LARGEST: usize = 64 * 1024 * 1024;
/// How long, and for how many bytes, an answer's head waits for its body: so long a key in it can be answered 502.
const SOON: Duration = Duration::from_millis(250);
const FIRST: usize = 64 * 1024;

/// Calls providers with tenants' keys.
pub(crate) struct Relay {
    client: reqwest::Client,
    /// Calls the addresses that the operator chose, wherever they are.
    operators: reqwest::Client,
    /// `RELAY_BASE_URL_…`: in place of the table, for tests and proxies.
    bases: HashMap<Service, Url>,
    circuits: Circuits,
    metrics: RelayMetrics,
    key_uses: KeyUses,
}

/// A request as it leaves.
struct Prepared<'a> {
    client: &'a reqwest::Client,
    url: Url,
    headers: HeaderMap,
    /// What its answer is searched for.
    forms: KeyEncodings,
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
    /// The provider's answer held the key.
    #[error("the answer held the key")]
    Echoed,
    /// The provider's answer is compressed though that wasn't accepted, so it can't be searched for the key.
    #[error("the answer can't be searched for the key")]
    Encoded,
    /// The caller's body was larger than the service accepts.
    #[error("the body is too large")]
    TooLarge,
    /// The provider can't be reached.
    #[error("the provider can't be reached")]
    Unreachable,
    /// The provider is known to be down; it is tried again after this.
    #[error("the provider is down")]
    Down(Duration),
    /// The provider didn't answer in time.
    #[error("the provider didn't answer in time")]
    TimedOut,
    /// The provider redirects to an address that can't be handed to the caller.
    #[error("the provider redirects")]
    Redirected,
}

/// A provider's answer: its status, the headers that may pass, and its body as it arrives.
pub(crate) struct RelayResponse {
    pub(crate) status: StatusCode,
    /// What was said of the key: a file's own host, if that is whose answer this is, has never seen it.
    pub(crate) status_with_key: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: poem::Body,
}

impl Relay {
    pub(crate) fn new(
        bases: HashMap<Service, Url>,
        metrics: RelayMetrics,
        key_uses: KeyUses,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: http_client(Reach::Public, WHOLE)?,
            operators: http_client(Reach::Anywhere, WHOLE)?,
            bases,
            circuits: Circuits::new(metrics.circuits.clone()),
            metrics,
            key_uses,
        })
    }

    /// The same with another way out, for tests that play a provider's host.
    #[cfg(test)]
    pub(super) fn calling_by(self, client: reqwest::Client) -> Self {
        Self { client, ..self }
    }

    /// Calls the provider with a key of the caller's.
    #[tracing::instrument(name = "relay", skip_all, fields(name = ask.service.name()))]
    pub(crate) async fn call(
        &self,
        claims: &Claims,
        mut ask: RelayRequest,
        key: RelayKey<'_>,
    ) -> Result<RelayResponse, RelayError> {
        let to = self.prepared(&ask, key)?;
        let (answer, used) = self.answered(claims, &mut ask, &to).await?;
        let status_with_key = answer.status();
        let redirect = redirect::location(&answer, &to.forms)?;
        let followed = match &redirect {
            Some(url) if ask.method == Method::GET && ask.service.provider().keeps_files_at(url) => {
                redirect::follow(&self.client, url, &ask.headers).await
            }
            _ => None,
        };
        // One step: whatever lies behind the next redirect is the caller's to fetch.
        let answer = followed.unwrap_or(answer);
        let (status, headers, body) = self.passed(answer, ask.service, to.forms, used).await?;
        Ok(RelayResponse {
            status,
            status_with_key,
            headers,
            body,
        })
    }

    /// The provider's answer, to one of several attempts if nothing is changed by asking again.
    async fn answered(
        &self,
        claims: &Claims,
        ask: &mut RelayRequest,
        to: &Prepared<'_>,
    ) -> Result<(reqwest::Response, PendingKeyUse), RelayError> {
        let rule = &ask.service.provider().retry;
        let may_repeat = ask.method.is_safe() && ask.body.is_none();
        let (mut attempt, mut waited) = (1, Duration::ZERO);
        loop {
            let answered = self.attempt(claims, ask, to).await;
            let pause = match &answered {
                _ if !may_repeat => None,
                Ok((answer, _)) => rule.after_answer(attempt, waited, answer.status(), answer.headers()),
                Err(RelayError::Unreachable) => rule.after_silence(attempt, waited),
                Err(_) => None,
            };
            let Some(pause) = pause else { return answered };
            drop(answered);
            self.metrics.repeated(ask.service);
            tokio::time::sleep(pause).await;
            attempt += 1;
            waited += pause;
        }
    }

    /// Sends the key, unless the provider is known to be down.
    async fn attempt(
        &self,
        claims: &Claims,
        ask: &mut RelayRequest,
        to: &Prepared<'_>,
    ) -> Result<(reqwest::Response, PendingKeyUse), RelayError> {
        let host = to.url.host_str().unwrap_or_default();
        let waits_for_caller = matches!(ask.body, Some(RelayBody::Arriving(_)));
        let permit = self
            .circuits
            .permit(ask.service, host, claims.user_id(), !waits_for_caller)
            .map_err(RelayError::Down)?;
        let is_key = |part: &[u8]| to.forms.are_in(part);
        let mut used = self
            .key_uses
            .begin(claims, ask.service, &ask.method, &to.url, is_key);
        let mut request = to
            .client
            .request(ask.method.clone(), to.url.clone())
            .headers(to.headers.clone());
        if let Some(body) = ask.body.take() {
            request = request.body(body.into_body(used.sent()));
        }
        let answer = request.send().await;
        permit.ended(outcome(&answer, waits_for_caller));
        let answer = answer.map_err(|error| reason(&error))?;
        used.answered(answer.status());
        Ok((answer, used))
    }

    /// Where a request goes, and with which headers.
    fn prepared(&self, ask: &RelayRequest, key: RelayKey<'_>) -> Result<Prepared<'_>, RelayError> {
        let provider = ask.service.provider();
        let (kind, key) = (provider.credential(key.oauth), key.text);
        let stored = provider.address(key.expose());
        let own_base = self.bases.get(&ask.service);
        let (base, secret) = match (own_base, stored) {
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
        let mut headers = headers(ask);
        let (name, value) = credential(kind, secret).ok_or(RelayError::Key)?;
        headers.insert(name, value);
        Ok(Prepared {
            client: own_base.map_or(&self.client, |_| &self.operators),
            url,
            headers,
            forms: KeyEncodings::of(kind, secret),
        })
    }

    /// What of an answer may reach the caller.
    async fn passed(
        &self,
        answer: reqwest::Response,
        service: Service,
        forms: KeyEncodings,
        mut used: PendingKeyUse,
    ) -> Result<(StatusCode, HeaderMap, poem::Body), RelayError> {
        let status = answer.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(RelayError::Unreachable);
        }
        let mut encodings = answer.headers().get_all(header::CONTENT_ENCODING).iter();
        if encodings.any(|name| !name.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(RelayError::Encoded);
        }
        let mut headers = to_caller(answer.headers());
        if let Some(url) = redirect::location(&answer, &forms)? {
            let location = HeaderValue::from_str(url.as_str()).map_err(|_| RelayError::Redirected)?;
            headers.insert(REDIRECT, location);
        }
        let withheld = self.metrics.withheld.of(service);
        let dropped = forms.drop_from(&mut headers);
        withheld.inc_by(dropped as u64);
        // It ends with the body.
        let stream = Box::pin(
            answer
                .bytes_stream()
                .inspect_ok(move |piece| used.received(piece.len())),
        );
        let body = begun(ScannedBody::new(stream, forms, withheld, LARGEST)).await?;
        let body = poem::Body::from_bytes_stream(Box::pin(body.map_err(std::io::Error::other)));
        Ok((status, headers, body))
    }
}

/// What goes to the provider beside the key.
fn headers(ask: &RelayRequest) -> HeaderMap {
    let mut headers = to_provider(&ask.headers);
    // What is compressed can't be searched for the key.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if ask.body.is_none() {
        // A length without its body would take the next tenant's request on this connection for the body.
        headers.remove(header::CONTENT_LENGTH);
        if matches!(ask.method, Method::POST | Method::PUT | Method::PATCH) {
            // RFC 9110 §8.6; some servers answer 411 without it.
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
    headers
}

/// Which addresses a client reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// Those out on the internet.
    Public,
    /// All: for addresses that the operator chose.
    Anywhere,
}

/// A client that follows nobody, with so much time for a whole answer.
pub(crate) fn http_client(reach: Reach, whole: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // No provider is built in; a second installation is refused and harmless.
    drop(rustls::crypto::ring::default_provider().install_default());
    match reach {
        Reach::Public => client(whole).dns_resolver(PublicOnly).build(),
        Reach::Anywhere => client(whole).build(),
    }
}

/// A client whose connections are one tenant's, with TLS that was set up before: HTTP/1.1, so that each event has a
/// connection of its own for as long as it lasts.
pub(crate) fn one_tenants_client(
    reach: Reach,
    whole: Duration,
    tls: rustls::ClientConfig,
) -> Result<reqwest::Client, reqwest::Error> {
    let client = client(whole)
        // An answer may be as slow as the whole attempt.
        .read_timeout(whole)
        .user_agent(concat!("Mako/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .http1_only()
        // Node's servers close a connection after 5 s, often just when it would be used again.
        .pool_idle_timeout(Duration::from_secs(4));
    match reach {
        Reach::Public => client.dns_resolver(PublicOnly).build(),
        Reach::Anywhere => client.build(),
    }
}

pub(super) fn client(whole: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(whole)
        // Whoever could redirect could have the key sent to them; `redirect.rs` follows without it.
        .redirect(reqwest::redirect::Policy::none())
        // A proxy named by a variable of the environment would see where keys go.
        .no_proxy()
}

/// A body once its beginning has been searched: all of it, if it ends soon.
async fn begun<S>(
    mut body: ScannedBody<S>,
) -> Result<impl Stream<Item = Result<Bytes, ScanError>> + Send, RelayError>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Send + Unpin,
{
    let mut first = Vec::new();
    let search = async {
        let mut size = 0;
        while size < FIRST {
            let Some(piece) = body.next().await? else { break };
            size += piece.len();
            first.push(Ok(piece));
        }
        Ok(())
    };
    match tokio::time::timeout(SOON, search).await {
        Ok(Err(ScanError::Echo)) => return Err(RelayError::Echoed),
        Ok(Err(ScanError::Broken | ScanError::TooLarge)) => return Err(RelayError::Unreachable),
        Ok(Ok(())) | Err(_) => {}
    }
    let rest = futures_util::stream::try_unfold(body, async |mut body| {
        Ok(body.next().await?.map(|piece| (piece, body)))
    });
    Ok(futures_util::stream::iter(first).chain(rest))
}

/// The header that carries the key, marked so that nothing that prints headers prints it.
fn credential(kind: &Credential, key: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, text) = match kind {
        Credential::Bearer => (header::AUTHORIZATION, Zeroizing::new(format!("Bearer {key}"))),
        Credential::Basic => (
            header::AUTHORIZATION,
            Zeroizing::new(format!("Basic {}", STANDARD.encode(key))),
        ),
        Credential::Header { name, prefix } => (name.parse().ok()?, Zeroizing::new(format!("{prefix}{key}"))),
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// What a call says of its provider.
fn outcome(answer: &reqwest::Result<reqwest::Response>, waits_for_caller: bool) -> Outcome {
    match answer {
        Ok(answer) if matches!(answer.status().as_u16(), 502..=504) => Outcome::Failing,
        Ok(_) => Outcome::Answered,
        Err(error) if error.is_connect() => Outcome::Unreachable,
        Err(_) if waits_for_caller => Outcome::Unknown,
        Err(_) => Outcome::Failing,
    }
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
