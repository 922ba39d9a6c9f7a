//! What Postgres itself can do, by its own load generator: the service's statements without a service.

use std::path::PathBuf;
use std::process::Output;

use tests::cluster::LOGIN_PASSWORD;
use tests::database::query;
use tokio::process::Command;
use tokio_postgres::Config;

use crate::clients::{CONNECTIONS, TURN};

/// Transactions a second of a script, by the service's login.
pub(crate) async fn transactions(url: &str, name: &str, script: &str) -> f64 {
    transactions_by("prepared", url, name, script).await
}

/// The same with a protocol of pgbench's: through a pooler that keeps no statements there is only `extended`.
pub(crate) async fn transactions_by(protocol: &str, url: &str, name: &str, script: &str) -> f64 {
    let file: PathBuf = std::env::temp_dir().join(format!("mako-{name}-{}.sql", std::process::id()));
    std::fs::write(&file, script).expect("it can be written");
    let config: Config = url.parse().expect("a URL");
    let port = config.get_ports().first().expect("it names its port").to_string();
    let (clients, seconds) = (CONNECTIONS.to_string(), TURN.as_secs().to_string());
    let Output { stdout, stderr, .. } = Command::new("pgbench")
        .args([
            "--no-vacuum",
            "--protocol",
            protocol,
            "--jobs=2",
            "--host=127.0.0.1",
            "--username=mako",
        ])
        .args(["--client", &clients, "--time", &seconds, "--port", &port])
        .arg("--file")
        .arg(&file)
        .arg(config.get_dbname().expect("it names its database"))
        .env("PGPASSWORD", LOGIN_PASSWORD)
        .output()
        .await
        .expect("pgbench is installed");
    drop(std::fs::remove_file(&file));
    let said = String::from_utf8_lossy(&stdout).into_owned();
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split(' ').next()?.parse().ok());
    tps.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&stderr)))
}

/// Settings of a tenant's transaction.
pub(crate) fn settings(user: &str, role: &str, access: &str) -> String {
    let claims = if user.is_empty() {
        String::new()
    } else {
        format!(r#"{{"sub":"{user}","role":"authenticated"}}"#)
    };
    let settings = include_str!("../../sql/settings.sql");
    with_params(settings, &[&claims, "8000", role, access])
}

/// A statement of the service's with values for its parameters.
pub(crate) fn statement(name: &str, params: &[&str]) -> String {
    with_params(query(name).sql, params)
}

fn with_params(sql: &str, params: &[&str]) -> String {
    let mut text: String = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .fold(String::new(), |text, line| text + line + "\n");
    for (n, value) in params.iter().enumerate().rev() {
        // A variable of the script's, or a value with its type.
        let is_expression = value.starts_with(':') || value.contains("::");
        let literal = if is_expression {
            (*value).to_owned()
        } else {
            format!("'{value}'")
        };
        text = text.replace(&format!("${}", n + 1), &literal);
    }
    format!("{};\n", text.trim_end())
}
