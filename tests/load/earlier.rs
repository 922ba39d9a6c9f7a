//! An earlier commit's service beside this one's, on a Postgres of its own, with the schema of its day.

use std::path::Path;

use devdb::Search;
use tests::cluster::{Cluster, LOGIN_PASSWORD};
use tests::database::connect;
use tests::people::JWT_SECRET;
use tests::process::{Process, free_port, until};
use tests::service::ENCRYPTION_KEY;
use tokio::process::Command;
use tokio_postgres::Client;

/// Which commit; `earlier.sh` builds it.
pub(crate) const COMMIT: &str = "d6ef1fb";

/// It and its Postgres.
pub(crate) struct Earlier {
    cluster: Cluster,
    binary: String,
}

/// Its service on one database.
pub(crate) struct EarlierService {
    _process: Process,
    pub(crate) url: String,
}

impl Earlier {
    pub(crate) async fn build() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("load/earlier.sh");
        let built = Command::new(script)
            .arg(COMMIT)
            .stderr(std::process::Stdio::inherit())
            .output()
            .await
            .expect("sh is there");
        assert!(built.status.success(), "{COMMIT} can't be built");
        let binary = String::from_utf8(built.stdout).expect("a path").trim().to_owned();
        Self {
            cluster: Cluster::bare(Search::from_env()).await,
            binary,
        }
    }

    /// A database of its schema; its owner's session.
    pub(crate) async fn database(&self, name: &str) -> Client {
        let admin = self.cluster.admin("postgres").await;
        admin
            .run("database", &format!("create database {name}"))
            .await
            .expect("created");
        let (login, superuser) = (self.cluster.login_url(name), self.cluster.superuser_url(name));
        let migrated = self
            .command(
                "migrate",
                &[("DATABASE_URL", &login), ("ADMIN_DATABASE_URL", &superuser)],
            )
            .output()
            .await
            .expect("it runs");
        assert!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        connect(&superuser).await
    }

    pub(crate) async fn serve(&self, database: &str) -> EarlierService {
        let address = format!("127.0.0.1:{}", free_port());
        let login = self.cluster.url_of("mako", LOGIN_PASSWORD, database);
        let environment = [
            ("DATABASE_URL", login.as_str()),
            ("JWT_SECRET", JWT_SECRET),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY),
            ("LISTEN", &address),
            ("LOG", "warn"),
        ];
        let process = Process::start(&mut self.command("serve", &environment));
        until(async || tokio::net::TcpStream::connect(&address).await.is_ok()).await;
        EarlierService {
            _process: process,
            url: format!("http://{address}"),
        }
    }

    fn command(&self, what: &str, environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg(what)
            .current_dir(std::env::temp_dir())
            .env_clear()
            .envs(environment.iter().copied());
        command
    }
}
