//! `/oauth/callback`: a browser comes back from a provider, with a code or an error, and goes on to where it began.
//!
//! Nobody has a token here. The sealed state says who began; its row in the database makes it good once. It could still be
//! another's: whoever sends their own authorisation's address to somebody else would have *their* account connected to
//! one's own tenant. So a browser must also bring the cookie that it was given when it began. What isn't a browser can't be
//! led here by a link, and needs none. A browser without the cookie connects nothing: its page may, by its user's token
//! (`complete`).

use std::collections::HashMap;
use std::sync::Arc;

use identity::Claims;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Endpoint, IntoResponse as _, Request, Response, Result};
use poem_openapi::OperationId;
use reqwest::Url;
use store::rows::api_keys::KeyError;
use store::rows::oauth::Authorization;
use url::form_urlencoded;

use super::client::OAuth;
use super::token_answer::{Granted, TokenError, plain};
use super::token_client::TokenRequest;
use crate::http::problem::Problem;
use crate::relay::{OAuthEndpoint, Service};

/// The endpoint of the address that providers send browsers to.
pub(crate) struct CallbackRoute(pub(crate) Arc<OAuth>);

/// What the provider added to the address; of repeated names the first counts.
type Parameters = HashMap<String, String>;

/// What a provider granted access by.
#[derive(Clone, Copy)]
pub(super) struct Returned<'a> {
    pub(super) code: &'a str,
    /// The server where the code is good, if the provider says so.
    pub(super) server: Option<&'a str>,
}

impl<'a> Returned<'a> {
    fn of(parameters: &'a Parameters) -> Option<Self> {
        Some(Self {
            code: parameters.get("code")?,
            server: parameters.get("accounts-server").map(String::as_str),
        })
    }
}

/// How far an authorisation has come.
enum Finished {
    Connected,
    /// Its user finishes it, by this.
    HandedOver(String),
}

/// Why a grant was not saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    /// The provider says so: the user declined, for example.
    #[error("the provider answered {0}")]
    Declined(String),
    #[error("the authorisation was finished before, replaced by a later one, or took too long")]
    Over,
    #[error("the caller didn't begin this authorisation")]
    NotBegun,
    #[error("the provider says nothing that can be used")]
    Unusable,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Store(#[from] KeyError),
}

impl Unfinished {
    /// What the page that began is told, in the words of RFC 6749 §4.1.2.1 where it has one.
    fn code(&self) -> &str {
        match self {
            Self::Declined(code) => code,
            Self::Over | Self::NotBegun => "authorization_expired",
            Self::Unusable | Self::Token(TokenError::Refused(_) | TokenError::Address) => "server_error",
            Self::Token(TokenError::Ended(_)) => "invalid_grant",
            Self::Token(TokenError::Unavailable) | Self::Store(_) => "temporarily_unavailable",
        }
    }
}

impl Endpoint for CallbackRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut response = match self.0.came_back(&request).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // The address holds the code.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response.set_data(OperationId("finishAuthorization"));
        Ok(response)
    }
}

