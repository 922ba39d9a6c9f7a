//! What was the service told? Environment and `mako.toml`, checked as a whole before anything starts.
//!
//! The only place that reads the environment. Every refusal names the setting and the fix, never the value.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use config::{Config as Layers, File, FileFormat, Map, Source as _, Value, ValueKind};
use reqwest::Url;
use seal::{KeyRing, MasterKey, SecretText};
use serde::Deserialize;
use store::SealingKeys;
use webhooks::Source;
use zeroize::Zeroizing;

use crate::relay::Service;

/// A setting that must not be seen: no `Debug`, no `Display`, no `Serialize`.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl Secret {
    /// The value itself, for the one call that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// A setting that can't be used; the text names it and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(String);

fn refused<T>(text: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(text.into()))
}

/// The names of the contract, in lower case as in `mako.toml`. In the environment they are upper-case,
/// and any may be given as `NAME_FILE` instead: the path of a file that holds the value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    database_url: Option<Secret>,
    database_ca_file: Option<PathBuf>,
    admin_database_url: Option<Secret>,
    #[serde(default = "default_listen")]
    listen: String,
    public_base_url: Option<String>,
    jwt_secret: Option<Secret>,
    jwks_url: Option<String>,
    jwt_audience: Option<String>,
    jwt_issuer: Option<String>,
    #[serde(default = "default_user_claim")]
    jwt_user_claim: String,
    auth_cookie: Option<String>,
    encryption_key: Option<Secret>,
    encryption_keys_retired: Option<Secret>,
    #[serde(default = "default_on")]
    legacy_keys: String,
    twilio_auth_token: Option<Secret>,
    vapi_secret: Option<Secret>,
    make_api_key: Option<Secret>,
    cors_allowed_origins: Option<String>,
    #[serde(default = "default_on")]
    prepared_statements: String,
    spool_dir: Option<PathBuf>,
    retention_days: Option<u32>,
    #[serde(default = "default_pool_size")]
    pool_size: usize,
    #[serde(default = "default_statement_timeout")]
    statement_timeout: String,
    #[serde(default = "default_body_limit")]
    body_limit: usize,
    #[serde(default = "default_request_timeout")]
    request_timeout: String,
    #[serde(default = "default_log")]
    log: String,
    #[serde(default)]
    log_format: LogFormat,
    phone_region: Option<String>,
    relay_base_url_vapi: Option<String>,
    relay_base_url_twilio: Option<String>,
    relay_base_url_make: Option<String>,
    relay_base_url_hubspot: Option<String>,
    relay_base_url_salesforce: Option<String>,
    relay_base_url_pipedrive: Option<String>,
    relay_base_url_zoho: Option<String>,
    relay_base_url_monday: Option<String>,
}

/// `NAME`, and for paths whose own name ends in `_file` no `NAME_FILE`.
const NAMES: &[&str] = &[
    "database_url",
    "database_ca_file",
    "admin_database_url",
    "listen",
    "public_base_url",
    "jwt_secret",
    "jwks_url",
    "jwt_audience",
    "jwt_issuer",
    "jwt_user_claim",
    "auth_cookie",
    "encryption_key",
    "encryption_keys_retired",
    "legacy_keys",
    "twilio_auth_token",
    "vapi_secret",
    "make_api_key",
    "cors_allowed_origins",
    "prepared_statements",
    "spool_dir",
    "retention_days",
    "pool_size",
    "statement_timeout",
    "body_limit",
    "request_timeout",
    "log",
    "log_format",
    "phone_region",
    "relay_base_url_vapi",
    "relay_base_url_twilio",
    "relay_base_url_make",
    "relay_base_url_hubspot",
    "relay_base_url_salesforce",
    "relay_base_url_pipedrive",
    "relay_base_url_zoho",
    "relay_base_url_monday",
];

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}

/// Where log lines go and how many.
pub(crate) struct Log {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
}

/// What `mako serve` runs on.
pub(crate) struct Config {
    pub(crate) target: store::Target,
    pub(crate) store: store::Settings,
    pub(crate) listen: SocketAddr,
    pub(crate) public_base_url: Option<String>,
    pub(crate) auth: Auth,
    pub(crate) cors_allowed_origins: Vec<String>,
    pub(crate) body_limit: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) sealing: SealingKeys,
    pub(crate) relay_bases: HashMap<Service, Url>,
    pub(crate) webhooks: Webhooks,
}

