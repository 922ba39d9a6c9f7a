//! A service that tenants connect, by its name: an entry of the table of providers.

use std::hash::{Hash, Hasher};

use reqwest::Url;

use super::authorization_server::AuthorizationServer;
use super::providers::{Provider, table};

/// A service of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service(&'static Provider);

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Service {}

impl Hash for Service {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Service {
    /// All of them, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        table().iter().map(Self)
    }

    /// The name in paths and in `api_keys.service_name`.
    pub(crate) fn name(self) -> &'static str {
        &self.0.name
    }

    /// The service of this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::all().find(|service| service.name().eq_ignore_ascii_case(name))
    }

    /// The service that settings name so: `RELAY_BASE_URL_MY_CRM` is of `my-crm`.
    pub(crate) fn of_setting(name: &str) -> Option<Self> {
        Self::all().find(|service| service.0.setting() == name.to_ascii_lowercase())
    }

    /// Twilio, who is asked whose a number is.
    pub(crate) fn twilio() -> Self {
        Self::named("twilio").unwrap_or_else(|| unreachable!("built in"))
    }

    /// Its OAuth side, if it has one.
    pub(crate) fn authorization_server(self) -> Option<&'static AuthorizationServer> {
        self.0.oauth.as_ref()
    }

    /// Whether an address is that of one of its accounts.
    pub(crate) fn is_account_address(self, address: &str) -> bool {
        Url::parse(address).is_ok_and(|url| self.0.owns(&url))
    }

    pub(super) fn provider(self) -> &'static Provider {
        self.0
    }

    /// Whether a path is one whose answer holds the account's credentials: the key must not leave that way either.
    pub(super) fn tells_keys(self, raw_path: &str) -> bool {
        let path = raw_path.to_ascii_lowercase();
        let path = path
            .trim_end_matches('/')
            .trim_end_matches(".json")
            .trim_end_matches(".xml");
        let parts: Vec<_> = path.split('/').collect();
        self.0.withheld.iter().any(|pattern| {
            let wanted: Vec<_> = pattern.split('/').collect();
            // Whatever is encoded where nothing need be is taken for what is withheld.
            let fits =
                |(wanted, part): (&&str, &&str)| *wanted == "*" || wanted == part || part.contains('%');
            wanted.len() == parts.len() && wanted.iter().zip(&parts).all(fits)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Service {
        Service::named(name).expect("built in")
    }

    fn host(name: &str, stored: &str) -> Option<String> {
        service(name)
            .provider()
            .address(stored)
            .map(|(url, key)| format!("{url} {key}"))
    }

    #[test]
    fn the_built_in_eight_are_those_of_the_contract() {
        let names: Vec<_> = Service::all().map(Service::name).collect();
        assert_eq!(
            names,
            [
                "vapi",
                "twilio",
                "make",
                "hubspot",
                "salesforce",
                "pipedrive",
                "zoho",
                "monday"
            ]
        );
        for name in names {
            assert_eq!(service(&name.to_uppercase()).name(), name);
        }
        assert_eq!(Service::named("stripe"), None);
    }

    #[test]
    fn an_account_host_belongs_to_the_provider_or_is_refused() {
        assert_eq!(
            host("salesforce", "https://acme.my.salesforce.com|00D!key").as_deref(),
            Some("https://acme.my.salesforce.com/ 00D!key")
        );
        assert_eq!(
            host("make", "https://us1.make.com|k").as_deref(),
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
            assert_eq!(host("salesforce", elsewhere), None, "{elsewhere}");
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
            assert!(Service::twilio().tells_keys(path), "{path}");
        }
        for path in [
            "2010-04-01/Accounts/AC123/Messages.json",
            "2010-04-01/Accounts/AC123/Calls/CA1.json",
        ] {
            assert!(!Service::twilio().tells_keys(path), "{path}");
        }
        assert!(!service("vapi").tells_keys("2010-04-01/Accounts.json"));
    }

    #[test]
    fn a_bar_in_another_services_key_is_part_of_the_key() {
        assert_eq!(
            host("vapi", "https://evil.example|k").as_deref(),
            Some("https://api.vapi.ai/ https://evil.example|k")
        );
    }
}
