//! One Postgres for all tests of a process that run at the same time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use devdb::{Data, Options, Postgres, Search};
use store::Target;
use store::admin::Admin;
use tokio::sync::Mutex;

/// A running Postgres with a migrated template database.
pub struct Cluster {
    postgres: Postgres,
    /// Citus' other nodes, of a cluster that has some.
    pub workers: Vec<Postgres>,
    /// Only one clone at a time: CREATE DATABASE refuses a template that another session is reading.
    pub(crate) cloning: Mutex<()>,
}

/// What the login role `mako` has as its password in tests.
pub const LOGIN_PASSWORD: &str = "login-password-of-the-tests";
/// What PostgREST's login `authenticator` has as its password in tests.
pub const AUTHENTICATOR_PASSWORD: &str = "authenticator-password-of-the-tests";
const TEMPLATE: &str = "mako_template";

/// Held by the tests that run now; when the last one ends, Postgres stops.
static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());
static NEXT: AtomicU32 = AtomicU32::new(1);

impl Cluster {
    /// The cluster of this process, started if it isn't there. With `MAKO_TESTS_THROUGH=citus` in the environment one
    /// that has workers: so the API's own tests are run on distributed databases, too.
    pub async fn shared() -> Arc<Self> {
        if std::env::var_os("MAKO_TESTS_THROUGH").is_some_and(|through| through == "citus") {
            return Self::with_workers()
                .await
                .expect("MAKO_TEST_CITUS names a prefix");
        }
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Self::start(Search::from_env()).await);
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    /// A cluster with nothing of ours in it.
    pub async fn bare(search: Search) -> Self {
        let postgres = server(search, &[("max_connections", "300")]).await;
        Self::of(postgres, Vec::new())
    }

    /// A cluster of these servers.
    pub(crate) fn of(postgres: Postgres, workers: Vec<Postgres>) -> Self {
        Self {
            postgres,
            workers,
            cloning: Mutex::new(()),
        }
    }

    /// Has the programs of a search there, however long npm takes to bring them: for what has a deadline afterwards.
    pub async fn fetched(search: Search) {
        drop(Self::bare(search).await);
    }

    /// A cluster of one's own with a template, for tests that stop it or need another version.
    pub async fn start(search: Search) -> Self {
        let cluster = Self::bare(search).await;
        cluster
            .admin("postgres")
            .await
            .run("template", &format!("create database {TEMPLATE}"))
            .await
            .expect("created");
        let login = Target::parse(&cluster.login_url(TEMPLATE), None).expect("a URL");
        cluster
            .admin(TEMPLATE)
            .await
            .migrate(Some(&login), &mut |_| ())
            .await
            .expect("the template migrates");
        let password = format!("alter role authenticator password '{AUTHENTICATOR_PASSWORD}'");
        cluster
            .admin("postgres")
            .await
            .run("authenticator", &password)
            .await
            .expect("a superuser may");
        cluster
    }

    /// An owner's session.
    pub async fn admin(&self, database: &str) -> Admin {
        let target = Target::parse(&self.superuser_url(database), None).expect("a URL");
        Admin::connect(&target).await.expect("the superuser can connect")
    }

    /// A migrated database of its own; returns its name.
    pub async fn clone_template(&self) -> String {
        if !self.workers.is_empty() {
            return self.distributed_database().await;
        }
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let _one_at_a_time = self.cloning.lock().await;
        let sql = format!("create database {name} template {TEMPLATE}");
        self.admin("postgres")
            .await
            .run("clone", &sql)
            .await
            .expect("the template can be cloned");
        name
    }

    /// An empty database of its own; returns its name.
    pub async fn empty_database(&self) -> String {
        let name = new_name();
        self.admin("postgres")
            .await
            .run("empty", &format!("create database {name}"))
            .await
            .expect("created");
        name
    }

    /// An empty database that belongs to a role; returns its name.
    pub async fn owned_database(&self, owner: &str) -> String {
        let name = self.empty_database().await;
        let sql = format!("alter database {name} owner to {owner}");
        self.admin("postgres")
            .await
            .run("owner", &sql)
            .await
            .expect("altered");
        name
    }

    /// The URL of any login.
    #[must_use]
    pub fn url_of(&self, login: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{login}:{password}@127.0.0.1:{}/{database}",
            self.postgres.port()
        )
    }

    /// The superuser's URL of a database.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        self.postgres.superuser_url(database)
    }

    /// The URL of the service's login, what `DATABASE_URL` would be.
    #[must_use]
    pub fn login_url(&self, database: &str) -> String {
        self.url_of("mako", LOGIN_PASSWORD, database)
    }

    /// The URL of PostgREST's login.
    #[must_use]
    pub fn authenticator_url(&self, database: &str) -> String {
        self.url_of("authenticator", AUTHENTICATOR_PASSWORD, database)
    }

    /// The server behind it.
    #[must_use]
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }
}

/// A name that no other database has.
pub(crate) fn new_name() -> String {
    format!("e{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server with these settings, which keeps nothing.
pub(crate) async fn server(search: Search, settings: &[(&str, &str)]) -> Postgres {
    let settings = settings.iter();
    let options = Options {
        data: Data::Ephemeral,
        search,
        settings: settings
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        cancel: devdb::Cancel::default(),
    };
    tokio::task::spawn_blocking(move || devdb::start(options, &mut |_| ()))
        .await
        .expect("devdb doesn't panic")
        .expect("a private Postgres starts")
}
