//! Does the private Postgres come and go as it should?

use std::path::{Path, PathBuf};

use devdb::{Cancel, Data, Error, Options, Postgres, Progress, Search, start};
use tokio_postgres::{Client, NoTls};

fn options(data: Data, search: Search) -> Options {
    Options {
        data,
        search,
        settings: vec![("max_connections".to_owned(), "30".to_owned())],
        cancel: Cancel::default(),
    }
}

fn ephemeral() -> Postgres {
    start(options(Data::Ephemeral, Search::from_env()), &mut |_| ()).expect("it starts")
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.expect("it answers").get(0)
}

fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// A project folder of its own, removed with everything in it.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("devdb-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Self(folder)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if let Ok(elsewhere) = std::fs::read_to_string(self.0.join("postgres-is-at")) {
            drop(std::fs::remove_dir_all(elsewhere));
        }
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[tokio::test]
async fn it_listens_on_loopback_alone_and_wants_its_password() {
    let postgres = ephemeral();
    let client = connect(&postgres.superuser_url("postgres"))
        .await
        .expect("it answers");
    assert_eq!(text(&client, "show listen_addresses").await, "127.0.0.1");
    assert_eq!(text(&client, "show unix_socket_directories").await, "");
    assert_eq!(text(&client, "show max_connections").await, "30");
    assert_eq!(text(&client, "show server_encoding").await, "UTF8");
    let wrong = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres", postgres.port());
    assert_eq!(
        connect(&wrong)
            .await
            .err()
            .and_then(|error| error.code().map(|code| code.code().to_owned()))
            .as_deref(),
        Some("28P01")
    );
    assert!(
        !format!("{postgres:?}").contains(&postgres.superuser_url("")[20..40]),
        "Debug shows no password"
    );
}

