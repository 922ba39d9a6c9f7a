//! Checks settings. Each check names the setting and the fix, never the value.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;
use seal::{KeyRing, MasterKey, SecretText};
use store::{PreparedStatements, SealingKeys};
use webhooks::Source;

use super::error::{ConfigError, refused};
use super::settings::RawSettings;
use super::value::Secret;
use super::{AuthSettings, WebhookSettings};
use crate::http::groups::GROUPS;
use crate::http::user_limits::Quota;

pub(super) fn target(
    name: &str,
    url: Option<&Secret>,
    raw: &RawSettings,
) -> Result<store::Target, ConfigError> {
    let Some(url) = url else {
        return refused(format!(
            "{name} is required: postgres://user:password@host:5432/database"
        ));
    };
    store::Target::parse(url.expose(), raw.database_ca_file.as_deref())
        .or_else(|error| refused(format!("{name}: {error}")))
}

/// More than any Postgres has; each takes memory here as well.
const MOST_CONNECTIONS: usize = 1_000;

pub(super) fn store_settings(raw: &RawSettings) -> Result<store::StoreSettings, ConfigError> {
    if !(1..=MOST_CONNECTIONS).contains(&raw.pool_size) {
        return refused(format!("POOL_SIZE must be 1 to {MOST_CONNECTIONS}"));
    }
    Ok(store::StoreSettings {
        pool_size: raw.pool_size,
        statement_timeout: duration("STATEMENT_TIMEOUT", &raw.statement_timeout)?,
        prepared_statements: prepared_statements(&raw.prepared_statements)?,
    })
}

/// The replica, if there is one.
pub(super) fn replica(raw: &RawSettings) -> Result<Option<store::ReplicaSettings>, ConfigError> {
    let max_lag = duration("REPLICA_MAX_LAG", &raw.replica_max_lag)?;
    raw.database_url_read
        .as_ref()
        .map(|url| {
            Ok(store::ReplicaSettings {
                target: target("DATABASE_URL_READ", Some(url), raw)?,
                max_lag,
            })
        })
        .transpose()
}

/// Where spans are sent, if anywhere.
pub(super) fn collector(raw: &RawSettings) -> Result<Option<Url>, ConfigError> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let Some(text) = &raw.otel_exporter_otlp_endpoint else {
        return Ok(None);
    };
    let url = Url::parse(text).or_else(|_| refused(format!("{NAME} is not a URL")))?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return refused(format!(
            "{NAME} must be a collector's address, such as http://127.0.0.1:4318"
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused(format!(
            "{NAME} must hold no password: set OTEL_EXPORTER_OTLP_HEADERS"
        ));
    }
    Ok(Some(url))
}

/// What Supabase's smallest tokens need, and what a head of 32 KiB has room for beside browsers' other headers.
const JWT_SIZES: RangeInclusive<usize> = 1_024..=24_576;

pub(super) fn auth(raw: &RawSettings) -> Result<AuthSettings, ConfigError> {
    if raw.jwt_secret.is_none() && raw.jwks_url.is_none() {
        return refused(
            "JWT_SECRET (HS256) or JWKS_URL (ES256, RS256) is required. Supabase shows the secret under \
             Project Settings > JWT Keys; the keys are at https://<ref>.supabase.co/auth/v1/.well-known/jwks.json",
        );
    }
    if let Some(url) = &raw.jwks_url {
        let url = Url::parse(url).or_else(|_| refused("JWKS_URL is not a URL"))?;
        let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(local && url.scheme() == "http") {
            return refused("JWKS_URL must be https: whoever answers it decides who everybody is");
        }
    }
    if !JWT_SIZES.contains(&raw.jwt_size_limit) {
        return refused(format!(
            "JWT_SIZE_LIMIT must be {} to {} bytes: a request's whole head may have 32768",
            JWT_SIZES.start(),
            JWT_SIZES.end()
        ));
    }
    Ok(AuthSettings {
        verifier: identity::VerifierSettings {
            secret: hmac_secret(raw.jwt_secret.as_ref())?,
            audience: raw.jwt_audience.clone(),
            issuer: raw.jwt_issuer.clone(),
            user_claim: raw.jwt_user_claim.clone(),
            size_limit: raw.jwt_size_limit,
        },
        jwks_url: raw.jwks_url.clone(),
        cookie: raw.auth_cookie.clone(),
    })
}