/// How deliveries are verified on the platform's addresses, where they wait, and for how long they are kept.
#[derive(Default)]
pub(crate) struct Webhooks {
    pub(crate) secrets: HashMap<Source, Vec<webhooks::Secret>>,
    pub(crate) spool_dir: Option<PathBuf>,
    pub(crate) retention_days: i32,
}

/// How tokens are verified.
pub(crate) struct Auth {
    pub(crate) verifier: identity::Settings,
    pub(crate) jwks_url: Option<String>,
    pub(crate) cookie: Option<String>,
}

impl Config {
    /// The service's defaults around a private database: `mako dev`.
    pub(crate) fn for_development(
        target: store::Target,
        listen: SocketAddr,
        auth: Auth,
        sealing: SealingKeys,
        relay_bases: HashMap<Service, Url>,
        webhooks: Webhooks,
    ) -> Self {
        Self {
            target,
            store: store::Settings {
                pool_size: default_pool_size(),
                statement_timeout: Duration::from_secs(8),
                prepared_statements: true,
            },
            listen,
            public_base_url: None,
            auth,
            cors_allowed_origins: Vec::new(),
            body_limit: default_body_limit(),
            request_timeout: Duration::from_secs(15),
            sealing,
            relay_bases,
            webhooks,
        }
    }
}

/// The environment as it was at start-up, and `mako.toml` beneath it.
pub(crate) struct Environment(Given);

impl Environment {
    /// Reads the process's environment and `./mako.toml`, if there is one.
    pub(crate) fn read() -> Result<Self, Refused> {
        let toml = match std::fs::read_to_string("mako.toml") {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => return refused("mako.toml is there but can't be read"),
        };
        Self::from_parts(toml.as_deref(), &variables(std::env::vars_os())?)
    }

    fn from_parts(toml: Option<&str>, vars: &HashMap<String, String>) -> Result<Self, Refused> {
        let mut builder = Layers::builder();
        for (name, value) in toml.map(filed).transpose()?.unwrap_or_default() {
            builder = builder
                .set_default(&name, value)
                .or_else(|_| refused("mako.toml has a key with an unusual name"))?;
        }
        for (name, value) in named(vars)? {
            builder = builder
                .set_override(name, Value::new(None, ValueKind::String(value)))
                .or_else(|_| refused(format!("{}: can't be used", name.to_uppercase())))?;
        }
        let source = builder.build().map_err(|error| Refused(describe(&error)))?;
        source
            .try_deserialize()
            .map(Self)
            .map_err(|error| Refused(describe(&error)))
    }

    /// What the log needs, before anything else.
    pub(crate) fn log(&self) -> Result<Log, Refused> {
        let level = self
            .0
            .log
            .parse()
            .or_else(|_| refused("LOG must be error, warn, info, debug or trace"))?;
        Ok(Log {
            level,
            format: self.0.log_format,
        })
    }

    /// An owner role's connection, for migrations and administration.
    pub(crate) fn admin_target(&self) -> Result<store::Target, Refused> {
        target("ADMIN_DATABASE_URL", self.0.admin_database_url.as_ref(), &self.0)
    }

    /// A database that was named on the command line instead.
    pub(crate) fn target_of(&self, url: &str) -> Result<store::Target, Refused> {
        target("--database-url", Some(&Secret::from(url.to_owned())), &self.0)
    }

    /// The service's own login, if it is known: its password is set by `mako migrate`.
    pub(crate) fn login_target(&self) -> Result<Option<store::Target>, Refused> {
        self.0
            .database_url
            .as_ref()
            .map(|url| target("DATABASE_URL", Some(url), &self.0))
            .transpose()
    }

    /// `JWT_SECRET`, for minting tokens.
    pub(crate) fn jwt_secret(&self) -> Result<identity::HmacSecret, Refused> {
        match hmac_secret(self.0.jwt_secret.as_ref())? {
            Some(secret) => Ok(secret),
            None => refused(
                "JWT_SECRET is required to mint tokens: export the secret that your project signs with",
            ),
        }
    }

    /// `PREPARED_STATEMENTS`.
    pub(crate) fn prepared_statements(&self) -> Result<bool, Refused> {
        on_or_off("PREPARED_STATEMENTS", &self.0.prepared_statements)
    }

