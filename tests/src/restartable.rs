//! A durable Postgres that is stopped, killed and started again, behind an address that stays; and its standby.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use devdb::{Data, Options, Postgres, Search};
use store::Target;
use store::admin::Admin;
use tokio::net::{TcpListener, TcpStream};

use crate::cluster::LOGIN_PASSWORD;
use crate::database::{batch, connect};
use crate::hooks::TENANTS;
use crate::process::until;
use crate::service::remove_data_dir;

/// A Postgres with fsync on, and a migrated database `mako` with both tenants.
pub struct Restartable {
    folder: PathBuf,
    postgres: Option<Postgres>,
    /// Where the server listens now.
    port: Arc<AtomicU16>,
    /// What clients are told.
    address: u16,
}

impl Restartable {
    /// Starts it.
    pub async fn start() -> Self {
        let it = Self::empty().await;
        let postgres = it.postgres().superuser_url("postgres");
        batch(&connect(&postgres).await, "create database mako").await;
        let login = Target::parse(&it.login_url(), None).expect("a URL");
        let admin = Target::parse(&it.postgres().superuser_url("mako"), None).expect("a URL");
        let admin = Admin::connect(&admin).await.expect("the superuser can connect");
        admin
            .migrate(Some(&login), &mut |_| ())
            .await
            .expect("it migrates");
        batch(&it.superuser().await, TENANTS).await;
        it
    }

    /// A cluster with nothing in it.
    async fn empty() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound").port();
        let name = format!("mako-restartable-{}-{address}", std::process::id());
        let port = Arc::new(AtomicU16::new(0));
        tokio::spawn(forward(listener, Arc::clone(&port)));
        let mut it = Self {
            folder: std::env::temp_dir().join(name),
            postgres: None,
            port,
            address,
        };
        it.go_on().await;
        it
    }

    /// Starts the server again.
    pub async fn go_on(&mut self) {
        let options = Options {
            data: Data::Kept(self.folder.clone()),
            search: Search::from_env(),
            settings: Vec::new(),
            cancel: devdb::Cancel::default(),
        };
        let started = tokio::task::spawn_blocking(move || devdb::start(options, &mut |_| ()))
            .await
            .expect("devdb doesn't panic")
            .expect("the server starts");
        self.port.store(started.port(), Ordering::SeqCst);
        self.postgres = Some(started);
    }

    /// Stops the server in order; connections are cut.
    pub async fn stop(&mut self) {
        let postgres = self.postgres.take().expect("it runs");
        tokio::task::spawn_blocking(move || postgres.stop())
            .await
            .expect("devdb doesn't panic");
    }

    /// Ends every process of the server at once, as when its machine loses power.
    pub async fn kill(&mut self) {
        signal("KILL", self.postgres().process_id());
        self.stop().await;
    }

    /// A standby that streams from this server, which is stopped for a moment; what is committed from then on is
    /// committed on both.
    pub async fn standby(&mut self) -> Self {
        let standby = self.replica().await;
        let superuser = self.superuser().await;
        for statement in [
            "alter system set synchronous_standby_names = '*'",
            "select pg_reload_conf()",
        ] {
            batch(&superuser, statement).await;
        }
        until(async || self.is_followed("sync").await).await;
        standby
    }

    /// A standby that streams from this server, which is stopped for a moment and doesn't wait for it afterwards.
    pub async fn replica(&mut self) -> Self {
        let mut standby = Self::empty().await;
        let (ours, theirs) = (self.data().await, standby.data().await);
        self.stop().await;
        standby.stop().await;
        copy(&ours, &theirs);
        self.go_on().await;
        let primary = self.postgres().superuser_url("postgres");
        let conninfo = format!("primary_conninfo = '{primary}'\n");
        append(&theirs.join("postgresql.auto.conf"), &conninfo);
        std::fs::write(theirs.join("standby.signal"), "").expect("it can be written");
        standby.go_on().await;
        until(async || self.is_followed("async").await).await;
        standby
    }

    /// Whether a standby streams, in this way.
    async fn is_followed(&self, sync_state: &str) -> bool {
        let sql =
            "select exists (select from pg_stat_replication where state = 'streaming' and sync_state = $1)";
        let superuser = self.superuser().await;
        let follows = superuser.query_one(sql, &[&sync_state]).await;
        follows.expect("a superuser may").get(0)
    }

    /// Has every process of the server stand still, connections open: it answers nothing until it is killed.
    pub fn freeze(&self) {
        signal("STOP", self.postgres().process_id());
    }

    /// The running server.
    #[must_use]
    pub fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().expect("it runs")
    }

    /// The port that stays.
    #[must_use]
    pub fn address(&self) -> u16 {
        self.address
    }

    /// Where the server keeps its data.
    pub async fn data(&self) -> PathBuf {
        let superuser = connect(&self.postgres().superuser_url("postgres")).await;
        let row = superuser.query_one("show data_directory", &[]).await;
        PathBuf::from(row.expect("a superuser may").get::<_, String>(0))
    }

    /// What `DATABASE_URL` would be.
    #[must_use]
    pub fn login_url(&self) -> String {
        format!("postgres://mako:{LOGIN_PASSWORD}@127.0.0.1:{}/mako", self.address)
    }

    /// A session of the superuser's.
    pub async fn superuser(&self) -> tokio_postgres::Client {
        connect(&self.postgres().superuser_url("mako")).await
    }
}

impl Drop for Restartable {
    fn drop(&mut self) {
        drop(self.postgres.take());
        remove_data_dir(&self.folder);
    }
}

/// Passes bytes on to wherever the server listens now; a server that isn't there refuses.
async fn forward(listener: TcpListener, port: Arc<AtomicU16>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let port = port.load(Ordering::SeqCst);
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await {
                // As client and server have it between them: else what follows at once waits 40 ms for an acknowledgement.
                for stream in [&client, &server] {
                    stream.set_nodelay(true).expect("it is open");
                }
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            }
        });
    }
}

/// Sends a signal to a server and all its processes.
fn signal(name: &str, postmaster: u32) {
    let mut processes = children(postmaster);
    // The parent first: it would take the end of a child for a crash, and end the others in order.
    processes.insert(0, postmaster);
    let processes = processes.iter().map(u32::to_string);
    // A child may have ended by itself by now.
    drop(Command::new("kill").args(["-s", name]).args(processes).output());
}

/// The processes that a process has made.
fn children(parent: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let listed = String::from_utf8(listed.expect("ps is there").stdout).expect("numbers");
    let pairs = listed.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    pairs
        .filter(|(_, of): &(u32, u32)| *of == parent)
        .map(|(pid, _)| pid)
        .collect()
}

/// Replaces a stopped cluster by another, with its password, which lies beside it.
fn copy(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).expect("nobody uses it");
    let beside = |data: &Path| data.with_file_name("password");
    for (from, to) in [(from.to_owned(), to.to_owned()), (beside(from), beside(to))] {
        let copied = Command::new("cp").arg("-a").args([from, to]).status();
        assert!(copied.expect("cp is there").success());
    }
}

fn append(file: &Path, text: &str) {
    let mut contents = std::fs::read_to_string(file).expect("it is there");
    contents.push_str(text);
    std::fs::write(file, contents).expect("it can be written");
}
