//! What the service was told: environment and `mako.toml`, checked as a whole before anything starts.
//!
//! The only place that reads the environment. Every refusal names the setting and the fix, never the value.

mod checks;
mod error;
mod help;
mod oauth;
mod raw;
mod settings;
mod value;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use store::SealingKeys;
use webhooks::Source;

use checks::{
    auth, base_url, clients, drain_time, duration, groups, hmac_secret, inbound, on_or_off, origins,
    prepared_statements, rate_limit, relay_base, replica, store_settings, target,
};
pub(crate) use checks::{platform_secrets, sealing_keys};
pub(crate) use error::ConfigError;
use error::refused;
pub(crate) use help::help;
use oauth::oauth_clients;
use raw::variables;
use settings::RawSettings;
pub(crate) use value::{LogFormat, Secret};

use crate::http::authorization::Authorization;
use crate::http::user_limits::Quota;
use crate::oauth::OAuthClient;
use crate::relay::Service;
use crate::sender::ReceiverUrls;

/// Where log lines go and how many.
pub(crate) struct LogSettings {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
    /// Where spans are sent.
    pub(crate) collector: Option<url::Url>,
}

/// What `mako serve` runs on.
pub(crate) struct Config {
    pub(crate) target: store::Target,
    pub(crate) store: store::StoreSettings,
    /// Where reads may go instead.
    pub(crate) replica: Option<store::ReplicaSettings>,
    pub(crate) listen: SocketAddr,
    pub(crate) public_base_url: Option<String>,
    pub(crate) auth: AuthSettings,
    pub(crate) authorization: Authorization,
    pub(crate) cors_allowed_origins: Vec<String>,
    pub(crate) rate_limit: Option<Quota>,
    pub(crate) body_limit: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) drain_time: Duration,
    pub(crate) sealing: SealingKeys,
    pub(crate) relay_bases: HashMap<Service, Url>,
    pub(crate) oauth_clients: HashMap<Service, OAuthClient>,
    pub(crate) webhooks: WebhookSettings,
    /// Where events may go.
    pub(crate) receiver_urls: ReceiverUrls,
}

/// How deliveries are verified on the platform's addresses, where they wait, and for how long they are kept.
#[derive(Default)]
pub(crate) struct WebhookSettings {
    pub(crate) secrets: HashMap<Source, Vec<webhooks::Secret>>,
    pub(crate) spool_dir: Option<PathBuf>,
    pub(crate) retention_days: i32,
}

/// How tokens are verified.
pub(crate) struct AuthSettings {
    pub(crate) verifier: identity::VerifierSettings,
    pub(crate) jwks_url: Option<String>,
    pub(crate) cookie: Option<String>,
}

/// Clients of `mako dev`: fewer than the 1,024 open files that Linux allows a user, so that nothing has to be said of it.
const DEVELOPERS_CONNECTIONS: usize = 256;

impl Config {
    /// The service's defaults around a private database, and of the environment what isn't about the database or its
    /// secrets: `mako dev`.
    pub(crate) fn for_development(
        environment: &Environment,
        target: store::Target,
        listen: SocketAddr,
        auth: AuthSettings,
        sealing: SealingKeys,
        webhook_secrets: HashMap<Source, Vec<webhooks::Secret>>,
    ) -> Result<Self, ConfigError> {
        environment.add_providers()?;
        let defaults = RawSettings::read(None, &HashMap::new())?;
        Ok(Self {
            target,
            store: store_settings(&defaults)?,
            replica: None,
            listen,
            public_base_url: None,
            auth,
            authorization: environment.authorization()?,
            cors_allowed_origins: environment.cors_allowed_origins()?,
            rate_limit: environment.rate_limit()?,
            body_limit: defaults.body_limit,
            request_timeout: duration("REQUEST_TIMEOUT", &defaults.request_timeout)?,
            max_connections: DEVELOPERS_CONNECTIONS,
            max_connections_per_address: DEVELOPERS_CONNECTIONS,
            drain_time: Duration::ZERO,
            sealing,
            // Providers may be stood in for, as with `serve`.
            relay_bases: environment.relay_bases()?,
            oauth_clients: environment.oauth_clients()?,
            webhooks: WebhookSettings {
                secrets: webhook_secrets,
                spool_dir: environment.0.spool_dir.clone(),
                ..inbound(&defaults)?
            },
            receiver_urls: ReceiverUrls::AlsoLoopback,
        })
    }
}

