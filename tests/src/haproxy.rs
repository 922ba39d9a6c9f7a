//! The real HAProxy in front of services, as operators are given it.

use std::path::PathBuf;

use tokio::net::TcpStream;
use tokio::process::Command;

use crate::postgrest::unprivileged;
use crate::process::{Process, free_port, until};
use crate::programs;

/// A running proxy.
pub struct HaProxy {
    /// The process, for its log.
    pub process: Process,
    config: PathBuf,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

const CONFIG: &str = include_str!("../../crates/server/deploy/haproxy.cfg");

impl HaProxy {
    /// In front of two services, by their addresses, which needn't be there yet.
    pub async fn before(services: [&str; 2]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut text = CONFIG.to_owned();
        let given = ["127.0.0.1:8000", "127.0.0.1:8081", "127.0.0.1:8082"];
        for (given, ours) in given.into_iter().zip([&address, services[0], services[1]]) {
            assert_eq!(text.matches(given).count(), 1, "{given}");
            text = text.replace(given, ours);
        }
        let config = std::env::temp_dir().join(format!("mako-{}.cfg", address.replace(':', "-")));
        std::fs::write(&config, text).expect("it can be written");
        let mut command = Command::new(programs::haproxy());
        command.arg("-db").arg("-f").arg(&config);
        unprivileged(&mut command);
        let process = Process::start(&mut command);
        until(async || TcpStream::connect(&address).await.is_ok()).await;
        Self {
            process,
            config,
            url: format!("http://{address}"),
        }
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.config));
    }
}
