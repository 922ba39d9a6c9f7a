//! The real PgBouncer in transaction mode: what stands between a service and a busy Supabase.

use std::path::PathBuf;

use tokio::process::Command;

use crate::cluster::LOGIN_PASSWORD;
use crate::database::TestDatabase;
use crate::postgrest::unprivileged;
use crate::process::{Process, free_port};
use crate::programs;

/// A running PgBouncer.
pub struct PgBouncer {
    _process: Process,
    folder: PathBuf,
    port: u16,
    database: String,
}

impl PgBouncer {
    /// In front of a database, for the login `mako`.
    pub async fn before(database: &TestDatabase) -> Self {
        Self::with_pool(database, 4).await
    }

    /// With this many connections to the server.
    pub async fn with_pool(database: &TestDatabase, size: usize) -> Self {
        Self::with(database, size, 200).await
    }

    /// With this many connections to the server, for so many clients.
    pub async fn with(database: &TestDatabase, size: usize, clients: usize) -> Self {
        Self::start(database, size, clients, keeps_statements()).await
    }

    /// One that keeps no prepared statements, of whatever version it is.
    pub async fn forgetful(database: &TestDatabase, size: usize) -> Self {
        Self::start(database, size, 200, false).await
    }

    async fn start(database: &TestDatabase, size: usize, clients: usize, keeps: bool) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("mako-pgbouncer-{port}"));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let (ini, users) = (folder.join("pgbouncer.ini"), folder.join("users.txt"));
        // Older versions don't know the parameter.
        let statements = match (keeps_statements(), keeps) {
            (true, true) => "max_prepared_statements = 100\n",
            (true, false) => "max_prepared_statements = 0\n",
            (false, _) => "",
        };
        let config = format!(
            "[databases]\n{name} = host=127.0.0.1 port={server} dbname={name}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {users}\npool_mode = transaction\n\
             default_pool_size = {size}\nmax_client_conn = {clients}\n{statements}",
            name = database.name(),
            server = database.cluster().postgres().port(),
            users = users.display(),
        );
        std::fs::write(&ini, config).expect("it can be written");
        std::fs::write(&users, format!("\"mako\" \"{LOGIN_PASSWORD}\"\n")).expect("it can be written");
        let mut command = Command::new(programs::pgbouncer());
        command.arg(&ini);
        unprivileged(&mut command);
        let mut process = Process::start(&mut command);
        process
            .wait_for(|log| log.contains("process up").then_some(()))
            .await;
        Self {
            _process: process,
            folder,
            port,
            database: database.name().to_owned(),
        }
    }

    /// What `DATABASE_URL` would be.
    #[must_use]
    pub fn login_url(&self) -> String {
        format!(
            "postgres://mako:{LOGIN_PASSWORD}@127.0.0.1:{}/{}",
            self.port, self.database
        )
    }
}

/// Whether this PgBouncer can keep prepared statements: 1.21 is the first.
#[must_use]
pub fn keeps_statements() -> bool {
    let said = std::process::Command::new(programs::pgbouncer())
        .arg("--version")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.split_whitespace().nth(1).expect("PgBouncer 1.x.y");
    let mut numbers = version
        .split('.')
        .map(|number| number.parse::<u32>().expect("a version"));
    (numbers.next(), numbers.next()) >= (Some(1), Some(21))
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