    /// `JWT_USER_CLAIM`.
    pub(crate) fn user_claim(&self) -> &str {
        &self.0.jwt_user_claim
    }

    /// `ENCRYPTION_KEY` and `ENCRYPTION_KEYS_RETIRED`.
    pub(crate) fn sealing(&self) -> Result<SealingKeys, Refused> {
        let given = &self.0;
        sealing_keys(
            given.encryption_key.as_ref().map(Secret::expose),
            given.encryption_keys_retired.as_ref().map(Secret::expose),
            given.jwt_secret.as_ref().map(Secret::expose),
            on_or_off("LEGACY_KEYS", &given.legacy_keys)?,
        )
    }

    /// `LISTEN`.
    pub(crate) fn listen(&self) -> Result<SocketAddr, Refused> {
        self.0
            .listen
            .parse()
            .or_else(|_| refused("LISTEN must be an address such as 127.0.0.1:8080"))
    }

    /// `SPOOL_DIR`.
    pub(crate) fn spool_dir(&self) -> Option<PathBuf> {
        self.0.spool_dir.clone()
    }

    /// `RELAY_BASE_URL_…`.
    pub(crate) fn relay_bases(&self) -> Result<HashMap<Service, Url>, Refused> {
        let given = &self.0;
        let named = [
            (Service::Vapi, &given.relay_base_url_vapi),
            (Service::Twilio, &given.relay_base_url_twilio),
            (Service::Make, &given.relay_base_url_make),
            (Service::Hubspot, &given.relay_base_url_hubspot),
            (Service::Salesforce, &given.relay_base_url_salesforce),
            (Service::Pipedrive, &given.relay_base_url_pipedrive),
            (Service::Zoho, &given.relay_base_url_zoho),
            (Service::Monday, &given.relay_base_url_monday),
        ];
        named
            .into_iter()
            .filter_map(|(service, url)| Some((service, url.as_deref()?)))
            .map(|(service, url)| Ok((service, relay_base(service, url)?)))
            .collect()
    }

    /// Everything that `mako serve` needs, or the first thing that is wrong.
    pub(crate) fn serve(&self) -> Result<Config, Refused> {
        let given = &self.0;
        if let Some(region) = &given.phone_region
            && !crate::http::values::set_phone_region(region)
        {
            return refused("PHONE_REGION must be an ISO 3166 country code such as US");
        }
        let statement_timeout = duration("STATEMENT_TIMEOUT", &given.statement_timeout)?;
        let request_timeout = duration("REQUEST_TIMEOUT", &given.request_timeout)?;
        if statement_timeout >= request_timeout {
            return refused(
                "STATEMENT_TIMEOUT must be shorter than REQUEST_TIMEOUT, or a stopped request leaves its statement running",
            );
        }
        if !(1..=MOST_CONNECTIONS).contains(&given.pool_size) {
            return refused(format!("POOL_SIZE must be 1 to {MOST_CONNECTIONS}"));
        }
        if given.body_limit == 0 {
            return refused("BODY_LIMIT must be at least 1");
        }
        Ok(Config {
            target: target("DATABASE_URL", given.database_url.as_ref(), given)?,
            store: store::Settings {
                pool_size: given.pool_size,
                statement_timeout,
                prepared_statements: self.prepared_statements()?,
            },
            listen: self.listen()?,
            public_base_url: given.public_base_url.as_deref().map(base_url).transpose()?,
            auth: auth(given)?,
            cors_allowed_origins: origins(given.cors_allowed_origins.as_deref())?,
            body_limit: given.body_limit,
            request_timeout,
            sealing: self.sealing()?,
            relay_bases: self.relay_bases()?,
            webhooks: inbound(given)?,
        })
    }
}

/// The variables that can be ours. Others may hold anything; one of ours that isn't UTF-8 is a mistake.
fn variables(vars: impl Iterator<Item = (OsString, OsString)>) -> Result<HashMap<String, String>, Refused> {
    let mut known = HashMap::new();
    for (name, value) in vars {
        let Ok(name) = name.into_string() else { continue };
        let lower = name.to_lowercase();
        if !NAMES.contains(&lower.strip_suffix("_file").unwrap_or(&lower)) && !NAMES.contains(&lower.as_str())
        {
            continue;
        }
        match value.into_string() {
            Ok(value) => known.insert(name, value),
            Err(_) => return refused(format!("{name} is not UTF-8")),
        };
    }
    Ok(known)
}

