//! Is `mako dev` a whole environment, and does it leave nothing running?

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use devdb::Search;
use reqwest::Method;
use serde_json::Value;
use tests::cluster::Cluster;
use tests::process::{PATIENCE, Process};
use tests::service::{Answer, mako};

struct Dev {
    process: Process,
    ready: Value,
    client: reqwest::Client,
}

impl Dev {
    async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[]).await
    }

    async fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Cluster::fetched(Search::from_env()).await;
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut all = vec!["dev", "--json", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let home = std::env::var_os("HOME").unwrap_or_default();
        let mut process = Process::start(mako(&all, environment).await.env("HOME", home));
        let ready = process
            .wait_for(|log| {
                log.lines().find_map(|line| {
                    serde_json::from_str::<Value>(line)
                        .ok()
                        .filter(|line| line["api_url"].is_string())
                })
            })
            .await;
        Self {
            process,
            ready,
            client: reqwest::Client::new(),
        }
    }

    fn text(&self, name: &str) -> &str {
        self.ready[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} in {}", self.ready))
    }

    async fn get(&self, tenant: usize, path: &str) -> Answer {
        let token = self.ready["tenants"][tenant]["token"].as_str().expect("a token");
        Answer::of(
            self.client
                .request(Method::GET, format!("{}{path}", self.text("api_url")))
                .bearer_auth(token),
        )
        .await
    }

    /// Sends the signal; everything has ended within 5 s.
    async fn stop(mut self, signal: &str) -> String {
        self.process.signal(signal).await;
        let status = tokio::time::timeout(Duration::from_secs(5), self.process.child.wait())
            .await
            .expect("within 5 s")
            .unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.process.log());
        self.text("admin_database_url").to_owned()
    }
}

/// Nothing listens where Postgres did.
async fn assert_stopped(database_url: &str) {
    let (_, address) = database_url.rsplit_once('@').unwrap();
    let (address, _) = address.split_once('/').unwrap();
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "Postgres still listens"
    );
}

