//! Begins an authorisation: the address that the user's browser goes to, and the cookie that it comes back with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::Claims;
use reqwest::Url;
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use store::rows::api_keys::KeyError;
use store::rows::oauth::{AUTHORIZATION_LIFETIME, Authorization};
use zeroize::Zeroizing;

use super::client::{CALLBACK, OAuth};
use crate::relay::{OAuthEndpoint, Service};

/// An authorisation that was begun.
pub(crate) struct BegunAuthorization {
    /// At the provider.
    pub(crate) authorize_url: Url,
    /// `Set-Cookie`: the browser that begins is the one that finishes.
    pub(crate) cookie: String,
}

/// Why none can be begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorizeError {
    /// The operator has no app at this provider.
    #[error("no app is configured for this service")]
    NoApp,
    /// The browser would go back to somebody else's page.
    #[error("the address to go back to isn't allowed")]
    ReturnTo,
    /// Not one of the provider's hosts.
    #[error("the provider has no such server")]
    Server,
    /// The operating system gave no random bytes, or the database failed.
    #[error(transparent)]
    Store(#[from] KeyError),
}

impl OAuth {
    /// Begins an authorisation of the caller's; one of the same service that was begun before can't be finished any more.
    pub(crate) async fn authorize(
        &self,
        claims: &Claims,
        service: Service,
        return_to: &str,
        server: Option<&str>,
    ) -> Result<BegunAuthorization, AuthorizeError> {
        let (provider, client) = self.app(service).ok_or(AuthorizeError::NoApp)?;
        let return_to = self.allowed(return_to).ok_or(AuthorizeError::ReturnTo)?;
        let server = server
            .map(|server| provider.server(server).ok_or(AuthorizeError::Server))
            .transpose()?;
        let mut url = provider
            .url(OAuthEndpoint::Authorize, client.base.as_ref(), server.as_deref())
            .ok_or(AuthorizeError::Server)?;
        let begun = Authorization {
            user: claims.user_id().to_owned(),
            service: service.name().to_owned(),
            id: random()?.to_string(),
            verifier: random()?,
            browser: random()?,
            return_to: return_to.into(),
            server,
        };
        let state = self.sealed_store.begin_authorization(claims, &begun).await?;
        let scopes = client.scopes.as_ref().unwrap_or(&provider.scopes);
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge(&begun.verifier))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(&provider.parameters);
        if !scopes.is_empty() {
            let scopes = scopes.join(&provider.scope_separator);
            url.query_pairs_mut().append_pair("scope", &scopes);
        }
        Ok(BegunAuthorization {
            authorize_url: url,
            cookie: self.cookie(service, &begun.browser, AUTHORIZATION_LIFETIME),
        })
    }

    /// A page of an origin that may use this service, to go back to.
    fn allowed(&self, return_to: &str) -> Option<Url> {
        let url = Url::parse(return_to).ok()?;
        let origin = url.origin().ascii_serialization();
        let own = Url::parse(&self.pages.base_url)
            .ok()?
            .origin()
            .ascii_serialization();
        let is_allowed = origin == own || self.pages.allowed_origins.contains(&origin);
        let is_page = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
        (is_allowed && is_page && url.password().is_none()).then_some(url)
    }

    /// The name of the cookie that a browser has while it is away at the provider.
    pub(super) fn cookie_name(&self, service: Service) -> String {
        // With this prefix no other host, a subdomain of the same site either, can set it; it needs https.
        let prefix = if self.is_https() { "__Host-" } else { "" };
        format!("{prefix}mako-oauth-{}", service.name())
    }

    /// That cookie; with no time left it is forgotten.
    pub(super) fn cookie(&self, service: Service, value: &str, seconds: i64) -> String {
        let name = self.cookie_name(service);
        let only = if self.is_https() {
            "Path=/; Secure".to_owned()
        } else {
            format!("Path={CALLBACK}")
        };
        // Lax: the browser comes from the provider's site, by a link.
        format!("{name}={value}; {only}; HttpOnly; SameSite=Lax; Max-Age={seconds}")
    }

    fn is_https(&self) -> bool {
        self.pages.base_url.starts_with("https://")
    }
}

/// 32 random bytes, as text.
pub(super) fn random() -> Result<Zeroizing<String>, KeyError> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(bytes.as_mut())
        .map_err(|_| KeyError::Unsealable)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// PKCE's S256 (RFC 7636 §4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfcs_verifier_has_the_rfcs_challenge() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
