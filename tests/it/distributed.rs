//! Citus spreads tenants' rows over several nodes: is everything as before, for everybody? With `MAKO_TEST_CITUS` only.

mod isolation;
mod proof;
mod routing;
mod there_and_back;

use std::sync::Arc;

use tests::TestDatabase;
use tests::cluster::Cluster;
use tests::process::Process;
use tests::service::mako;

/// A database whose rows lie on two workers, with those of alice and bob; None without Citus.
async fn spread() -> Option<TestDatabase> {
    let cluster = Cluster::with_workers().await?;
    Some(TestDatabase::on(cluster).await.with_rows().await)
}

/// `mako migrate` with these flags on a database: how it ended, and what it said.
async fn migrate(database: &TestDatabase, flags: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["migrate"], flags].concat();
    let (admin, login) = (database.superuser_url(), database.login_url());
    let environment = [
        ("ADMIN_DATABASE_URL", admin.as_str()),
        ("DATABASE_URL", login.as_str()),
        ("LOG", "warn"),
    ];
    let mut process = Process::start(&mut mako(&arguments, &environment).await);
    let ended = process.child.wait().await.unwrap();
    (ended.code(), process.log())
}

#[tokio::test]
async fn without_citus_it_says_so_and_changes_nothing() {
    let database = TestDatabase::on(Arc::new(Cluster::start(devdb::Search::from_env()).await)).await;
    let (code, said) = migrate(&database, &["--distributed"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no extension citus"), "{said}");
    assert_eq!(migrate(&database, &["--check"]).await.0, Some(0));
}
