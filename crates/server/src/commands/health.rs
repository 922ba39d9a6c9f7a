//! `mako health`: tells whether the service on this machine is ready. For containers, whose images have no other
//! program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Url;

use super::{Failure, say};
use crate::config::Environment;

/// Less than whoever asks is patient.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks `/ready`; 0 if it is, 1 if it isn't or nobody answers.
pub(crate) async fn run(url: Option<Url>) -> Result<ExitCode, Failure> {
    let base = match url {
        Some(url) => url,
        None => format!("http://{}", from_here(Environment::read()?.listen()?)).parse()?,
    };
    // No provider is built in; a second installation is refused and harmless.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    match client.get(base.join("/ready")?).send().await {
        Ok(answer) if answer.status().is_success() => Ok(ExitCode::SUCCESS),
        Ok(answer) => {
            say(&format!("not ready: {}", answer.text().await?));
            Ok(ExitCode::from(1))
        }
        Err(_) => {
            say(&format!("nobody answers at {base}"));
            Ok(ExitCode::from(1))
        }
    }
}

/// Who listens on all addresses is asked on loopback.
fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
