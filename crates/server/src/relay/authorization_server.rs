//! A provider's OAuth side: where users grant access and tokens are had, as `providers.toml` has it.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;

use super::providers::{Credential, is_public_host};

/// `[provider.oauth]`; `providers.toml` says what each field is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizationServer {
    authorize: String,
    token: String,
    revoke: Option<String>,
    #[serde(default)]
    servers: Vec<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    #[serde(default = "space")]
    pub(crate) scope_separator: String,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) client: ClientAuthentication,
    pub(super) credential: Option<Credential>,
    pub(crate) api_address: Option<String>,
    pub(crate) account: Option<String>,
    #[serde(default)]
    pub(crate) jwt_expiry: bool,
    #[serde(default)]
    ended: Vec<String>,
}

/// Where client id and secret go (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientAuthentication {
    /// Beside the other parameters.
    #[default]
    Body,
    /// The header `Authorization`.
    Basic,
}

/// One of an authorization server's addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OAuthEndpoint {
    /// Where the user's browser goes.
    Authorize,
    /// Where codes and refresh tokens are exchanged.
    Token,
    /// Where grants are taken back.
    Revoke,
}

fn space() -> String {
    " ".to_owned()
}

impl AuthorizationServer {
    /// What would send codes and tokens where nobody meant them to go.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        for address in [Some(&self.authorize), Some(&self.token), self.revoke.as_ref()] {
            let Some(address) = address else { continue };
            let url = Url::parse(address).map_err(|_| "an address of oauth is no URL")?;
            if url.scheme() != "https" || !is_public_host(&url) {
                return Err("the addresses of oauth must be https, at public addresses");
            }
            if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
                return Err("the addresses of oauth must have neither user, query nor fragment");
            }
        }
        let is_host = |host: &String| {
            let name = host.trim_start_matches('.');
            let url = Url::parse(&format!("https://{name}/"));
            url.is_ok_and(|url| url.host_str() == Some(name) && is_public_host(&url))
        };
        if !self.servers.iter().all(is_host) {
            return Err("the servers of oauth must be hosts in lower case, such as eu.example.com");
        }
        Ok(())
    }

    /// An address: at `base` if the operator chose one, else at the server that was chosen, else as the table has it.
    pub(crate) fn url(
        &self,
        endpoint: OAuthEndpoint,
        base: Option<&Url>,
        server: Option<&str>,
    ) -> Option<Url> {
        let address = match endpoint {
            OAuthEndpoint::Authorize => &self.authorize,
            OAuthEndpoint::Token => &self.token,
            OAuthEndpoint::Revoke => self.revoke.as_ref()?,
        };
        let mut url = Url::parse(address).ok()?;
        match (base, server) {
            (Some(base), _) => {
                let path = format!("{}{}", base.path().trim_end_matches('/'), url.path());
                url = base.clone();
                url.set_path(&path);
            }
            (None, Some(server)) => url.set_host(Some(server)).ok()?,
            (None, None) => {}
        }
        Some(url)
    }

    /// The host that `text` (a host, or an address as Zoho gives it) names, if it is one of this server's.
    pub(crate) fn server(&self, text: &str) -> Option<String> {
        let host = text
            .strip_prefix("https://")
            .unwrap_or(text)
            .trim_end_matches('/');
        // Nothing that a URL could read as more than a host.
        let is_plain = host
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
        let usual = Url::parse(&self.token).ok()?;
        let is_ours = |server: &String| match server.strip_prefix('.') {
            Some(_) => host.ends_with(server.as_str()) && host.len() > server.len(),
            None => host == server,
        };
        let known = usual.host_str() == Some(host) || self.servers.iter().any(is_ours);
        (is_plain && known).then(|| host.to_owned())
    }

    /// Whether an error of the token address says that the grant is over, not that something is wrong just now.
    pub(crate) fn ends_grants(&self, code: &str) -> bool {
        code == "invalid_grant" || self.ended.iter().any(|ended| ended == code)
    }
}