/// The keys of `mako.toml`; for `name_file` what that file holds, as `name`.
fn filed(toml: &str) -> Result<Map<String, Value>, Refused> {
    let mut keys = File::from_str(toml, FileFormat::Toml)
        .collect()
        .map_err(|error| Refused(describe(&error)))?;
    for name in NAMES {
        let by_file = format!("{name}_file");
        if NAMES.contains(&by_file.as_str()) {
            continue;
        }
        let Some(path) = keys.remove(&by_file) else {
            continue;
        };
        if keys.contains_key(*name) {
            return refused(format!(
                "mako.toml: {name} and {by_file} are both set; remove one"
            ));
        }
        let path = path
            .into_string()
            .or_else(|_| refused(format!("mako.toml: {by_file} must be the path of a file")))?;
        let value = Value::new(None, ValueKind::String(contents(&by_file, &path)?));
        keys.insert((*name).to_owned(), value);
    }
    Ok(keys)
}

/// What a file holds, without its final line break.
fn contents(name: &str, path: &str) -> Result<String, Refused> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(_) => refused(format!("the file that {name} names can't be read")),
    }
}

/// More than any Postgres has; each takes memory here as well.
const MOST_CONNECTIONS: usize = 1_000;

/// The known names among the variables; `NAME_FILE` is read and its final line break cut.
fn named(vars: &HashMap<String, String>) -> Result<Map<&'static str, String>, Refused> {
    let mut values = Map::new();
    for name in NAMES {
        let upper = name.to_uppercase();
        let direct = vars.get(&upper).filter(|value| !value.is_empty());
        let file = vars.get(&format!("{upper}_FILE")).filter(|path| !path.is_empty());
        let value = match (direct, file) {
            (Some(_), Some(_)) => {
                return refused(format!("{upper} and {upper}_FILE are both set; unset one"));
            }
            (Some(value), None) => value.clone(),
            (None, Some(path)) => contents(&format!("{upper}_FILE"), path)?,
            (None, None) => continue,
        };
        // A file without content is as good as none: where secrets are mounted, one of them may not be there yet.
        if value.is_empty() {
            continue;
        }
        values.insert(*name, value);
    }
    Ok(values)
}

/// The setting and the kind of mistake; a TOML error would quote the line, secret included.
fn describe(error: &config::ConfigError) -> String {
    use config::ConfigError as E;
    match error {
        E::FileParse { .. } => "mako.toml is not valid TOML".to_owned(),
        E::Type {
            key: Some(key),
            expected,
            ..
        } => format!("{}: expected {expected}", key.to_uppercase()),
        E::At {
            error,
            key: Some(key),
            ..
        } => format!("{}: {}", key.to_uppercase(), describe(error)),
        E::At { error, .. } => describe(error),
        // serde's own texts name fields and variants, which are ours: "unknown field `x`, expected …".
        E::Message(text) if text.starts_with("unknown field") || text.starts_with("missing field") => {
            format!("mako.toml: {text}")
        }
        _ => "a setting has the wrong type".to_owned(),
    }
}

fn target(name: &str, url: Option<&Secret>, given: &Given) -> Result<store::Target, Refused> {
    let Some(url) = url else {
        return refused(format!(
            "{name} is required: postgres://user:password@host:5432/database"
        ));
    };
    store::Target::parse(url.expose(), given.database_ca_file.as_deref())
        .or_else(|error| refused(format!("{name}: {error}")))
}

fn auth(given: &Given) -> Result<Auth, Refused> {
    if given.jwt_secret.is_none() && given.jwks_url.is_none() {
        return refused(
            "JWT_SECRET (HS256) or JWKS_URL (ES256, RS256) is required. Supabase shows the secret under \
             Project Settings > JWT Keys; the keys are at https://<ref>.supabase.co/auth/v1/.well-known/jwks.json",
        );
    }
    if let Some(url) = &given.jwks_url {
        let url = Url::parse(url).or_else(|_| refused("JWKS_URL is not a URL"))?;
        let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(local && url.scheme() == "http") {
            return refused("JWKS_URL must be https: whoever answers it decides who everybody is");
        }
    }
    Ok(Auth {
        verifier: identity::Settings {
            secret: hmac_secret(given.jwt_secret.as_ref())?,
            audience: given.jwt_audience.clone(),
            issuer: given.jwt_issuer.clone(),
            user_claim: given.jwt_user_claim.clone(),
        },
        jwks_url: given.jwks_url.clone(),
        cookie: given.auth_cookie.clone(),
    })
}