impl OAuth {
    async fn came_back(&self, request: &Request) -> Result<Response, Problem> {
        let mut parameters = Parameters::new();
        let query = request.original_uri().query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            parameters
                .entry(name.into_owned())
                .or_insert_with(|| value.into_owned());
        }
        let state = parameters.get("state").map_or("", String::as_str);
        let (begun, claims) = self
            .sealed_store
            .opened_authorization(state)
            .await
            .ok_or_else(not_begun_here)?;
        let service = Service::named(&begun.service).ok_or_else(not_begun_here)?;
        let mut back = Url::parse(&begun.return_to).map_err(|_| Problem::internal())?;
        back.query_pairs_mut().append_pair("service", service.name());
        match self
            .finish(begun, &claims, service, request.headers(), &parameters)
            .await
        {
            Ok(Finished::Connected) => {
                back.query_pairs_mut().append_pair("status", "connected");
            }
            Ok(Finished::HandedOver(completion)) => {
                back.query_pairs_mut().append_pair("status", "pending");
                back.set_fragment(Some(&fragment(back.fragment(), &completion)));
            }
            Err(error) => {
                tracing::warn!(%error, service = service.name(), "an authorisation was not finished");
                back.query_pairs_mut()
                    .append_pair("status", "error")
                    .append_pair("error", error.code());
            }
        }
        Ok(Response::builder()
            .status(StatusCode::SEE_OTHER)
            .header(header::LOCATION, back.as_str())
            .header(header::SET_COOKIE, self.cookie(service, "", 0))
            .finish())
    }

    async fn finish(
        &self,
        begun: Authorization,
        claims: &Claims,
        service: Service,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<Finished, Unfinished> {
        let returned = Returned::of(parameters).filter(|_| !parameters.contains_key("error"));
        let is_known =
            !is_browser(headers) || has_cookie(headers, &self.cookie_name(service), &begun.browser);
        if let Some(returned) = returned.filter(|_| !is_known) {
            let completion = self.hand_over(begun, claims, returned).await?;
            return Ok(Finished::HandedOver(completion));
        }
        // Used up first: whatever is wrong with the rest, it can't be tried twice.
        if !self
            .sealed_store
            .finish_authorization(claims, &begun)
            .await
            .map_err(KeyError::from)?
        {
            return Err(Unfinished::Over);
        }
        if let Some(error) = parameters.get("error") {
            return Err(Unfinished::Declined(plain(error)));
        }
        let returned = returned.ok_or(Unfinished::Unusable)?;
        self.connect(&begun, claims, service, returned).await?;
        Ok(Finished::Connected)
    }

    /// Takes what was granted, and saves it.
    pub(super) async fn connect(
        &self,
        begun: &Authorization,
        claims: &Claims,
        service: Service,
        returned: Returned<'_>,
    ) -> Result<(), Unfinished> {
        let granted = self.exchange(begun, claims, service, returned).await?;
        self.sealed_store
            .connect(claims, service.name(), &granted.grant, &granted.terms)
            .await?;
        Ok(())
    }

    /// The code for tokens, at the server where it is good.
    async fn exchange(
        &self,
        begun: &Authorization,
        claims: &Claims,
        service: Service,
        Returned { code, server }: Returned<'_>,
    ) -> Result<Granted, Unfinished> {
        let (provider, client) = self.app(service).ok_or(Unfinished::Unusable)?;
        let server = match server {
            Some(told) => Some(provider.server(told).ok_or(TokenError::Address)?),
            None => begun.server.clone(),
        };
        let url = provider
            .url(OAuthEndpoint::Token, client.base.as_ref(), server.as_deref())
            .ok_or(Unfinished::Unusable)?;
        let ask = TokenRequest {
            claims,
            service,
            provider,
            client,
            url,
            form: &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", &self.redirect_uri()),
                ("code_verifier", &begun.verifier),
            ],
        };
        let mut granted = self.tokens.granted(ask).await?;
        granted.grant.server = server;
        Ok(granted)
    }
}

/// What follows the `#`, which neither servers nor their logs see: after a page's own, as routers of pages read parameters.
fn fragment(own: Option<&str>, completion: &str) -> String {
    match own.filter(|own| !own.is_empty()) {
        None => format!("completion={completion}"),
        Some(own) => {
            let separator = if own.contains('?') { '&' } else { '?' };
            format!("{own}{separator}completion={completion}")
        }
    }
}

fn not_begun_here() -> Problem {
    Problem::not_begun("This authorisation was not begun here")
}

/// Every browser says that it is one, and no page can keep it from saying so.
fn is_browser(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
    headers.contains_key("sec-fetch-mode") || agent.is_some_and(|agent| agent.starts_with(b"Mozilla/"))
}

/// Whether one of the cookies of this name has this value.
fn has_cookie(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        // Each guess uses its authorisation up, so how long a comparison takes tells nobody anything.
        .any(|(found, sent)| found == name && sent == value)
}
