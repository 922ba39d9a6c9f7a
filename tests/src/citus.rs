//! A coordinator and workers, from a Citus that `MAKO_TEST_CITUS` names: a prefix whose `bin` has PostgreSQL's programs.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use devdb::{Postgres, Search};
use futures_util::future::join_all;
use store::Target;
use store::admin::Admin;
use tokio::sync::Mutex;
use tokio_postgres::NoTls;

use crate::cluster::{Cluster, new_name, server};
use crate::database::{batch, connect};
use crate::process::until;

static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());

const SETTINGS: &[(&str, &str)] = &[
    ("shared_preload_libraries", "citus"),
    ("max_connections", "300"),
    ("wal_level", "logical"),
    // Each database has a maintenance daemon on each node.
    ("max_worker_processes", "60"),
    // A transaction on several nodes is prepared on each.
    ("max_prepared_transactions", "300"),
    ("citus.shard_count", "4"),
    ("citus.enable_statistics_collection", "off"),
    ("citus.local_hostname", "127.0.0.1"),
    // Or libpq looks for a certificate in the home of whoever runs the tests, who is another.
    ("citus.node_conninfo", "sslmode=disable"),
];

impl Cluster {
    /// The cluster of this process that has workers, started if it isn't there; None, and a line that says so, without Citus.
    pub async fn with_workers() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return Some(cluster);
        }
        let cluster = Arc::new(Self::citus(2).await?);
        *shared = Arc::downgrade(&cluster);
        Some(cluster)
    }

    /// One of one's own with so many workers: roles belong to all databases of a cluster.
    pub async fn citus(workers: usize) -> Option<Self> {
        let Some(prefix) = std::env::var_os("MAKO_TEST_CITUS").map(PathBuf::from) else {
            eprintln!("skipped: MAKO_TEST_CITUS names no prefix with Citus");
            return None;
        };
        let mut nodes = join_all((0..=workers).map(|_| node(&prefix))).await;
        let workers = nodes.split_off(1);
        Some(Self::of(nodes.remove(0), workers))
    }

    /// An empty database on every node, which know each other; returns its name.
    pub async fn citus_database(&self) -> String {
        let name = new_name();
        for node in self.workers.iter().chain([self.postgres()]) {
            let superuser = connect(&node.superuser_url("postgres")).await;
            batch(&superuser, &format!("create database {name}")).await;
            batch(
                &connect(&node.superuser_url(&name)).await,
                "create extension citus",
            )
            .await;
        }
        let coordinator = connect(&self.superuser_url(&name)).await;
        let known = format!(
            "select citus_set_coordinator_host('127.0.0.1', {})",
            self.postgres().port()
        );
        batch(&coordinator, &known).await;
        for worker in &self.workers {
            let known = format!("select citus_add_node('127.0.0.1', {})", worker.port());
            batch(&coordinator, &known).await;
        }
        name
    }

    /// A migrated database whose rows are distributed; returns its name.
    pub(crate) async fn distributed_database(&self) -> String {
        // Roles are everybody's, on every node.
        let _one_at_a_time = self.cloning.lock().await;
        let name = self.citus_database().await;
        let login = Target::parse(&self.login_url(&name), None).expect("a URL");
        let admin: Admin = self.admin(&name).await;
        admin
            .distribute(Some(&login), &mut |_| ())
            .await
            .expect("Citus spreads it");
        name
    }

    /// The URL of a login on each worker.
    #[must_use]
    pub fn worker_urls(&self, login: &str, database: &str) -> Vec<String> {
        let url = |worker: &Postgres| format!("postgres://{login}@127.0.0.1:{}/{database}", worker.port());
        self.workers.iter().map(url).collect()
    }
}

/// A node, which takes the others' word for who they are: they are on loopback, like everything here.
async fn node(prefix: &std::path::Path) -> Postgres {
    let node = server(Search::only(prefix.join("bin")), SETTINGS).await;
    let superuser = connect(&node.superuser_url("postgres")).await;
    let row = superuser.query_one("show hba_file", &[]).await;
    let file: String = row.expect("a superuser may").get(0);
    std::fs::write(file, "host all all 127.0.0.1/32 trust\n").expect("it can be written");
    // Newer servers must be told whose plugins may read the log, older ones don't know the setting.
    drop(
        superuser
            .simple_query("alter system set output_plugin_libraries = 'citus', 'pgoutput'")
            .await,
    );
    batch(&superuser, "select pg_reload_conf()").await;
    let trusted = format!("postgres://postgres@127.0.0.1:{}/postgres", node.port());
    until(async || tokio_postgres::connect(&trusted, NoTls).await.is_ok()).await;
    node
}