fn hmac_secret(secret: Option<&Secret>) -> Result<Option<identity::HmacSecret>, Refused> {
    secret
        .map(|secret| identity::HmacSecret::new(secret.expose().to_owned()))
        .transpose()
        .or_else(|_| {
            refused("JWT_SECRET must be at least 32 bytes: a shorter one can be guessed from any token")
        })
}

/// The keys that seal `api_keys`: the current one and the retired ones. Nothing runs without a sound one.
pub(crate) fn sealing_keys(
    current: Option<&str>,
    retired: Option<&str>,
    jwt_secret: Option<&str>,
    legacy: bool,
) -> Result<SealingKeys, Refused> {
    let Some(current) = current else {
        return refused(
            "ENCRYPTION_KEY environment variable is required: make one with `openssl rand -hex 32` \
             or `mako keys generate`",
        );
    };
    let retired: Vec<&str> = retired
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .collect();
    let master = |name: &str, text: &str| {
        if jwt_secret.is_some_and(|secret| secret.eq_ignore_ascii_case(text)) {
            return refused(format!(
                "{name} must not be JWT_SECRET, or whoever signs tokens can open keys: make another with `openssl rand -hex 32`"
            ));
        }
        MasterKey::from_hex(text).or_else(|weak| {
            refused(format!(
                "{name} can't be used: {weak}; make another with `openssl rand -hex 32`"
            ))
        })
    };
    let ring = KeyRing::new(
        master("ENCRYPTION_KEY", current)?,
        retired
            .iter()
            .map(|text| master("ENCRYPTION_KEYS_RETIRED", text))
            .collect::<Result<_, _>>()?,
    )
    .or_else(|error| refused(format!("ENCRYPTION_KEYS_RETIRED: {error}")))?;
    // The CRM's own sealing used the text of the key as a password. It bound a value to nobody: once all are taken
    // over, LEGACY_KEYS=off keeps whoever can write the table from moving an old one to another user.
    let passwords = std::iter::once(current)
        .chain(retired)
        .filter(|_| legacy)
        .map(|text| SecretText::new(text.to_owned()));
    Ok(SealingKeys::new(ring, passwords.collect()))
}

/// A provider's address in place of the table's.
fn relay_base(service: Service, url: &str) -> Result<Url, Refused> {
    let name = service.name().to_uppercase();
    let parsed = Url::parse(url).or_else(|_| {
        refused(format!(
            "RELAY_BASE_URL_{name} must be a URL such as https://api.example.com"
        ))
    })?;
    let local = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if parsed.scheme() != "https" && !(local && parsed.scheme() == "http") {
        return refused(format!(
            "RELAY_BASE_URL_{name} must be https, or on this machine: tenants' keys are sent there"
        ));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() || !parsed.username().is_empty() {
        return refused(format!(
            "RELAY_BASE_URL_{name} must have neither user, query nor fragment"
        ));
    }
    Ok(parsed)
}

fn inbound(given: &Given) -> Result<Webhooks, Refused> {
    if given.twilio_auth_token.is_some() && given.public_base_url.is_none() {
        return refused(
            "PUBLIC_BASE_URL is required with TWILIO_AUTH_TOKEN: Twilio signs the address that it was told, such as https://api.example.com",
        );
    }
    let retention_days = given.retention_days.unwrap_or(RETENTION_DAYS);
    Ok(Webhooks {
        secrets: platform_secrets([
            (
                Source::Twilio,
                "TWILIO_AUTH_TOKEN",
                given.twilio_auth_token.as_ref().map(Secret::expose),
            ),
            (
                Source::Vapi,
                "VAPI_SECRET",
                given.vapi_secret.as_ref().map(Secret::expose),
            ),
            (
                Source::Make,
                "MAKE_API_KEY",
                given.make_api_key.as_ref().map(Secret::expose),
            ),
        ])?,
        spool_dir: given.spool_dir.clone(),
        retention_days: match i32::try_from(retention_days) {
            Ok(days) if (1..=36_500).contains(&days) => days,
            _ => return refused("RETENTION_DAYS must be 1 to 36500"),
        },
    })
}

/// The secrets of each source's platform address; each may be a comma-separated list.
pub(crate) fn platform_secrets(
    given: [(Source, &str, Option<&str>); 3],
) -> Result<HashMap<Source, Vec<webhooks::Secret>>, Refused> {
    let named = given
        .into_iter()
        .filter_map(|(source, name, text)| Some((source, name, text?)));
    named
        .map(|(source, name, text)| match webhooks::Secret::list(text) {
            Ok(secrets) => Ok((source, secrets)),
            Err(error) => refused(format!("{name} can't be used: {error}")),
        })
        .collect()
}

/// After so many days payloads of webhook events are emptied.
pub(crate) const RETENTION_DAYS: u32 = 90;

fn on_or_off(name: &str, value: &str) -> Result<bool, Refused> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => refused(format!("{name} must be on or off")),
    }
}

