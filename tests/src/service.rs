//! `mako` as a process: the real binary, its real environment, its real log.

use std::path::PathBuf;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::database::TestDatabase;
use crate::people::{JWT_SECRET, Person, service_token};
use crate::pgbouncer::PgBouncer;
use crate::process::Process;

static BINARY: OnceCell<PathBuf> = OnceCell::const_new();

/// The binary `mako`, built if it isn't up to date.
pub async fn binary() -> PathBuf {
    build(&[]).await
}

/// Builds the binary, with more flags for cargo; the first call of a process decides.
pub async fn build(flags: &[&str]) -> PathBuf {
    let built = BINARY.get_or_init(async || {
        let mut cargo = Command::new(env!("CARGO"));
        // What the outer cargo says of *this* package would look like a change to build scripts (ring's), and
        // most of the workspace would be built again, there and back.
        for (name, _) in std::env::vars_os() {
            if matches!(name.to_str(), Some(name) if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                cargo.env_remove(name);
            }
        }
        cargo
            .args([
                "build",
                "--package",
                "mako",
                "--message-format",
                "json-render-diagnostics",
            ])
            .args(flags)
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = cargo.output().await.expect("cargo is there");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    });
    built.await.clone()
}

/// `mako <arguments>` with nothing in its environment but these, in a folder without `mako.toml`.
pub async fn mako(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary().await);
    command
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .env_clear();
    // `mako dev` starts the Postgres that the tests run against.
    for name in ["PATH", "MAKO_PG_NPM", "MAKO_PG_BIN"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(environment.iter().copied());
    command
}

/// A made-up sealing key, one of those that the service accepts.
pub const ENCRYPTION_KEY: &str = "5ea1ed0000112233445566778899aabbccddeeff00112233445566778899aabb";

/// `mako serve` on a free port.
pub struct Service {
    /// The process, for its log and signals.
    pub process: Process,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    client: reqwest::Client,
    // Dropped after the process.
    _pooler: Option<PgBouncer>,
}

impl Service {
    /// On a database, with the defaults.
    ///
    /// With `MAKO_TESTS_THROUGH=pgbouncer` in the environment through a transaction pooler with fewer connections
    /// than the service: so the API's own tests are run against one, too.
    pub async fn on(database: &TestDatabase) -> Self {
        if std::env::var_os("MAKO_TESTS_THROUGH").is_none_or(|through| through != "pgbouncer") {
            return Self::with(&database.login_url(), &[]).await;
        }
        let pooler = PgBouncer::with_pool(database, 2).await;
        let service = Self::with(&pooler.login_url(), &[("PREPARED_STATEMENTS", "off")]).await;
        Self {
            _pooler: Some(pooler),
            ..service
        }
    }

    /// On a database URL, with more or other settings.
    pub async fn with(database_url: &str, settings: &[(&str, &str)]) -> Self {
        Self::started(&[], database_url, settings).await
    }

    /// The same, with flags.
    pub async fn started(flags: &[&str], database_url: &str, settings: &[(&str, &str)]) -> Self {
        let arguments = [&["serve"], flags].concat();
        let mut environment = vec![
            ("DATABASE_URL", database_url),
            ("JWT_SECRET", JWT_SECRET),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY),
            ("LISTEN", "127.0.0.1:0"),
            ("LOG", "trace"),
            ("LOG_FORMAT", "json"),
            ("DRAIN_TIME", "0s"),
        ];
        environment.extend(settings);
        let mut process = Process::start(&mut mako(&arguments, &environment).await);
        let url = match settings.iter().find(|(name, _)| *name == "LISTEN") {
            // A quiet service doesn't say where it listens, but then its caller has.
            Some((_, address)) => {
                while tokio::net::TcpStream::connect(address).await.is_err() {
                    let ended = process.child.try_wait().expect("a child");
                    assert!(ended.is_none(), "it has ended:\n{}", process.log());
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
                (*address).to_owned()
            }
            None => process.wait_for(address).await,
        };
        // The tests' own client; the provider is installed once for the process, a second time is refused.
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            process,
            url: format!("http://{url}"),
            client: reqwest::Client::new(),
            _pooler: None,
        }
    }

    /// A request without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request with a person's token.
    pub fn request_as(&self, person: Person, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(person.token())
    }

    /// GET as a person.
    pub async fn get(&self, person: Person, path: &str) -> Answer {
        Answer::of(self.request_as(person, Method::GET, path)).await
    }

    /// POST of JSON as a person.
    pub async fn post(&self, person: Person, path: &str, body: &Value) -> Answer {
        Answer::of(self.request_as(person, Method::POST, path).json(body)).await
    }

    /// PATCH of JSON as a person.
    pub async fn patch(&self, person: Person, path: &str, body: &Value) -> Answer {
        Answer::of(self.request_as(person, Method::PATCH, path).json(body)).await
    }

    /// PUT of JSON as a person.
    pub async fn put(&self, person: Person, path: &str, body: &Value) -> Answer {
        Answer::of(self.request_as(person, Method::PUT, path).json(body)).await
    }

    /// A request of a back end on a person's behalf.
    pub fn request_for(&self, person: Person, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path)
            .bearer_auth(service_token())
            .header("x-mako-user", person.id())
    }

    /// DELETE as a person.
    pub async fn delete(&self, person: Person, path: &str) -> Answer {
        Answer::of(self.request_as(person, Method::DELETE, path)).await
    }
}

/// The address in the line that `serve` logs once it listens.
fn address(log: &str) -> Option<String> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["message"] == "serving")
        .and_then(|line| line["address"].as_str().map(str::to_owned))
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON; null if it is empty or something else.
    pub body: Value,
    /// The body as it was sent.
    pub text: String,
}

impl Answer {
    /// Sends the request and reads the answer.
    pub async fn of(request: RequestBuilder) -> Self {
        let response: Response = request.send().await.expect("the service answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body is text");
        Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    /// The status, and the problem's code if it is one.
    #[must_use]
    pub fn outcome(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// Removes what `mako dev --data-dir` kept, also where root has put it.
pub fn remove_data_dir(folder: &std::path::Path) {
    if let Ok(elsewhere) = std::fs::read_to_string(folder.join("postgres-is-at")) {
        drop(std::fs::remove_dir_all(elsewhere));
    }
    drop(std::fs::remove_dir_all(folder));
}
