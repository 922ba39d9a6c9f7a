//! Stopped at any step, an adoption goes on where it was; in the way of a long transaction, it waits without a queue
//! behind it.

use std::time::Duration;

use tests::crm::{State, Writers};
use tests::database::{batch, connect};
use tests::process::PATIENCE;
use tests::service::binary;

use super::{adopt, assert_tenancy, content, crm_in, number, start};

#[tokio::test]
async fn a_killed_adoption_goes_on_where_it_was() {
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 400).await;
    let url = database.superuser_url();
    let before = content(&owner).await;
    let (mut kills, mut log) = (0, String::new());
    // Each try may take some steps more before it is killed, until one is left alone.
    for lines in [3, 5, 7, 9, 11, 13, 15, 17, 19, usize::MAX] {
        let mut adoption = start(&url, &["--apply"]).await;
        while adoption.log().lines().count() < lines && adoption.child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if adoption.child.try_wait().unwrap().is_none() {
            adoption.signal("KILL").await;
        }
        let (code, said) = adoption.output().await;
        log = said;
        if code.is_some() {
            assert_eq!(code, Some(0), "{log}");
            break;
        }
        kills += 1;
    }
    assert!(kills >= 3, "{kills}");
    // The rows of before the first try, not of the last.
    assert!(log.contains("leads: 400 rows before, 400 untouched"), "{log}");
    let after = content(&owner).await;
    assert!(
        before.iter().all(|table| after.contains(table)),
        "{before:?} {after:?}"
    );
    assert_tenancy(&owner, &database.superuser_url(), &database.authenticator_url()).await;
    assert_eq!(number(&owner, "select count(*) from mako.adoption_rows").await, 0);
}

#[tokio::test]
async fn an_index_that_was_left_unfinished_is_built_anew() {
    binary().await;
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 80).await;
    let url = database.superuser_url();
    // Whoever builds an index concurrently waits for older snapshots.
    let reader = connect(&url).await;
    batch(&reader, "begin isolation level repeatable read; select 1").await;
    let adoption = start(&url, &["--apply"]).await;
    let builder = tokio::time::timeout(PATIENCE, async {
        let sql = "select pid from pg_stat_progress_create_index where phase like 'waiting for old snapshots'
            and datname = current_database()";
        loop {
            if let Some(row) = owner.query_opt(sql, &[]).await.unwrap() {
                return row.get::<_, i32>(0);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("an index is being built");
    adoption.signal("KILL").await;
    drop(adoption.output().await);
    owner
        .query_one("select pg_terminate_backend($1, 5000)", &[&builder])
        .await
        .unwrap();
    batch(&reader, "rollback").await;
    let invalid = "select count(*) from pg_index where not indisvalid";
    assert_eq!(number(&owner, invalid).await, 1);
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("unfinished index"), "{log}");
    assert_eq!(number(&owner, invalid).await, 0);
}

#[tokio::test]
async fn a_long_transaction_is_waited_for_without_stopping_the_writers() {
    binary().await;
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 400).await;
    let url = database.superuser_url();
    let reader = connect(&url).await;
    batch(&reader, "begin; select count(*) from leads").await;
    let writers = Writers::start(&database.authenticator_url(), &owner, 3, true).await;
    let mut adoption = start(&url, &["--apply"]).await;
    adoption
        .wait_for(|log| {
            log.contains("leads: default of id, default of user_id: waiting for process")
                .then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await; // Several tries, behind each of which writers could queue.
    let during = writers.stop().await;
    assert!(during.failures.is_empty(), "{:?}", during.failures);
    assert!(during.slowest < Duration::from_secs(1), "{:?}", during.slowest);
    batch(&reader, "rollback").await;
    let (code, log) = adoption.output().await;
    assert_eq!(code, Some(0), "{log}");
}
