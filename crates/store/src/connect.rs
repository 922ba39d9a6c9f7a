//! Says where the database is and that it is really that one. Parses a URL and prepares TLS.
//!
//! Anything that isn't this machine must be reached with `sslmode=verify-full`: the weaker modes encrypt
//! to whoever answers.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::config::{Config, Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A database server that may be connected to. Has no `Debug`: it holds a password.
#[derive(Clone)]
pub struct Target {
    pub(crate) config: Config,
    pub(crate) tls: MakeRustlsConnect,
}

/// Why a database URL is refused; the text names the fix and never quotes the URL.
#[derive(Debug, thiserror::Error)]
pub enum BadTarget {
    /// Not `postgres://user:password@host:port/database`.
    #[error("not a database URL; expected postgres://user:password@host:5432/database")]
    Url,
    /// An sslmode that libpq doesn't know either.
    #[error("unknown sslmode; use verify-full, or disable for a server on this machine")]
    SslMode,
    /// A remote server without `sslmode=verify-full`.
    #[error(
        "the server isn't on this machine, so its certificate must be checked: add ?sslmode=verify-full \
         and, for a private certificate authority such as Supabase's, set DATABASE_CA_FILE"
    )]
    Unverified,
    /// `DATABASE_CA_FILE` can't be read or holds no certificate.
    #[error("DATABASE_CA_FILE can't be read as PEM certificates")]
    CaFile,
    /// No trusted certificates could be found on this machine.
    #[error("TLS can't be set up with this machine's certificates; set DATABASE_CA_FILE")]
    Tls,
}

impl Target {
    /// Parses a `postgres://` URL; `ca_file` holds the PEM certificates to trust instead of the system's.
    pub fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, BadTarget> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(BadTarget::Url);
        }
        let (url, sslmode) = take_sslmode(url);
        let mut config: Config = url.parse().map_err(|_| BadTarget::Url)?;
        let local = config.get_hosts().iter().all(is_this_machine) && !config.get_hosts().is_empty();
        let verified = match sslmode.as_deref() {
            None | Some("disable" | "allow" | "prefer") if local => false,
            Some("require" | "verify-ca") if local => true,
            Some("verify-full") => true,
            None | Some("disable" | "allow" | "prefer" | "require" | "verify-ca") => {
                return Err(BadTarget::Unverified);
            }
            Some(_) => return Err(BadTarget::SslMode),
        };
        config.ssl_mode(if verified {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        config.connect_timeout(PATIENCE);
        notice_the_end(&mut config);
        if config.get_application_name().is_none() {
            config.application_name("mako");
        }
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(tls_config(verified, ca_file)?),
        })
    }

    /// Another server with the same database: as the same login, or as a role without a password. As encrypted as this one.
    pub fn elsewhere(&self, host: &str, port: u16, role: Option<&str>) -> Result<Self, BadTarget> {
        let from = &self.config;
        let mut config = Config::new();
        config.host(host).port(port).ssl_mode(from.get_ssl_mode());
        let is_verified = from.get_ssl_mode() == SslMode::Require;
        if !is_verified && !config.get_hosts().iter().all(is_this_machine) {
            return Err(BadTarget::Unverified);
        }
        if let Some(user) = role.or(from.get_user()) {
            config.user(user);
        }
        if let (Some(password), None) = (from.get_password(), role) {
            config.password(password);
        }
        if let Some(name) = from.get_dbname() {
            config.dbname(name);
        }
        config.connect_timeout(PATIENCE);
        notice_the_end(&mut config);
        Ok(Self {
            config,
            tls: self.tls.clone(),
        })
    }

    /// The login's name and password, for setting that password as a SCRAM verifier.
    pub(crate) fn credentials(&self) -> Option<(&str, &[u8])> {
        Some((self.config.get_user()?, self.config.get_password()?))
    }
}