fn duration(name: &str, value: &str) -> Result<Duration, Refused> {
    match humantime::parse_duration(value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => refused(format!("{name} must be a time span such as 8s or 500ms")),
    }
}

/// Without a trailing slash, so that paths can be appended.
fn base_url(url: &str) -> Result<String, Refused> {
    match Url::parse(url) {
        Ok(parsed)
            if matches!(parsed.scheme(), "http" | "https")
                && parsed.query().is_none()
                && parsed.fragment().is_none() =>
        {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => refused(
            "PUBLIC_BASE_URL must be a URL such as https://api.example.com, without query or fragment",
        ),
    }
}

fn origins(list: Option<&str>) -> Result<Vec<String>, Refused> {
    let listed = list
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty());
    listed
        .map(|origin| match Url::parse(origin) {
            Ok(url) if url.origin().ascii_serialization() == origin.trim_end_matches('/') => {
                Ok(url.origin().ascii_serialization())
            }
            _ => refused("CORS_ALLOWED_ORIGINS must be origins such as https://app.example.com, comma-separated; * is not one"),
        })
        .collect()
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_user_claim() -> String {
    "sub".to_owned()
}

fn default_on() -> String {
    "on".to_owned()
}

fn default_pool_size() -> usize {
    16
}

fn default_statement_timeout() -> String {
    "8s".to_owned()
}

/// Room for an import of 5,000 contacts.
fn default_body_limit() -> usize {
    8 * 1024 * 1024
}

fn default_request_timeout() -> String {
    "15s".to_owned()
}

fn default_log() -> String {
    "info".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "5ea1ed0000112233445566778899aabbccddeeff00112233445566778899aabb";

    fn vars(changes: &[(&str, &str)]) -> HashMap<String, String> {
        let sound = [
            ("DATABASE_URL", "postgres://mako:pw@127.0.0.1/mako"),
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            ("ENCRYPTION_KEY", KEY),
        ];
        sound
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn refusal(toml: Option<&str>, changes: &[(&str, &str)]) -> String {
        Environment::from_parts(toml, &vars(changes))
            .and_then(|e| e.serve().map(drop))
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_sound_environment_is_accepted() {
        assert_eq!(refusal(None, &[]), "");
        assert_eq!(
            refusal(
                Some("pool_size = 4\nlog_format = \"json\""),
                &[("STATEMENT_TIMEOUT", "2s")]
            ),
            ""
        );
    }

    #[test]
    fn a_secret_of_digits_stays_a_text() {
        assert_eq!(
            refusal(None, &[("JWT_SECRET", "01234567890123456789012345678901")]),
            ""
        );
    }

    #[test]
    fn unsafe_settings_are_refused_with_the_fix() {
        for (name, value, fix) in [
            (
                "DATABASE_URL",
                "postgres://mako:pw@db.example.com/mako",
                "sslmode=verify-full",
            ),
            ("JWT_SECRET", "short", "at least 32 bytes"),
            ("JWKS_URL", "http://example.com/keys", "https"),
            (
                "ENCRYPTION_KEY",
                "",
                "ENCRYPTION_KEY environment variable is required",
            ),
            ("ENCRYPTION_KEY", "xyz", "openssl rand -hex 32"),
            (
                "ENCRYPTION_KEY",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "openssl rand -hex 32",
            ),
            (
                "ENCRYPTION_KEY",
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                "openssl rand -hex 32",
            ),
            (
                "JWT_SECRET",
                "5EA1ED0000112233445566778899AABBCCDDEEFF00112233445566778899AABB",
                "must not be JWT_SECRET",
            ),
            ("ENCRYPTION_KEYS_RETIRED", KEY, "ENCRYPTION_KEYS_RETIRED"),
            ("ENCRYPTION_KEYS_RETIRED", "short", "ENCRYPTION_KEYS_RETIRED"),
            ("RELAY_BASE_URL_VAPI", "http://example.com", "https"),
            ("RELAY_BASE_URL_TWILIO", "https://u:p@example.com", "neither user"),
            ("STATEMENT_TIMEOUT", "1m", "shorter than REQUEST_TIMEOUT"),
            ("PREPARED_STATEMENTS", "maybe", "on or off"),
            ("CORS_ALLOWED_ORIGINS", "*", "origins such as"),
            ("POOL_SIZE", "many", "POOL_SIZE"),
            ("POOL_SIZE", "0", "POOL_SIZE must be 1 to 1000"),
            ("POOL_SIZE", "100000000000", "POOL_SIZE must be 1 to 1000"),
            ("LISTEN", "nowhere", "127.0.0.1:8080"),
            ("PUBLIC_BASE_URL", "ftp://x", "https://api.example.com"),
        ] {
            assert!(
                refusal(None, &[(name, value)]).contains(fix),
                "{name}: {}",
                refusal(None, &[(name, value)])
            );
        }
    }

    #[test]
    fn help_names_every_setting() {
        for name in NAMES.iter().filter(|name| !name.starts_with("relay_base_url_")) {
            let name = name.to_uppercase();
            assert!(crate::cli::SETTINGS.contains(&name), "{name}");
        }
    }

    #[test]
    fn unknown_keys_of_the_file_are_refused_by_name_and_nothing_is_quoted() {
        assert!(refusal(Some("databse_url = \"postgres://x:s3cret@h/x\""), &[]).contains("databse_url"));
        for toml in [
            "databse_url = \"s3cret\"",
            "jwt_secret = \"s3cret",
            "pool_size = \"s3cret\"",
            "log_format = \"s3cret\"",
        ] {
            let text = refusal(Some(toml), &[]);
            assert!(!text.is_empty() && !text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_not_utf_8_matters_only_if_it_is_ours() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = || OsString::from_vec(vec![b'x', 0xff]);
        let all = [
            (odd(), odd()),
            ("OTHER".into(), odd()),
            ("POOL_SIZE".into(), "4".into()),
        ];
        let known = variables(all.into_iter()).unwrap_or_default();
        assert_eq!(known, HashMap::from([("POOL_SIZE".to_owned(), "4".to_owned())]));
        let refused = variables([("JWT_SECRET_FILE".into(), odd())].into_iter());
        assert_eq!(
            refused.err().map(|error| error.to_string()).as_deref(),
            Some("JWT_SECRET_FILE is not UTF-8")
        );
    }

    #[test]
    fn a_value_may_come_from_a_file_but_not_from_two_places() {
        let file = std::env::temp_dir().join(format!("mako-config-{}", std::process::id()));
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        let path = file.to_str().unwrap();
        assert_eq!(
            refusal(None, &[("JWT_SECRET", ""), ("JWT_SECRET_FILE", path)]),
            ""
        );
        assert!(refusal(None, &[("JWT_SECRET_FILE", path)]).contains("unset one"));
        let toml = format!("jwt_secret_file = \"{path}\"");
        assert_eq!(refusal(Some(&toml), &[("JWT_SECRET", "")]), "");
        let both = format!("{toml}\njwt_secret = \"s3cret\"");
        let text = refusal(Some(&both), &[]);
        assert!(text.contains("remove one") && !text.contains("s3cret"), "{text}");
        let missing = refusal(Some("jwt_secret_file = \"/nowhere\""), &[]);
        assert!(missing.contains("jwt_secret_file"), "{missing}");
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(refusal(None, &[("VAPI_SECRET_FILE", path)]), "");
        std::fs::remove_file(file).unwrap();
    }
}