#[tokio::test]
async fn one_command_is_a_whole_environment() {
    let dev = Dev::start(&["--ephemeral"]).await;
    for name in [
        "api_url",
        "docs_url",
        "database_url",
        "admin_database_url",
        "jwt_secret",
        "encryption_key",
        "public_base_url",
    ] {
        assert!(!dev.text(name).is_empty(), "{name}");
    }
    for name in ["twilio_auth_token", "vapi_secret", "make_api_key"] {
        assert!(dev.ready["webhook_secrets"][name].is_string(), "{name}");
    }
    let (alice, bob) = (&dev.ready["tenants"][0], &dev.ready["tenants"][1]);
    assert_eq!((&alice["name"], &bob["name"]), (&"alice".into(), &"bob".into()));
    let mut counts = Vec::new();
    for tenant in [0, 1] {
        for path in [
            "/v1/leads",
            "/v1/contacts",
            "/v1/call-logs",
            "/v1/automation-logs",
        ] {
            let list = dev.get(tenant, &format!("{path}?count=exact")).await;
            assert!(list.body["count"].as_i64() > Some(0), "{path}: {}", list.text);
            counts.push(list.body["count"].as_i64());
        }
        let me = dev.get(tenant, "/v1/me").await;
        assert_eq!(me.body["user_id"], dev.ready["tenants"][tenant]["user_id"]);
    }
    assert_ne!(counts[..4], counts[4..], "the tenants differ in number");
    let id = dev.get(0, "/v1/leads?limit=1").await.body["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        dev.get(1, &format!("/v1/leads/{id}")).await.outcome(),
        (404, "MK404")
    );

    let login = tests::database::connect(dev.text("database_url")).await;
    let refused = login.query("select * from leads", &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    tests::database::batch(&login, "set role authenticated").await;
    let seen = login.query("select * from leads", &[]).await.unwrap();
    assert!(seen.is_empty(), "without claims there are no rows");
    let admin = tests::database::connect(dev.text("admin_database_url")).await;
    let verified: i64 = admin
        .query_one(
            "select count(*) from user_phone_numbers where verified_at is not null",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(verified, 2);
    drop((login, admin));
    assert_stopped(&dev.stop("TERM").await).await;
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_it_and_no_other() {
    const PAGE: &str = "http://localhost:5173";
    let dev = Dev::start_with(&["--ephemeral"], &[("CORS_ALLOWED_ORIGINS", PAGE)]).await;
    let preflight = async |origin: &str| {
        let url = format!("{}/v1/leads", dev.text("api_url"));
        let asked = dev
            .client
            .request(Method::OPTIONS, url)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization");
        Answer::of(asked)
            .await
            .header("access-control-allow-origin")
            .to_owned()
    };
    assert_eq!(preflight(PAGE).await, PAGE);
    assert_eq!(preflight("http://localhost:9999").await, "");
    assert_stopped(&dev.stop("TERM").await).await;
}

#[tokio::test]
async fn kept_data_survives_and_ctrl_c_stops_everything() {
    let folder = std::env::temp_dir().join(format!("mako-dev-{}", tests::process::free_port()));
    let flags = ["--data-dir", folder.to_str().unwrap()];
    let dev = Dev::start(&flags).await;
    let token = dev.ready["tenants"][0]["token"].as_str().unwrap();
    let lead = serde_json::json!({"name": "Kept", "phone": "1", "status": "new", "source": "dev"});
    let made = Answer::of(
        dev.client
            .post(format!("{}/v1/leads", dev.text("api_url")))
            .bearer_auth(token)
            .json(&lead),
    )
    .await;
    let path = format!("/v1/leads/{}", made.body["id"].as_str().unwrap());
    let (secret, before) = (
        dev.text("jwt_secret").to_owned(),
        dev.get(0, "/v1/leads?count=exact").await.body["count"].clone(),
    );
    assert_stopped(&dev.stop("INT").await).await;

    let again = Dev::start(&flags).await;
    assert_eq!(
        again.text("jwt_secret"),
        secret,
        "yesterday's tokens are still good"
    );
    assert_eq!(again.get(0, &path).await.body["name"], "Kept");
    assert_eq!(
        again.get(0, "/v1/leads?count=exact").await.body["count"],
        before,
        "demo rows aren't doubled"
    );
    again.stop("TERM").await;
    tests::service::remove_data_dir(&folder);
}

#[tokio::test]
async fn what_the_screen_says_to_try_can_be_pasted_and_works() {
    Cluster::fetched(Search::from_env()).await;
    let home = std::env::var_os("HOME").unwrap_or_default();
    let command = mako(&["dev", "--ephemeral", "--listen", "127.0.0.1:0"], &[]).await;
    let command = command.as_std();
    // With as many open files as Linux allows a user who isn't root.
    let mut as_user = tokio::process::Command::new("sh");
    as_user
        .args(["-c", r#"ulimit -n 1024 && exec "$0" "$@""#])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("HOME", home);
    let mut process = Process::start(&mut as_user);
    let screen = process
        .wait_for(|log| log.contains("\"source\":\"curl\"").then(|| log.to_owned()))
        .await;
    assert!(
        screen.contains("Initialising"),
        "it says what it is doing:\n{screen}"
    );
    for library in ["refinery", "poem"] {
        assert!(!screen.contains(library), "no line of a library's:\n{screen}");
    }
    let (_, ready) = screen.split_once("Mako is ready").unwrap();
    let (tokens, commands) = ready.split_once("Try,").unwrap();
    let tokens: Vec<_> = tokens
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("TOKEN_"))
        .collect();
    assert_eq!(tokens.len(), 2, "{screen}");
    let (_, commands) = commands.split_once('\n').unwrap();
    assert!(
        commands.lines().all(|line| line.chars().count() <= 100),
        "{screen}"
    );
    // A shell that finds a file by an unquoted `?`, as zsh does for want of one.
    let script = format!("shopt -s failglob\nset -eu\n{}\n{commands}", tokens.join("\n"));
    let mut bash = tokio::process::Command::new("bash");
    let (code, said) = Process::start(bash.args(["-c", &script])).output().await;
    assert_eq!(code, Some(0), "{said}");
    for answer in ["\"next_cursor\"", "\"total_leads\"", "\"name\":\"Jane Doe\""] {
        assert!(said.contains(answer), "{answer}: {said}");
    }
    process.signal("TERM").await;
    let ended = tokio::time::timeout(PATIENCE, process.child.wait())
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(ended.code(), Some(0));
}

/// A folder with a program of this name that writes its process id to `pid` beside it and then hangs.
fn hanging(program: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mako-hanging-{}", tests::process::free_port()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(program);
    // Written by one process and executed by another, no later than it is closed.
    std::fs::write(&file, "#!/bin/sh\necho $$ > \"${0%/*}/pid\"\nsleep 60\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[tokio::test]
async fn a_signal_is_obeyed_while_npm_brings_postgres() {
    let folder = hanging("npm");
    let path = format!("{}:/usr/bin:/bin", folder.display());
    // A version that no cache has.
    let mut process = Process::start(
        mako(&["dev", "--ephemeral"], &[])
            .await
            .env("PATH", path)
            .env("HOME", &folder)
            .env("MAKO_PG_NPM", "17.0.0-hanging"),
    );
    let npm = process
        .wait_for(|_| {
            std::fs::read_to_string(folder.join("pid"))
                .ok()?
                .trim()
                .parse::<u32>()
                .ok()
        })
        .await;
    process.signal("TERM").await;
    let ended = tokio::time::timeout(Duration::from_secs(5), process.child.wait())
        .await
        .expect("within 5 s")
        .unwrap();
    assert_eq!(ended.code(), Some(0), "{}", process.log());
    assert!(
        !std::path::Path::new(&format!("/proc/{npm}")).exists(),
        "npm has ended, too"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn everything_ends_within_5_s_though_a_request_and_postgres_hang() {
    let dev = Dev::start(&["--ephemeral"]).await;
    let admin = tests::database::connect(dev.text("admin_database_url")).await;
    tests::database::batch(&admin, "begin; lock table leads in access exclusive mode").await;
    let waiting = dev
        .client
        .get(format!("{}/v1/leads", dev.text("api_url")))
        .bearer_auth(dev.ready["tenants"][0]["token"].as_str().unwrap());
    let waiting = tokio::spawn(waiting.send());
    // Seen from a session without a transaction: within one, the first look at pg_stat_activity is kept to its end.
    let observer = tests::database::connect(dev.text("admin_database_url")).await;
    let blocked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    let is_blocked = async || observer.query_one(blocked, &[]).await.unwrap().get::<_, i64>(0) > 0;
    tests::process::until(is_blocked).await;
    let file: String = admin
        .query_one("select pg_read_file('postmaster.pid')", &[])
        .await
        .unwrap()
        .get(0);
    let postmaster = file.lines().next().unwrap();
    let stopped = tokio::process::Command::new("kill")
        .args(["-STOP", postmaster])
        .status();
    assert!(stopped.await.unwrap().success());
    assert_stopped(&dev.stop("TERM").await).await;
    assert!(!std::path::Path::new(&format!("/proc/{postmaster}")).exists());
    drop(waiting.await);
}