/// How long a server, or the network to it, may keep silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server whose machine lost power says nothing: without this a session waits for it for two hours, the one that
/// listens too, and a promoted standby is not looked for. What the URL says itself stays.
fn notice_the_end(config: &mut Config) {
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(PATIENCE);
    }
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(PATIENCE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(Duration::from_secs(1));
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(3);
    }
}

/// tokio-postgres knows three of libpq's six modes, so the parameter is taken out and judged here.
fn take_sslmode(url: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let (modes, others): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .partition(|pair| pair.starts_with("sslmode="));
    let mode = modes
        .last()
        .and_then(|pair| pair.split_once('='))
        .map(|(_, mode)| mode.to_owned());
    (
        if others.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", others.join("&"))
        },
        mode,
    )
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn tls_config(verified: bool, ca_file: Option<&Path>) -> Result<rustls::ClientConfig, BadTarget> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| BadTarget::Tls)?;
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|_| BadTarget::CaFile)?;
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(BadTarget::CaFile);
            }
        }
        None if verified => {
            return Ok(builder
                .with_platform_verifier()
                .map_err(|_| BadTarget::Tls)?
                .with_no_client_auth());
        }
        // Never used: TLS is off. An empty store trusts nobody.
        None => {}
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Target::parse(url, None)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_remote_server_needs_verify_full() {
        for mode in [
            "",
            "?sslmode=disable",
            "?sslmode=prefer",
            "?sslmode=require",
            "?sslmode=verify-ca",
        ] {
            let url = format!("postgres://mako:pw@db.example.com:5432/postgres{mode}");
            assert!(refusal(&url).contains("sslmode=verify-full"), "{mode}");
        }
        assert!(
            Target::parse(
                "postgres://mako:pw@db.example.com/postgres?sslmode=verify-full",
                None
            )
            .is_ok()
        );
    }

    #[test]
    fn one_remote_host_among_local_ones_needs_verify_full() {
        assert!(refusal("postgres://mako:pw@127.0.0.1,db.example.com/x").contains("verify-full"));
    }

    #[test]
    fn this_machine_needs_no_tls() {
        for host in [
            "127.0.0.1:5432",
            "localhost",
            "%2Fvar%2Frun%2Fpostgresql",
            "[::1]:5432",
        ] {
            assert!(
                Target::parse(&format!("postgres://mako:pw@{host}/x"), None).is_ok(),
                "{host}"
            );
        }
    }

    #[test]
    fn a_server_that_has_gone_without_a_word_is_noticed_within_seconds_unless_the_url_says_otherwise() {
        let config = |parameters: &str| {
            let url = format!("postgres://mako:pw@127.0.0.1/x{parameters}");
            Target::parse(&url, None).map(|target| target.config).unwrap()
        };
        let usual = config("");
        assert_eq!(usual.get_tcp_user_timeout(), Some(&PATIENCE));
        assert_eq!(usual.get_keepalives_idle(), PATIENCE);
        let own =
            config("?tcp_user_timeout=60&keepalives_idle=30&keepalives_interval=9&keepalives_retries=7");
        assert_eq!(own.get_tcp_user_timeout(), Some(&Duration::from_mins(1)));
        assert_eq!(own.get_keepalives_idle(), Duration::from_secs(30));
        assert_eq!(own.get_keepalives_interval(), Some(Duration::from_secs(9)));
        assert_eq!(own.get_keepalives_retries(), Some(7));
    }

    #[test]
    fn a_refusal_never_quotes_the_url() {
        for url in [
            "postgres://mako:s3cret@h:notaport/x",
            "mysql://mako:s3cret@h/x",
            "postgres://mako:s3cret@h/x?sslmode=s3cret",
        ] {
            assert!(!refusal(url).contains("s3cret"));
            assert!(!refusal(url).is_empty());
        }
    }

    #[test]
    fn other_parameters_survive_the_removal_of_sslmode() {
        let (url, mode) = take_sslmode("postgres://h/x?connect_timeout=3&sslmode=require&application_name=y");
        assert_eq!(url, "postgres://h/x?connect_timeout=3&application_name=y");
        assert_eq!(mode.as_deref(), Some("require"));
    }
}
