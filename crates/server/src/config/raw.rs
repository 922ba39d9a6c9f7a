//! Reads settings as they were given: the environment, files that it names, and `mako.toml` beneath.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;

use config::{Config as Layers, File, FileFormat, Map, Source as _, Value, ValueKind};
use serde::Deserialize;

use super::{ConfigError, LogFormat, Secret, refused};

/// The names of the contract, in lower case as in `mako.toml`. In the environment they are upper-case,
/// and any may be given as `NAME_FILE` instead: the path of a file that holds the value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSettings {
    pub(super) database_url: Option<Secret>,
    pub(super) database_ca_file: Option<PathBuf>,
    pub(super) admin_database_url: Option<Secret>,
    #[serde(default = "default_listen")]
    pub(super) listen: String,
    pub(super) public_base_url: Option<String>,
    pub(super) jwt_secret: Option<Secret>,
    pub(super) jwks_url: Option<String>,
    pub(super) jwt_audience: Option<String>,
    pub(super) jwt_issuer: Option<String>,
    #[serde(default = "default_user_claim")]
    pub(super) jwt_user_claim: String,
    #[serde(default = "default_jwt_size_limit")]
    pub(super) jwt_size_limit: usize,
    pub(super) auth_cookie: Option<String>,
    pub(super) third_party_clients: Option<String>,
    pub(super) require_aal2: Option<String>,
    pub(super) encryption_key: Option<Secret>,
    pub(super) encryption_keys_retired: Option<Secret>,
    #[serde(default = "default_on")]
    pub(super) legacy_keys: String,
    pub(super) twilio_auth_token: Option<Secret>,
    pub(super) vapi_secret: Option<Secret>,
    pub(super) make_api_key: Option<Secret>,
    pub(super) cors_allowed_origins: Option<String>,
    #[serde(default = "default_on")]
    pub(super) prepared_statements: String,
    pub(super) spool_dir: Option<PathBuf>,
    pub(super) retention_days: Option<u32>,
    #[serde(default = "default_pool_size")]
    pub(super) pool_size: usize,
    #[serde(default = "default_statement_timeout")]
    pub(super) statement_timeout: String,
    #[serde(default = "default_body_limit")]
    pub(super) body_limit: usize,
    #[serde(default = "default_request_timeout")]
    pub(super) request_timeout: String,
    #[serde(default = "default_max_connections")]
    pub(super) max_connections: usize,
    pub(super) max_connections_per_address: Option<usize>,
    #[serde(default = "default_drain_time")]
    pub(super) drain_time: String,
    #[serde(default = "default_log")]
    pub(super) log: String,
    #[serde(default)]
    pub(super) log_format: LogFormat,
    pub(super) phone_region: Option<String>,
    pub(super) providers_file: Option<PathBuf>,
    /// `RELAY_BASE_URL_<SERVICE>`, by the name in the setting.
    #[serde(default)]
    pub(super) relay_base_urls: BTreeMap<String, String>,
}

/// `NAME`, and for paths whose own name ends in `_file` no `NAME_FILE`.
pub(super) const NAMES: &[&str] = &[
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
    "jwt_size_limit",
    "auth_cookie",
    "third_party_clients",
    "require_aal2",
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
    "max_connections",
    "max_connections_per_address",
    "drain_time",
    "log",
    "log_format",
    "phone_region",
    "providers_file",
];

/// There is one of these settings for each service of the table.
const RELAY_BASE_URL: &str = "relay_base_url_";

impl RawSettings {
    /// `vars` go before what `mako.toml` says.
    pub(super) fn read(toml: Option<&str>, vars: &HashMap<String, String>) -> Result<Self, ConfigError> {
        let mut builder = Layers::builder();
        let mut relay_base_urls = Map::new();
        for (name, value) in toml.map(filed).transpose()?.unwrap_or_default() {
            if let Some(service) = name.strip_prefix(RELAY_BASE_URL) {
                relay_base_urls.insert(service.to_owned(), value);
                continue;
            }
            builder = builder
                .set_default(&name, value)
                .or_else(|_| refused("mako.toml has a key with an unusual name"))?;
        }
        for (name, value) in named(vars)? {
            builder = builder
                .set_override(name, Value::new(None, ValueKind::String(value)))
                .or_else(|_| refused(format!("{}: can't be used", name.to_uppercase())))?;
        }
        for (name, value) in vars {
            if let Some(service) = name.to_lowercase().strip_prefix(RELAY_BASE_URL) {
                relay_base_urls.insert(service.to_owned(), value.clone().into());
            }
        }
        let builder = builder.set_override("relay_base_urls", relay_base_urls);
        let layers = builder.map_err(|error| ConfigError(describe(&error)))?;
        let source = layers.build().map_err(|error| ConfigError(describe(&error)))?;
        source
            .try_deserialize()
            .map_err(|error| ConfigError(describe(&error)))
    }
}

/// The variables that can be ours. Others may hold anything; one of ours that isn't UTF-8 is a mistake.
pub(super) fn variables(
    vars: impl Iterator<Item = (OsString, OsString)>,
) -> Result<HashMap<String, String>, ConfigError> {
    let mut known = HashMap::new();
    for (name, value) in vars {
        let Ok(name) = name.into_string() else { continue };
        let lower = name.to_lowercase();
        let by_file = lower.strip_suffix("_file").unwrap_or(&lower);
        let is_ours = [by_file, &lower].iter().any(|name| NAMES.contains(name));
        if !is_ours && !lower.starts_with(RELAY_BASE_URL) {
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
fn filed(toml: &str) -> Result<Map<String, Value>, ConfigError> {
    let mut keys = File::from_str(toml, FileFormat::Toml)
        .collect()
        .map_err(|error| ConfigError(describe(&error)))?;
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
fn contents(name: &str, path: &str) -> Result<String, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(_) => refused(format!("the file that {name} names can't be read")),
    }
}

/// The known names among the variables; `NAME_FILE` is read and its final line break cut.
fn named(vars: &HashMap<String, String>) -> Result<Map<&'static str, String>, ConfigError> {
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

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_user_claim() -> String {
    "sub".to_owned()
}

fn default_jwt_size_limit() -> usize {
    identity::SIZE_LIMIT
}

fn default_on() -> String {
    "on".to_owned()
}

pub(super) fn default_pool_size() -> usize {
    16
}

fn default_statement_timeout() -> String {
    "8s".to_owned()
}

/// Room for an import of 5,000 contacts.
pub(super) fn default_body_limit() -> usize {
    8 * 1024 * 1024
}

fn default_request_timeout() -> String {
    "15s".to_owned()
}

pub(super) fn default_max_connections() -> usize {
    1_024
}

fn default_drain_time() -> String {
    "5s".to_owned()
}

fn default_log() -> String {
    "info".to_owned()
}
