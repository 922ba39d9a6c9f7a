//! The services that tenants connect: a table (`providers.toml`), which `PROVIDERS_FILE` extends. Where a key is sent is
//! decided here and by nothing that a caller sends.

use std::sync::OnceLock;

use reqwest::Url;
use reqwest::header::HeaderName;
use serde::Deserialize;

use super::authorization_server::AuthorizationServer;
use super::public_address::is_public;
use super::retry::RetryRule;

/// How a key is put on a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Credential {
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// `Authorization: Basic <base64 of the key>`, the key being `user:password`.
    Basic,
    /// A header of the provider's own, with what stands before the key.
    Header {
        name: String,
        #[serde(default)]
        prefix: String,
    },
}

/// What is fixed about a provider; `providers.toml` says what each field is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    pub(super) name: String,
    base: Option<String>,
    #[serde(default)]
    account_domains: Vec<String>,
    credential: Credential,
    #[serde(default)]
    pub(super) withheld: Vec<String>,
    #[serde(default)]
    file_hosts: Vec<String>,
    #[serde(default)]
    pub(super) retry: RetryRule,
    pub(super) oauth: Option<AuthorizationServer>,
}

/// A file of providers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "provider")]
    providers: Vec<Provider>,
}

/// Why a table of providers can't be used; names the entry and the fix.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadProviders(String);

const BUILT_IN: &str = include_str!("providers.toml");

/// Set once, at start-up: what reads a path's service has nothing else to ask.
static TABLE: OnceLock<Vec<Provider>> = OnceLock::new();

pub(super) fn table() -> &'static [Provider] {
    TABLE.get_or_init(|| parse(BUILT_IN).unwrap_or_else(|error| unreachable!("a test reads it: {error}")))
}

/// Adds the providers of a `PROVIDERS_FILE` to the table, at start-up: before anybody has read it.
pub(crate) fn add_providers(toml: &str) -> Result<(), BadProviders> {
    let mut all = parse(BUILT_IN)?;
    for provider in parse(toml)? {
        all.retain(|other| other.name != provider.name);
        if let Some(other) = all.iter().find(|other| other.setting() == provider.setting()) {
            return Err(BadProviders(format!(
                "{} and {} can't be told apart in names of settings",
                provider.name, other.name
            )));
        }
        all.push(provider);
    }
    let added = TABLE.set(all);
    added.map_err(|_| BadProviders("the providers were read before".to_owned()))
}

/// The providers of a text, in its order.
fn parse(toml: &str) -> Result<Vec<Provider>, BadProviders> {
    let file: File = toml::from_str(toml).map_err(|error| BadProviders(error.to_string()))?;
    for provider in &file.providers {
        let bad = |why| BadProviders(format!("provider {:?}: {why}", provider.name));
        provider.check().map_err(bad)?;
    }
    Ok(file.providers)
}

impl Credential {
    fn check(&self) -> Result<(), &'static str> {
        let Self::Header { name, prefix } = self else {
            return Ok(());
        };
        if name.parse::<HeaderName>().is_err() || super::headers::is_of_the_connection(name) {
            return Err("the credential's header has a name that can't be sent");
        }
        if !prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err("the credential's prefix holds what no header can");
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    (1..=40).contains(&name.len()) && name.bytes().all(may_be)
}

impl Provider {
    /// How its keys are sent, or the access tokens that it grants.
    pub(super) fn credential(&self, oauth: bool) -> &Credential {
        let granted = self.oauth.as_ref().filter(|_| oauth);
        granted
            .and_then(|server| server.credential.as_ref())
            .unwrap_or(&self.credential)
    }

    /// As settings name it, in lower case.
    pub(super) fn setting(&self) -> String {
        self.name.replace('-', "_")
    }

