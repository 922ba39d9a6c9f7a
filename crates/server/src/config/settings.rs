//! Declares every setting once: name, type, default and what it means. What is read, what `mako.toml` may hold,
//! `mako serve --help` and the page `docs/configuration.md` follow from it.
//!
//! To add one, add it here and use it in [`super::checks`]; a test writes the page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::value::{LogFormat, Secret};

/// Stands in the name of a setting that there is once for each service.
const SERVICE: &str = "<service>";

/// A setting, as help and the page show it. Secret is what has the type [`Secret`].
pub(super) struct Setting {
    /// The heading under which it stands.
    pub(super) group: &'static str,
    /// The field that holds it.
    pub(super) field: &'static str,
    /// As in `mako.toml`; in upper case as in the environment.
    pub(super) name: &'static str,
    /// As in the environment; none where it is optional.
    pub(super) default: Option<fn() -> String>,
    /// Lines of Markdown, without a final full stop. `--help` shows the first paragraph, the page all of them.
    pub(super) help: &'static [&'static str],
}

impl Setting {
    /// Which service's setting has this name.
    pub(super) fn service_in<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (before, after) = self.name.split_once(SERVICE)?;
        name.strip_prefix(before)?.strip_suffix(after)
    }
}

/// Makes the struct of settings and [`SETTINGS`], the table of them. A setting is
/// `field: Type = default;`, or `field: Map as "name_<service>";` for one of each service.
macro_rules! settings {
    (
        $(#[$about:meta])*
        $visible:vis struct $Struct:ident;
        $($group:literal {$(
            $(#[doc = $help:literal])+
            $field:ident: $type:ty $(as $name:literal)? $(= $default:expr)?;
        )+})+
    ) => {
        $(#[$about])*
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        $visible struct $Struct {
            $($(
                $(#[doc = concat!("`", $name, "`")] #[serde(default)])?
                $visible $field: $type,
            )+)+
        }

        /// Every setting, in the order in which it is shown.
        pub(super) const SETTINGS: &[Setting] = &[
            $($(Setting {
                group: $group,
                field: stringify!($field),
                name: settings!(@name $field $($name)?),
                default: settings!(@default $($default)?),
                help: &[$($help),+],
            },)+)+
        ];
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@default) => { None };
    (@default $default:expr) => { Some(|| $default.to_string()) };
}

settings! {
    /// The settings as they were given. In the environment their names are in upper case, and any may be given as
    /// `NAME_FILE` instead: the path of a file that holds the value.
    pub(super) struct RawSettings;

    "Required" {
        /// `postgres://mako:PASSWORD@host:5432/db`, with `?sslmode=verify-full` unless it is this machine
        database_url: Option<Secret>;
        /// what verifies HS256 tokens, 32 bytes or more; this or `JWKS_URL`
        jwt_secret: Option<Secret>;
        /// where the keys for ES256 and RS256 are; this or `JWT_SECRET`
        jwks_url: Option<String>;
        /// 64 hex characters that seal keys of tenants: `mako keys generate`
        encryption_key: Option<Secret>;
    }

    "Address and pages" {
        /// address and port
        listen: String = "127.0.0.1:8080";
        /// what providers were told, such as `https://api.example.com`; required with `TWILIO_AUTH_TOKEN`
        ///
        /// Twilio signs it
        public_base_url: Option<String>;
        /// comma-separated origins of pages that may call the API
        cors_allowed_origins: Option<String>;
        /// name of a [cookie that may carry the token](frontend.md#tokens-in-cookies)
        auth_cookie: Option<String>;
    }

    "Tokens" {
        /// which claim names the user; the CRM's own tokens use `userId`
        jwt_user_claim: String = "sub";
        /// checked when set
        jwt_audience: Option<String>;
        /// checked when set
        jwt_issuer: Option<String>;
        /// comma-separated ids of [apps](frontend.md#tokens-that-may-do-less) that may use the keys of users who let them in
        third_party_clients: Option<String>;
        /// comma-separated groups of operations that want a [second factor](frontend.md#tokens-that-may-do-less), such
        /// as `api-keys,relay`
        require_aal2: Option<String>;
        /// bytes that a token may have, 1024 to 24576
        ///
        /// A longer one is 401 `MK_TOKEN_TOO_LONG`
        jwt_size_limit: usize = identity::SIZE_LIMIT;
    }

    "Database" {
        /// a streaming [replica](operating.md#read-replicas) of the same database, with the same login: lists, single rows and
        /// the dashboard are read there
        database_url_read: Option<Secret>;
        /// how old the replica's answers may be; an older replica isn't asked
        ///
        /// What the caller has written is always there (`x-mako-lsn`)
        replica_max_lag: String = "5s";
        /// PEM certificates to trust in place of the system's
        database_ca_file: Option<PathBuf>;
        /// `on` where the server keeps them, `off`, or `always`: also through a pooler in session mode
        ///
        /// A pooler that keeps none is noticed, said in the log and by `/ready` (`lost`)
        prepared_statements: String = "on";
        /// connections at most
        ///
        /// As many to the replica. One user keeps at most half of them busy. One more listens for events that go out, unless a pooler is in between
        pool_size: usize = 16;
        /// must be shorter than `REQUEST_TIMEOUT`
        statement_timeout: String = "8s";
        /// after which a request is answered 503
        request_timeout: String = "15s";
        /// an owner's connection: for `migrate` and administration, never for `serve`
        admin_database_url: Option<Secret>;
    }

    "Sealing" {
        /// comma-separated keys that open, and seal nothing
        encryption_keys_retired: Option<Secret>;
        /// `off` once `mako keys import-legacy` has taken over the CRM's own
        legacy_keys: String = "on";
    }

    "Webhooks" {
        /// verifies deliveries to the platform's address; `new,old` while it is being rotated
        twilio_auth_token: Option<Secret>;
        /// likewise
        vapi_secret: Option<Secret>;
        /// likewise
        make_api_key: Option<Secret>;
        /// where deliveries wait while the database is down; without it they are answered 503
        spool_dir: Option<PathBuf>;
        /// after which payloads of events are emptied, and uses of keys removed
        retention_days: u32 = 90;
        /// `on`: events may go out to `http` addresses on this machine, as in `mako dev`; for tests
        events_to_loopback: String = "off";
        /// country of numbers that people type without one, such as `US`
        phone_region: Option<String>;
    }

    "Limits, logs and tests" {
        /// how many requests [a user may make](frontend.md#limits), and in which time, such as `3000/1m`; without it any number
        ///
        /// Each service counts for itself, webhooks not at all
        rate_limit: Option<String>;
        // Room for an import of 5,000 contacts.
        /// bytes of a request's body
        body_limit: usize = 8 * 1024 * 1024;
        /// clients' connections at the same time
        ///
        /// When all are taken, the one that has kept us waiting longest makes room. One user's requests keep at most half of them
        max_connections: usize = 1024;
        /// the same for each address, as many unless set; a proxy in front is one address
        max_connections_per_address: Option<usize>;
        /// how long after SIGTERM everything is still served while `/ready` answers 503
        ///
        /// A second signal ends it
        drain_time: String = "5s";
        /// `error`, `warn`, `info`, `debug` or `trace`
        log: String = "info";
        /// `pretty` or `json`
        log_format: LogFormat = "pretty";
        /// an OpenTelemetry collector's address, such as `http://127.0.0.1:4318`: spans go there, as OTLP over HTTP
        ///
        /// Spans of requests, transactions, statements, relay calls, events and background work, by name and without any
        /// value of a tenant's. What else OpenTelemetry defines (`OTEL_SERVICE_NAME`, `OTEL_EXPORTER_OTLP_HEADERS`,
        /// `OTEL_TRACES_SAMPLER`, …) is read from the environment
        otel_exporter_otlp_endpoint: Option<String>;
        /// a TOML file of [more services](admins.md#more-services) that tenants connect
        providers_file: Option<PathBuf>;
        /// the app at a provider where users [grant access](connections.md); goes with its secret
        oauth_client_ids: BTreeMap<String, String> as "oauth_<service>_client_id";
        /// its secret
        oauth_client_secrets: BTreeMap<String, Secret> as "oauth_<service>_client_secret";
        /// what is asked for there, comma-separated; the provider's table has what is asked for otherwise
        oauth_scopes: BTreeMap<String, String> as "oauth_<service>_scopes";
        /// replaces the provider's hosts for that, for tests and proxies
        oauth_base_urls: BTreeMap<String, String> as "oauth_<service>_base_url";
        /// replaces a provider's address, for tests and proxies
        relay_base_urls: BTreeMap<String, String> as "relay_base_url_<service>";
    }
}