/// The environment as it was at start-up, and `mako.toml` beneath it.
pub(crate) struct Environment(RawSettings);

impl Environment {
    /// Reads the process's environment and `./mako.toml`, if there is one.
    pub(crate) fn read() -> Result<Self, ConfigError> {
        let toml = match std::fs::read_to_string("mako.toml") {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => return refused("mako.toml is there but can't be read"),
        };
        Self::from_parts(toml.as_deref(), &variables(std::env::vars_os())?)
    }

    fn from_parts(toml: Option<&str>, vars: &HashMap<String, String>) -> Result<Self, ConfigError> {
        RawSettings::read(toml, vars).map(Self)
    }

    /// What the log needs, before anything else.
    pub(crate) fn log(&self) -> Result<LogSettings, ConfigError> {
        let level = self
            .0
            .log
            .parse()
            .or_else(|_| refused("LOG must be error, warn, info, debug or trace"))?;
        Ok(LogSettings {
            level,
            format: self.0.log_format,
            collector: checks::collector(&self.0)?,
        })
    }

    /// An owner role's connection, for migrations and administration.
    pub(crate) fn admin_target(&self) -> Result<store::Target, ConfigError> {
        target("ADMIN_DATABASE_URL", self.0.admin_database_url.as_ref(), &self.0)
    }

    /// A database that was named on the command line instead.
    pub(crate) fn target_of(&self, url: &str) -> Result<store::Target, ConfigError> {
        target("--database-url", Some(&Secret::from(url.to_owned())), &self.0)
    }

    /// The service's own login, if it is known: its password is set by `mako migrate`.
    pub(crate) fn login_target(&self) -> Result<Option<store::Target>, ConfigError> {
        self.0
            .database_url
            .as_ref()
            .map(|url| target("DATABASE_URL", Some(url), &self.0))
            .transpose()
    }

    /// `JWT_SECRET`, for minting tokens.
    pub(crate) fn jwt_secret(&self) -> Result<identity::HmacSecret, ConfigError> {
        match hmac_secret(self.0.jwt_secret.as_ref())? {
            Some(secret) => Ok(secret),
            None => refused(
                "JWT_SECRET is required to mint tokens: export the secret that your project signs with",
            ),
        }
    }

    /// `PREPARED_STATEMENTS`.
    pub(crate) fn prepared_statements(&self) -> Result<store::PreparedStatements, ConfigError> {
        prepared_statements(&self.0.prepared_statements)
    }

    /// `JWT_USER_CLAIM`.
    pub(crate) fn user_claim(&self) -> &str {
        &self.0.jwt_user_claim
    }

    /// `ENCRYPTION_KEY` and `ENCRYPTION_KEYS_RETIRED`.
    pub(crate) fn sealing(&self) -> Result<SealingKeys, ConfigError> {
        let raw = &self.0;
        sealing_keys(
            raw.encryption_key.as_ref().map(Secret::expose),
            raw.encryption_keys_retired.as_ref().map(Secret::expose),
            raw.jwt_secret.as_ref().map(Secret::expose),
            on_or_off("LEGACY_KEYS", &raw.legacy_keys)?,
        )
    }

    /// `LISTEN`.
    pub(crate) fn listen(&self) -> Result<SocketAddr, ConfigError> {
        self.0
            .listen
            .parse()
            .or_else(|_| refused("LISTEN must be an address such as 127.0.0.1:8080"))
    }

    /// `CORS_ALLOWED_ORIGINS`.
    fn cors_allowed_origins(&self) -> Result<Vec<String>, ConfigError> {
        origins(self.0.cors_allowed_origins.as_deref())
    }

    /// `RATE_LIMIT`.
    fn rate_limit(&self) -> Result<Option<Quota>, ConfigError> {
        Ok(self
            .0
            .rate_limit
            .as_deref()
            .map(rate_limit)
            .transpose()?
            .flatten())
    }