    /// What would send keys where nobody meant them to go.
    fn check(&self) -> Result<(), &'static str> {
        if !is_name(&self.name) {
            return Err("a name has 1 to 40 characters of a-z, 0-9, _ and -");
        }
        if self.base.is_none() && self.account_domains.is_empty() {
            return Err("needs a base or account_domains");
        }
        if let Some(base) = &self.base {
            let url = Url::parse(base).map_err(|_| "base is no URL")?;
            if url.scheme() != "https" || !is_public_host(&url) {
                return Err("base must be https, at a public address");
            }
            if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
                return Err("base must have neither user, query nor fragment");
            }
        }
        let is_domain = |domain: &String| {
            let host = url::Host::parse(domain).ok();
            host.is_some_and(|host| host.to_string() == *domain && matches!(host, url::Host::Domain(_)))
                && domain.contains('.')
                && !domain.contains('*')
        };
        if !self.account_domains.iter().all(is_domain) {
            return Err("account_domains must be domains in lower case, such as my.example.com");
        }
        if !self.file_hosts.iter().all(is_domain) {
            return Err("file_hosts must be hosts in lower case, such as files.example.com");
        }
        self.retry.check()?;
        if let Some(server) = &self.oauth {
            server.check()?;
            if server.api_address.is_some() && self.account_domains.is_empty() {
                return Err("api_address needs account_domains, or a token's answer could name any address");
            }
        }
        let granted = self.oauth.as_ref().and_then(|server| server.credential.as_ref());
        for credential in std::iter::once(&self.credential).chain(granted) {
            credential.check()?;
        }
        Ok(())
    }

    /// Whether an address is one of the provider's own files, which it redirects to.
    pub(super) fn keeps_files_at(&self, url: &Url) -> bool {
        let is_one = |host: &str| self.file_hosts.iter().any(|name| name == host);
        url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(is_one)
    }

    /// Splits what is stored into the address to call and the key itself; None if the address is missing or isn't
    /// the provider's.
    pub(super) fn address<'a>(&self, stored: &'a str) -> Option<(Url, &'a str)> {
        match stored.split_once('|') {
            Some((host, key)) if !self.account_domains.is_empty() && host.starts_with("https://") => {
                let own = Url::parse(host).ok().filter(|url| self.owns(url))?;
                // An account's host serves the same paths as the common one.
                let path = self
                    .base
                    .as_deref()
                    .and_then(|base| Url::parse(base).ok())
                    .map(|base| base.path().to_owned());
                let mut url = own;
                url.set_path(path.as_deref().unwrap_or("/"));
                Some((url, key.trim()))
            }
            _ => Some((Url::parse(self.base.as_deref()?).ok()?, stored)),
        }
    }

    /// Whether a URL is the root of a host below one of the provider's domains, and nothing more.
    pub(super) fn owns(&self, url: &Url) -> bool {
        let below = |domain: &String| {
            url.host_str().is_some_and(|host| {
                host.strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
            })
        };
        self.account_domains.iter().any(below)
            && url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    }
}

/// A name, which is looked up and judged when it is called, or an address that is public.
pub(crate) fn is_public_host(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.contains('.'),
        Some(url::Host::Ipv4(address)) => is_public(address.into()),
        Some(url::Host::Ipv6(address)) => is_public(address.into()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_table_that_would_send_keys_elsewhere_is_refused_with_the_entry() {
        let base = "base = \"https://api.example.com\"";
        let sound = format!("[[provider]]\nname = \"crm\"\n{base}\ncredential = \"bearer\"");
        assert!(parse(&sound).is_ok());
        for (instead_of, entry, why) in [
            (base, "", "needs a base"),
            (base, "base = \"http://api.example.com\"", "https"),
            (base, "base = \"https://127.0.0.1\"", "public"),
            (base, "base = \"https://169.254.169.254/latest\"", "public"),
            (base, "base = \"https://[::ffff:10.0.0.1]\"", "public"),
            (base, "base = \"https://localhost\"", "public"),
            (base, "base = \"https://u:p@api.example.com\"", "neither user"),
            (base, "account_domains = [\"com\"]", "domains"),
            (base, "account_domains = [\"10.0.0.1\"]", "domains"),
            (base, "account_domains = [\"a.example/x\"]", "domains"),
            (
                base,
                &format!("{base}\nfile_hosts = [\"127.0.0.1\"]"),
                "file_hosts",
            ),
            (
                base,
                &format!("{base}\nfile_hosts = [\"*.example.com\"]"),
                "file_hosts",
            ),
            (base, "host = 1", "host"),
            ("\"crm\"", "\"CRM\"", "a-z"),
            ("\"bearer\"", "\"digest\"", "bearer"),
            ("\"bearer\"", "{ header = { name = \"host\" } }", "can't be sent"),
            (
                "\"bearer\"",
                "{ header = { name = \"x\", prefix = \"a\\n\" } }",
                "no header can",
            ),
        ] {
            let refused = parse(&sound.replace(instead_of, entry))
                .expect_err(entry)
                .to_string();
            assert!(refused.contains(why), "{entry}: {refused}");
        }
    }
}
