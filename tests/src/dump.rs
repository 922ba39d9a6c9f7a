//! What a `pg_dump` holds.

use std::path::PathBuf;
use std::sync::Arc;

use devdb::Search;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::database::TestDatabase;
use crate::process::Process;
use crate::programs;

/// A `pg_dump`, and a migrated database that it can dump: a distribution's refuses a server that is newer than itself.
pub async fn dumpable() -> (PathBuf, TestDatabase) {
    let found = tokio::task::spawn_blocking(|| programs::postgres_client("pg_dump"));
    let pg_dump = found.await.expect("it is found or fetched");
    let database = if programs::is_fetched(&pg_dump) {
        let cluster = Cluster::start(Search::npm(programs::OLDEST_SERVER)).await;
        TestDatabase::on(Arc::new(cluster)).await
    } else {
        TestDatabase::new().await
    };
    (pg_dump, database)
}

/// A dump of the whole database, as text.
pub async fn dump(pg_dump: PathBuf, database: &TestDatabase) -> String {
    let mut command = Command::new(pg_dump);
    command.arg(database.superuser_url());
    let (status, dump) = Process::start(&mut command).output().await;
    assert_eq!(status, Some(0), "{dump}");
    dump
}