    /// `THIRD_PARTY_CLIENTS` and `REQUIRE_AAL2`.
    fn authorization(&self) -> Result<Authorization, ConfigError> {
        Ok(Authorization {
            trusted_clients: clients(self.0.third_party_clients.as_deref())?,
            aal2: groups("REQUIRE_AAL2", self.0.require_aal2.as_deref())?,
        })
    }

    /// `EVENTS_TO_LOOPBACK`.
    fn receiver_urls(&self) -> Result<ReceiverUrls, ConfigError> {
        let loopback = on_or_off("EVENTS_TO_LOOPBACK", &self.0.events_to_loopback)?;
        Ok(if loopback {
            ReceiverUrls::AlsoLoopback
        } else {
            ReceiverUrls::Public
        })
    }

    /// `SPOOL_DIR`.
    pub(crate) fn spool_dir(&self) -> Option<PathBuf> {
        self.0.spool_dir.clone()
    }

    /// `RELAY_BASE_URL_…`.
    fn relay_bases(&self) -> Result<HashMap<Service, Url>, ConfigError> {
        let named = self.0.relay_base_urls.iter().filter(|(_, url)| !url.is_empty());
        named
            .map(|(name, url)| match Service::of_setting(name) {
                Some(service) => {
                    let setting = format!("RELAY_BASE_URL_{}", name.to_uppercase());
                    Ok((service, relay_base(&setting, url)?))
                }
                None => refused(format!(
                    "RELAY_BASE_URL_{}: there is no service of that name",
                    name.to_uppercase()
                )),
            })
            .collect()
    }

    /// `OAUTH_<SERVICE>_…`.
    fn oauth_clients(&self) -> Result<HashMap<Service, OAuthClient>, ConfigError> {
        oauth_clients(&self.0)
    }

    /// `PROVIDERS_FILE`, before anything asks which services there are.
    fn add_providers(&self) -> Result<(), ConfigError> {
        let Some(file) = &self.0.providers_file else {
            return Ok(());
        };
        let toml = std::fs::read_to_string(file).or_else(|_| refused("PROVIDERS_FILE can't be read"))?;
        crate::relay::add_providers(&toml).or_else(|error| refused(format!("PROVIDERS_FILE: {error}")))
    }

    /// Everything that `mako serve` needs, or the first thing that is wrong.
    pub(crate) fn serve(&self) -> Result<Config, ConfigError> {
        let raw = &self.0;
        self.add_providers()?;
        if let Some(region) = &raw.phone_region
            && !crate::http::values::set_phone_region(region)
        {
            return refused("PHONE_REGION must be an ISO 3166 country code such as US");
        }
        let store = store_settings(raw)?;
        let request_timeout = duration("REQUEST_TIMEOUT", &raw.request_timeout)?;
        if store.statement_timeout >= request_timeout {
            return refused(
                "STATEMENT_TIMEOUT must be shorter than REQUEST_TIMEOUT, or a stopped request leaves its statement running",
            );
        }
        if raw.body_limit == 0 {
            return refused("BODY_LIMIT must be at least 1");
        }
        if raw.max_connections == 0 || raw.max_connections_per_address == Some(0) {
            return refused("MAX_CONNECTIONS and MAX_CONNECTIONS_PER_ADDRESS must be at least 1");
        }
        Ok(Config {
            target: target("DATABASE_URL", raw.database_url.as_ref(), raw)?,
            store,
            replica: replica(raw)?,
            listen: self.listen()?,
            public_base_url: raw.public_base_url.as_deref().map(base_url).transpose()?,
            auth: auth(raw)?,
            authorization: self.authorization()?,
            cors_allowed_origins: self.cors_allowed_origins()?,
            rate_limit: self.rate_limit()?,
            body_limit: raw.body_limit,
            request_timeout,
            max_connections: raw.max_connections,
            max_connections_per_address: raw.max_connections_per_address.unwrap_or(raw.max_connections),
            drain_time: drain_time(&raw.drain_time)?,
            sealing: self.sealing()?,
            relay_bases: self.relay_bases()?,
            oauth_clients: self.oauth_clients()?,
            webhooks: inbound(raw)?,
            receiver_urls: self.receiver_urls()?,
        })
    }
}

#[cfg(test)]
mod tests;