pub(super) fn hmac_secret(secret: Option<&Secret>) -> Result<Option<identity::HmacSecret>, ConfigError> {
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
) -> Result<SealingKeys, ConfigError> {
    let Some(current) = current else {
        return refused(
            "ENCRYPTION_KEY environment variable is required: make one with `openssl rand -hex 32` \
             or `mako keys generate`",
        );
    };
    let retired: Vec<&str> = items(retired).collect();
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

/// A provider's address in place of the table's, from the setting of this name.
pub(super) fn relay_base(setting: &str, url: &str) -> Result<Url, ConfigError> {
    let parsed = Url::parse(url)
        .or_else(|_| refused(format!("{setting} must be a URL such as https://api.example.com")))?;
    let local = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if parsed.scheme() != "https" && !(local && parsed.scheme() == "http") {
        return refused(format!(
            "{setting} must be https, or on this machine: tenants' keys are sent there"
        ));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() || !parsed.username().is_empty() {
        return refused(format!("{setting} must have neither user, query nor fragment"));
    }
    Ok(parsed)
}

pub(super) fn inbound(raw: &RawSettings) -> Result<WebhookSettings, ConfigError> {
    if raw.twilio_auth_token.is_some() && raw.public_base_url.is_none() {
        return refused(
            "PUBLIC_BASE_URL is required with TWILIO_AUTH_TOKEN: Twilio signs the address that it was told, such as https://api.example.com",
        );
    }
    Ok(WebhookSettings {
        secrets: platform_secrets(&[
            (
                Source::Twilio,
                "TWILIO_AUTH_TOKEN",
                raw.twilio_auth_token.as_ref().map(Secret::expose),
            ),
            (
                Source::Vapi,
                "VAPI_SECRET",
                raw.vapi_secret.as_ref().map(Secret::expose),
            ),
            (
                Source::Make,
                "MAKE_API_KEY",
                raw.make_api_key.as_ref().map(Secret::expose),
            ),
        ])?,
        spool_dir: raw.spool_dir.clone(),
        retention_days: match i32::try_from(raw.retention_days) {
            Ok(days) if (1..=36_500).contains(&days) => days,
            _ => return refused("RETENTION_DAYS must be 1 to 36500"),
        },
    })
}

/// The secrets of each source's platform address; each may be a comma-separated list.
pub(crate) fn platform_secrets(
    raw: &[(Source, &str, Option<&str>)],
) -> Result<HashMap<Source, Vec<webhooks::Secret>>, ConfigError> {
    let named = raw
        .iter()
        .filter_map(|&(source, name, text)| Some((source, name, text?)));
    named
        .map(|(source, name, text)| match webhooks::Secret::list(text) {
            Ok(secrets) => Ok((source, secrets)),
            Err(error) => refused(format!("{name} can't be used: {error}")),
        })
        .collect()
}

pub(super) fn on_or_off(name: &str, value: &str) -> Result<bool, ConfigError> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => refused(format!("{name} must be on or off")),
    }
}

pub(super) fn prepared_statements(value: &str) -> Result<PreparedStatements, ConfigError> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" => Ok(PreparedStatements::On),
        "off" | "false" => Ok(PreparedStatements::Off),
        "always" => Ok(PreparedStatements::Always),
        _ => refused("PREPARED_STATEMENTS must be on, off or always"),
    }
}

pub(super) fn duration(name: &str, value: &str) -> Result<Duration, ConfigError> {
    match humantime::parse_duration(value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => refused(format!("{name} must be a time span such as 8s or 500ms")),
    }
}

/// Requests and their window: `3000/1m`, or `50/s`.
pub(super) fn rate_limit(text: &str) -> Result<Option<Quota>, ConfigError> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let quota = text.split_once('/').and_then(|(requests, window)| {
        let window = window.trim();
        let counted = window.starts_with(|first: char| first.is_ascii_digit());
        let window = if counted {
            window.to_owned()
        } else {
            format!("1{window}")
        };
        Quota::new(
            requests.trim().parse().ok()?,
            humantime::parse_duration(&window).ok()?,
        )
    });
    match quota {
        Some(quota) => Ok(Some(quota)),
        None => refused(
            "RATE_LIMIT must be requests and whole seconds up to a day, such as 3000/1m or 50/s, or off",
        ),
    }
}

/// `0s` stops at once.
pub(super) fn drain_time(value: &str) -> Result<Duration, ConfigError> {
    humantime::parse_duration(value).or_else(|_| refused("DRAIN_TIME must be a time span such as 5s or 0s"))
}

/// Without a trailing slash, so that paths can be appended.
pub(super) fn base_url(url: &str) -> Result<String, ConfigError> {
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

/// The items of a comma-separated list.
pub(super) fn items(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Client ids, as `mako.third_party_clients` takes them.
pub(super) fn clients(list: Option<&str>) -> Result<BTreeSet<String>, ConfigError> {
    items(list)
        .map(|id| match id {
            "*" => refused("THIRD_PARTY_CLIENTS must be client ids, comma-separated; * is not one"),
            id if id.chars().count() > 255 => {
                refused("THIRD_PARTY_CLIENTS has a client id of more than 255 characters")
            }
            id => Ok(id.to_owned()),
        })
        .collect()
}

/// Groups of operations.
pub(super) fn groups(name: &str, list: Option<&str>) -> Result<BTreeSet<&'static str>, ConfigError> {
    items(list)
        .map(|item| {
            GROUPS
                .into_iter()
                .find(|group| *group == item)
                .map_or_else(|| refused(format!("{name} must be of {}", GROUPS.join(", "))), Ok)
        })
        .collect()
}

pub(super) fn origins(list: Option<&str>) -> Result<Vec<String>, ConfigError> {
    items(list)
        .map(|origin| match Url::parse(origin) {
            Ok(url) if url.origin().ascii_serialization() == origin.trim_end_matches('/') => {
                Ok(url.origin().ascii_serialization())
            }
            _ => refused("CORS_ALLOWED_ORIGINS must be origins such as https://app.example.com, comma-separated; * is not one"),
        })
        .collect()
}
