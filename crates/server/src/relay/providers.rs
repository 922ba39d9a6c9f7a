//! The services that there are, where they listen, and how they want the key.

use poem_openapi::Enum;
use reqwest::Url;

/// A service that tenants connect with a key of theirs.
#[derive(Clone, Copy, Debug, Enum, Eq, Hash, PartialEq)]
#[oai(rename_all = "lowercase")]
pub(crate) enum Service {
    /// Voice assistants.
    Vapi,
    /// Calls and messages; the key is `AccountSid:AuthToken`.
    Twilio,
    /// Scenarios.
    Make,
    /// CRM.
    Hubspot,
    /// CRM; the key is `https://<domain>.my.salesforce.com|<access token>`.
    Salesforce,
    /// CRM.
    Pipedrive,
    /// CRM.
    Zoho,
    /// Boards.
    Monday,
}

/// How a key is put on a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Credential {
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// `Authorization: Basic <base64 of the key>`, the key being `user:password`.
    Basic,
    /// A header of the provider's own, with what stands before the key.
    Header(&'static str, &'static str),
}

/// What is fixed about a provider.
pub(super) struct Provider {
    /// The API's address; None where every account has its own.
    base: Option<&'static str>,
    /// Domains of account hosts: a key may be stored as `https://<account's host>|<key>`.
    domains: &'static [&'static str],
    pub(super) credential: Credential,
}

impl Service {
    /// All of them, in the order of the contract.
    pub(crate) const ALL: [Self; 8] = [
        Self::Vapi,
        Self::Twilio,
        Self::Make,
        Self::Hubspot,
        Self::Salesforce,
        Self::Pipedrive,
        Self::Zoho,
        Self::Monday,
    ];

    /// The name in paths and in `api_keys.service_name`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vapi => "vapi",
            Self::Twilio => "twilio",
            Self::Make => "make",
            Self::Hubspot => "hubspot",
            Self::Salesforce => "salesforce",
            Self::Pipedrive => "pipedrive",
            Self::Zoho => "zoho",
            Self::Monday => "monday",
        }
    }

    /// The service of this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.name().eq_ignore_ascii_case(name))
    }

    /// Whether a path is one whose answer holds the account's credentials: the key must not leave that way either.
    /// Twilio's Account resource has `auth_token` (twilio.com/docs/iam/api/account).
    pub(super) fn tells_keys(self, raw_path: &str) -> bool {
        if self != Self::Twilio {
            return false;
        }
        let path = raw_path.to_ascii_lowercase();
        let path = path
            .trim_end_matches('/')
            .trim_end_matches(".json")
            .trim_end_matches(".xml");
        // As long as it isn't encoded it is this; whatever is encoded where nothing need be is taken for it.
        match path.split('/').collect::<Vec<_>>()[..] {
            [_, accounts] | [_, accounts, _] => accounts == "accounts" || accounts.contains('%'),
            _ => false,
        }
    }

    /// Each provider's own documentation says where it listens and how it wants the key.
    pub(super) fn provider(self) -> Provider {
        use Credential::{Basic, Bearer, Header};
        let at = |base, credential| Provider {
            base: Some(base),
            domains: &[],
            credential,
        };
        match self {
            Self::Vapi => at("https://api.vapi.ai", Bearer),
            Self::Twilio => at("https://api.twilio.com", Basic),
            Self::Make => Provider {
                base: Some("https://eu1.make.com/api/v2"),
                domains: &["make.com", "make.celonis.com"],
                credential: Header("authorization", "Token "),
            },
            Self::Hubspot => at("https://api.hubapi.com", Bearer),
            Self::Salesforce => Provider {
                base: None,
                domains: &["my.salesforce.com"],
                credential: Bearer,
            },
            Self::Pipedrive => Provider {
                base: Some("https://api.pipedrive.com"),
                domains: &["pipedrive.com"],
                credential: Header("x-api-token", ""),
            },
            Self::Zoho => Provider {
                base: Some("https://www.zohoapis.com"),
                domains: &[
                    "zohoapis.com",
                    "zohoapis.eu",
                    "zohoapis.in",
                    "zohoapis.com.au",
                    "zohoapis.jp",
                    "zohoapis.ca",
                    "zohoapis.sa",
                    "zohoapis.com.cn",
                ],
                credential: Header("authorization", "Zoho-oauthtoken "),
            },
            Self::Monday => at("https://api.monday.com", Header("authorization", "")),
        }
    }
}