#[tokio::test]
async fn two_at_once_are_strangers() {
    let (one, two) = (ephemeral(), ephemeral());
    assert_ne!(one.port(), two.port());
    assert!(
        connect(
            &one.superuser_url("postgres")
                .replace(&one.port().to_string(), &two.port().to_string())
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn stopping_leaves_no_process_and_no_folder() {
    let postgres = ephemeral();
    let client = connect(&postgres.superuser_url("postgres"))
        .await
        .expect("it answers");
    let (pid, folder) = (
        postgres.process_id(),
        PathBuf::from(text(&client, "show data_directory").await),
    );
    assert!(is_running(pid) && folder.exists());
    postgres.stop();
    assert!(!is_running(pid) && !folder.parent().expect("a parent").exists());
}

#[test]
fn a_panic_stops_it_too() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let panicked = std::thread::spawn(move || {
        let postgres = ephemeral();
        sender.send(postgres.process_id()).expect("the test listens");
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert!(!is_running(receiver.recv().expect("it was sent")));
}

#[tokio::test]
async fn kept_data_is_there_again_with_the_same_password() {
    let project = Project::new("kept");
    let kept = || options(Data::Kept(project.0.clone()), Search::from_env());
    let postgres = start(kept(), &mut |_| ()).expect("it starts");
    let client = connect(&postgres.superuser_url("postgres"))
        .await
        .expect("it answers");
    client
        .execute("create table kept (n int)", &[])
        .await
        .expect("made");
    let password = postgres.superuser_url("")[20..60].to_owned();
    drop(client);
    postgres.stop();
    let mut steps = Vec::new();
    let again = start(kept(), &mut |step| steps.push(step)).expect("it starts again");
    assert!(matches!(steps.as_slice(), [Progress::Starting(_)]), "{steps:?}");
    assert_eq!(again.superuser_url("")[20..60], password);
    let client = connect(&again.superuser_url("postgres"))
        .await
        .expect("it answers");
    assert_eq!(text(&client, "select count(*)::text from kept").await, "0");
}

#[tokio::test]
async fn what_is_kept_survives_a_crash_and_what_is_not_is_fast() {
    let project = Project::new("durable");
    let settings = ["fsync", "synchronous_commit", "full_page_writes"];
    for (data, value) in [(Data::Kept(project.0.clone()), "on"), (Data::Ephemeral, "off")] {
        let postgres = start(options(data, Search::from_env()), &mut |_| ()).expect("it starts");
        let client = connect(&postgres.superuser_url("postgres"))
            .await
            .expect("it answers");
        for setting in settings {
            assert_eq!(
                text(&client, &format!("show {setting}")).await,
                value,
                "{setting}"
            );
        }
    }
}

#[test]
fn data_in_use_is_refused() {
    let project = Project::new("in-use");
    let kept = || options(Data::Kept(project.0.clone()), Search::from_env());
    let _first = start(kept(), &mut |_| ()).expect("it starts");
    let refused = start(kept(), &mut |_| ()).expect_err("refused");
    assert!(
        matches!(refused, Error::InUse(_)) && refused.to_string().contains("--ephemeral"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_crashed_server_is_started_again() {
    let project = Project::new("crashed");
    let kept = || options(Data::Kept(project.0.clone()), Search::from_env());
    let postgres = start(kept(), &mut |_| ()).expect("it starts");
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &postgres.process_id().to_string()])
        .status();
    assert!(killed.expect("kill is there").success());
    drop(postgres);
    let again = start(kept(), &mut |_| ()).expect("a stale postmaster.pid is no obstacle");
    assert!(connect(&again.superuser_url("postgres")).await.is_ok());
}

#[tokio::test]
async fn a_server_whose_owner_was_killed_makes_way() {
    let project = Project::new("orphan");
    let kept = || options(Data::Kept(project.0.clone()), Search::from_env());
    let postgres = start(kept(), &mut |_| ()).expect("it starts");
    let orphan = postgres.process_id();
    // What SIGKILL leaves: the server runs, and the lock is free.
    std::mem::forget(postgres);
    std::fs::remove_file(project.0.join("lock")).expect("it was there");
    let again = start(kept(), &mut |_| ()).expect("the orphan makes way");
    assert_ne!(again.process_id(), orphan);
    assert!(connect(&again.superuser_url("postgres")).await.is_ok());
}

#[tokio::test]
async fn without_an_installed_postgres_npm_brings_one() {
    let search = Search::from_env().without_system();
    let postgres = start(options(Data::Ephemeral, search), &mut |_| ()).expect("npm brings it");
    assert_eq!(postgres.version(), "17.10");
    let client = connect(&postgres.superuser_url("postgres"))
        .await
        .expect("it answers");
    assert!(
        text(&client, "select version()")
            .await
            .starts_with("PostgreSQL 17.10")
    );
}

#[test]
fn with_nothing_at_all_the_error_says_what_to_install() {
    let search = Search::from_env().without_system().without_npm();
    let refused = start(options(Data::Ephemeral, search), &mut |_| ())
        .expect_err("refused")
        .to_string();
    for way in [
        "apt-get install postgresql",
        "brew install",
        "Node.js",
        "MAKO_PG_BIN",
    ] {
        assert!(refused.contains(way), "{refused}");
    }
}

#[test]
fn a_cluster_of_another_version_is_left_alone() {
    let project = Project::new("version");
    let kept = |search| options(Data::Kept(project.0.clone()), search);
    drop(start(kept(Search::npm("17.10.0-beta.17")), &mut |_| ()).expect("it starts"));
    let refused = start(kept(Search::npm("18.4.0-beta.17")), &mut |_| ()).expect_err("refused");
    assert!(
        matches!(
            refused,
            Error::OtherVersion {
                cluster: 17,
                found: 18,
                ..
            }
        ),
        "{refused}"
    );
    assert!(
        start(kept(Search::npm("17.10.0-beta.17")), &mut |_| ()).is_ok(),
        "untouched"
    );
}

#[test]
fn a_start_that_was_cancelled_leaves_nothing() {
    let project = Project::new("cancelled");
    let options = options(Data::Kept(project.0.clone()), Search::from_env());
    let cancel = options.cancel.clone();
    let refused = start(options, &mut |_| cancel.cancel()).expect_err("cancelled");
    assert!(matches!(refused, Error::Cancelled), "{refused}");
    let again = start(
        self::options(Data::Kept(project.0.clone()), Search::from_env()),
        &mut |_| (),
    );
    assert!(again.is_ok(), "nothing is in the way of the next");
}
