//! Asks a provider's token address: codes and refresh tokens for access tokens, and takes grants back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use identity::Claims;
use reqwest::{Method, StatusCode, Url, header};
use serde_json::Value;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::token_answer::{Granted, TokenError, error, granted};
use crate::key_uses::KeyUses;
use crate::relay::{AuthorizationServer, ClientAuthentication, Reach, Service, http_client};

/// The operator's app at a provider: `OAUTH_<SERVICE>_…`.
#[derive(Clone)]
pub(crate) struct OAuthClient {
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<String>,
    /// In place of the table's.
    pub(crate) scopes: Option<Vec<String>>,
    /// In place of the table's hosts, for tests and proxies.
    pub(crate) base: Option<Url>,
}

/// For a whole answer: less than a lease lasts.
const WHOLE: Duration = Duration::from_secs(10);
/// Bytes of an answer; one holds a few tokens.
const LARGEST: usize = 64 * 1024;
/// What is asked for at a token address.
pub(super) struct TokenRequest<'a> {
    /// Whose grant it is.
    pub(super) claims: &'a Claims,
    pub(super) service: Service,
    pub(super) provider: &'static AuthorizationServer,
    pub(super) client: &'a OAuthClient,
    pub(super) url: Url,
    pub(super) form: &'a [(&'a str, &'a str)],
}

/// Calls authorization servers.
pub(super) struct TokenClient {
    client: reqwest::Client,
    /// For addresses that the operator chose, wherever they are.
    operators: reqwest::Client,
    key_uses: KeyUses,
}

impl TokenClient {
    pub(super) fn new(key_uses: KeyUses) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: http_client(Reach::Public, WHOLE)?,
            operators: http_client(Reach::Anywhere, WHOLE)?,
            key_uses,
        })
    }

    /// Asks for tokens.
    #[tracing::instrument(name = "token", skip_all, fields(name = ask.service.name()))]
    pub(super) async fn granted(&self, ask: TokenRequest<'_>) -> Result<Granted, TokenError> {
        let (status, answer) = self.post(&ask).await?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| TokenError::Unavailable)?;
        if let Some(error) = error(&answer, ask.provider) {
            return Err(error);
        }
        if !status.is_success() {
            return Err(TokenError::Refused(status.as_u16().to_string()));
        }
        granted(&answer, ask.service, ask.provider)
    }

    /// Takes a grant back; false if the provider didn't say that it has.
    pub(super) async fn revoke(&self, ask: TokenRequest<'_>) -> bool {
        let answer = self.post(&ask).await;
        answer.is_ok_and(|(status, _)| status.is_success())
    }

    async fn post(&self, ask: &TokenRequest<'_>) -> Result<(StatusCode, Zeroizing<Vec<u8>>), TokenError> {
        let form = Self::form(ask);
        let TokenRequest {
            claims, service, url, ..
        } = ask;
        // Its path is the table's, and holds nothing of the tenant's.
        let mut used = self
            .key_uses
            .begin(claims, *service, &Method::POST, url, |_| false);
        used.sent().store(form.len() as u64, Ordering::Relaxed);
        let answer = self.request(ask, form).send().await;
        let mut answer = answer.map_err(|_| TokenError::Unavailable)?;
        let status = answer.status();
        used.answered(status);
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(TokenError::Unavailable);
        }
        let mut body = Zeroizing::new(Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(|_| TokenError::Unavailable)? {
            used.received(piece.len());
            body.extend_from_slice(&piece);
            if body.len() > LARGEST {
                return Err(TokenError::Unavailable);
            }
        }
        Ok((status, body))
    }

    /// What is asked, and by which app unless a header says so.
    fn form(ask: &TokenRequest<'_>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(ask.form);
        if matches!(ask.provider.client, ClientAuthentication::Body) {
            form.append_pair("client_id", &ask.client.id)
                .append_pair("client_secret", &ask.client.secret);
        }
        form.finish()
    }

    fn request(&self, ask: &TokenRequest<'_>, form: String) -> reqwest::RequestBuilder {
        let client = match ask.client.base {
            Some(_) => &self.operators,
            None => &self.client,
        };
        let request = client
            .post(ask.url.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        match ask.provider.client {
            ClientAuthentication::Body => request,
            ClientAuthentication::Basic => {
                // RFC 6749 §2.3.1: each is encoded as in a form, first.
                let encoded =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request.basic_auth(encoded(&ask.client.id), Some(encoded(&ask.client.secret)))
            }
        }
    }
}