impl Provider {
    /// Splits what is stored into the address to call and the key itself; None if the address is missing or isn't
    /// the provider's.
    pub(super) fn address<'a>(&self, stored: &'a str) -> Option<(Url, &'a str)> {
        match stored.split_once('|') {
            Some((host, key)) if !self.domains.is_empty() && host.starts_with("https://") => {
                let own = Url::parse(host).ok().filter(|url| self.owns(url))?;
                // An account's host serves the same paths as the common one.
                let path = self
                    .base
                    .and_then(|base| Url::parse(base).ok())
                    .map(|base| base.path().to_owned());
                let mut url = own;
                url.set_path(path.as_deref().unwrap_or("/"));
                Some((url, key.trim()))
            }
            _ => Some((Url::parse(self.base?).ok()?, stored)),
        }
    }

    /// Whether a URL is the root of a host below one of the provider's domains, and nothing more.
    fn owns(&self, url: &Url) -> bool {
        let below = |domain: &&str| {
            url.host_str().is_some_and(|host| {
                host.strip_suffix(*domain)
                    .is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
            })
        };
        self.domains.iter().any(below)
            && url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(service: Service, stored: &str) -> Option<String> {
        service
            .provider()
            .address(stored)
            .map(|(url, key)| format!("{url} {key}"))
    }

    #[test]
    fn every_service_knows_its_own_name() {
        for service in Service::ALL {
            assert_eq!(Service::named(&service.name().to_uppercase()), Some(service));
        }
        assert_eq!(Service::named("stripe"), None);
    }

    #[test]
    fn an_account_host_belongs_to_the_provider_or_is_refused() {
        assert_eq!(
            host(Service::Salesforce, "https://acme.my.salesforce.com|00D!key").as_deref(),
            Some("https://acme.my.salesforce.com/ 00D!key")
        );
        assert_eq!(
            host(Service::Make, "https://us1.make.com|k").as_deref(),
            Some("https://us1.make.com/api/v2 k")
        );
        for elsewhere in [
            "https://evil.example|k",
            "https://my.salesforce.com|k",
            "https://.my.salesforce.com|k",
            "https://evilmy.salesforce.com|k",
            "https://a.my.salesforce.com.evil.example|k",
            "https://a.my.salesforce.com:8443|k",
            "https://evil.example#.my.salesforce.com|k",
            "https://u:p@a.my.salesforce.com|k",
            "https://a.my.salesforce.com/path|k",
            "https://127.0.0.1|k",
            "http://a.my.salesforce.com|k",
            "k",
        ] {
            assert_eq!(host(Service::Salesforce, elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn twilios_account_resource_is_withheld() {
        for path in [
            "2010-04-01/Accounts.json",
            "2010-04-01/Accounts",
            "2010-04-01/Accounts/AC123.json",
            "2010-04-01/accounts/AC123/",
            "2010-04-01/%41ccounts/AC123.json",
        ] {
            assert!(Service::Twilio.tells_keys(path), "{path}");
        }
        for path in [
            "2010-04-01/Accounts/AC123/Messages.json",
            "2010-04-01/Accounts/AC123/Calls/CA1.json",
        ] {
            assert!(!Service::Twilio.tells_keys(path), "{path}");
        }
        assert!(!Service::Vapi.tells_keys("2010-04-01/Accounts.json"));
    }

    #[test]
    fn a_bar_in_another_services_key_is_part_of_the_key() {
        assert_eq!(
            host(Service::Vapi, "https://evil.example|k").as_deref(),
            Some("https://api.vapi.ai/ https://evil.example|k")
        );
    }
}
