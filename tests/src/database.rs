//! A migrated database of one's own.

use std::sync::Arc;

use store::{PreparedStatements, Store, StoreSettings, Target};
use tokio_postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::people::Person;

/// A clone of the template; it vanishes with the cluster.
pub struct TestDatabase {
    cluster: Arc<Cluster>,
    name: String,
}

impl TestDatabase {
    /// A migrated database without rows, on the shared cluster.
    pub async fn new() -> Self {
        Self::on(Cluster::shared().await).await
    }

    /// A migrated database without rows, on this cluster.
    pub async fn on(cluster: Arc<Cluster>) -> Self {
        let name = cluster.clone_template().await;
        Self { cluster, name }
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        let cluster = Cluster::shared().await;
        let name = cluster.empty_database().await;
        Self { cluster, name }
    }

    /// The cluster that it lives on.
    #[must_use]
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `DATABASE_URL` would be.
    #[must_use]
    pub fn login_url(&self) -> String {
        self.cluster.login_url(&self.name)
    }

    /// What `ADMIN_DATABASE_URL` would be.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        self.cluster.superuser_url(&self.name)
    }

    /// What PostgREST's db-uri would be.
    #[must_use]
    pub fn authenticator_url(&self) -> String {
        self.cluster.authenticator_url(&self.name)
    }

    /// A session of the superuser, who sees everything.
    pub async fn superuser(&self) -> Client {
        connect(&self.superuser_url()).await
    }

    /// A session of the service's login.
    pub async fn login(&self) -> Client {
        connect(&self.login_url()).await
    }

    /// Waits until this many statements of the service's login wait for a lock: they are inside Postgres by then.
    pub async fn until_blocked(&self, statements: i64) {
        let observer = self.superuser().await;
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and usename = 'mako' and wait_event_type = 'Lock'";
        let blocked = async {
            while observer
                .query_one(waiting, &[])
                .await
                .expect("a superuser may")
                .get::<_, i64>(0)
                < statements
            {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(crate::process::PATIENCE, blocked)
            .await
            .expect("somebody waits for a lock");
    }

    /// The store on it, with a pool of this size.
    #[must_use]
    pub fn store(&self, pool_size: usize) -> Store {
        store(&self.login_url(), pool_size, PreparedStatements::On)
    }

    /// Whether its rows lie on several nodes.
    #[must_use]
    pub fn is_distributed(&self) -> bool {
        !self.cluster.workers.is_empty()
    }

    /// An empty database with Citus on every node, which nothing was distributed in.
    pub async fn on_citus(cluster: Arc<Cluster>) -> Self {
        let name = cluster.citus_database().await;
        Self { cluster, name }
    }

    /// Rows for alice and bob in every tenant table, different in number: alice 3 of each, bob 2.
    pub async fn with_rows(self) -> Self {
        let client = self.superuser().await;
        for (person, rows) in [(Person::Alice, 3), (Person::Bob, 2)] {
            let sql = include_str!("../sql/rows.sql")
                .replace("{user}", person.id())
                .replace("{email}", person.email());
            let sql = sql.replace("{rows}", &rows.to_string());
            if self.is_distributed() {
                fill_spread(&client, &sql).await;
            } else {
                batch(&client, &sql).await;
            }
        }
        self
    }
}

/// A statement after the other: that there is a user is told to other nodes as another role, which its transaction doesn't see.
/// Without subscriptions and their deliveries, of which a distributed database has none.
async fn fill_spread(client: &Client, sql: &str) {
    let statements = sql.split_inclusive(";\n");
    for statement in statements.filter(|statement| !statement.contains("insert into mako.event_")) {
        batch(client, statement).await;
    }
}

/// A store on any URL.
#[must_use]
pub fn store(url: &str, pool_size: usize, prepared_statements: PreparedStatements) -> Store {
    let settings = StoreSettings {
        pool_size,
        statement_timeout: std::time::Duration::from_secs(8),
        prepared_statements,
    };
    Store::new(&Target::parse(url, None).expect("a URL"), &settings).expect("a pool")
}

/// A statement of the store's, by its name.
#[must_use]
pub fn query(name: &str) -> &'static store::Query {
    let mut all = store::queries();
    all.find(|query| query.name == name)
        .unwrap_or_else(|| panic!("there is no {name}"))
}

/// A plain session.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the database answers");
    tokio::spawn(connection);
    client
}

/// Several statements at once.
#[expect(clippy::disallowed_methods, reason = "tests set up what tenants can't")]
pub async fn batch(client: &Client, sql: &str) {
    client.batch_execute(sql).await.expect("the statements run");
}
