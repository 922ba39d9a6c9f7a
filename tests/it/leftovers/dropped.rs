//! A request that is dropped at any point leaves nothing to whoever has the connection next.

use std::pin::pin;

use futures_util::poll;
use store::rows::leads::{self, LeadFilter};
use store::{Access, Error, PageRequest};
use tests::TestDatabase;
use tests::database::{batch, query, store};
use tests::people::Person::Alice;
use tests::pgbouncer::PgBouncer;
use tests::process::PATIENCE;

use super::{Watched, lead, page};

/// Polls `work` once, twice, …, dropping it each time, until it finishes; looks at the connection after each.
async fn drop_at_every_await<F: Future>(watched: &Watched, what: &str, work: impl Fn() -> F) -> usize {
    for polls in 1..500 {
        let finished = {
            let mut work = pin!(work());
            let mut finished = false;
            for _ in 0..polls {
                if poll!(work.as_mut()).is_ready() {
                    finished = true;
                    break;
                }
                tokio::task::yield_now().await;
            }
            finished
        };
        watched
            .assert_clean(&format!("{what}, dropped after {polls} polls"))
            .await;
        if finished {
            return polls;
        }
    }
    // A busy machine answers after more polls than that; let alone, it must come to an end.
    let finished = tokio::time::timeout(PATIENCE, work()).await;
    assert!(finished.is_ok(), "{what} never finishes");
    watched.assert_clean(&format!("{what}, not dropped")).await;
    500
}

async fn every_shape(watched: &Watched) {
    let (store, claims) = (&watched.store, Alice.claims());
    let (read_all, write_one) = (LeadFilter::default(), lead("w"));
    let page = page();
    let read = drop_at_every_await(watched, "a read", || {
        leads::list(store, &claims, &read_all, &page)
    })
    .await;
    let counted = PageRequest { count: true, ..page };
    let several = drop_at_every_await(watched, "two statements", || {
        leads::list(store, &claims, &read_all, &counted)
    })
    .await;
    let write = drop_at_every_await(watched, "a write", || {
        leads::create(store, &claims, &write_one, None)
    })
    .await;
    let closure = drop_at_every_await(watched, "a closure", || {
        store.run_as(&claims, Access::Write, async |tx| {
            tx.run(query("users/find"), &[]).await?;
            tx.run(query("users/find"), &[]).await?;
            Ok::<_, Error>(())
        })
    })
    .await;
    let sending = drop_at_every_await(watched, "a closure that doesn't wait", || {
        store.run_as(&claims, Access::Write, async |tx| {
            tx.send(query("users/lock"), &[]).await?;
            tx.send(query("users/lock"), &[]).await
        })
    })
    .await;
    assert!(
        read > 1 && several > 1 && write > 1 && closure > 2 && sending > 1,
        "each was dropped at least once: {read}, {several}, {write}, {closure}, {sending}"
    );
}

#[tokio::test]
async fn a_request_dropped_at_any_point_leaves_nothing_behind() {
    let database = TestDatabase::new().await.with_rows().await;
    every_shape(&Watched::new(&database, database.store(1)).await).await;
}

#[tokio::test]
async fn a_request_dropped_at_any_point_of_a_cold_connection_leaves_nothing_behind() {
    let database = TestDatabase::new().await.with_rows().await;
    let claims = Alice.claims();
    for polls in 1..60 {
        let watched = Watched::new(&database, database.store(1)).await;
        {
            let filter = LeadFilter::default();
            let page = page();
            let mut work = pin!(leads::list(&watched.store, &claims, &filter, &page));
            for _ in 0..polls {
                if poll!(work.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        watched
            .assert_clean(&format!("cold, dropped after {polls} polls"))
            .await;
    }
}

#[tokio::test]
async fn through_a_transaction_pooler_nothing_is_left_behind_either() {
    let database = TestDatabase::new().await.with_rows().await;
    let pooler = PgBouncer::with_pool(&database, 1).await;
    every_shape(
        &Watched::new(
            &database,
            store(&pooler.login_url(), 1, store::PreparedStatements::Off),
        )
        .await,
    )
    .await;
}

#[tokio::test]
async fn a_connection_that_still_prepares_for_a_dropped_request_is_not_lent() {
    let database = TestDatabase::new().await.with_rows().await;
    let store = database.store(4); // Two of them for Alice.
    let (claims, all, page) = (Alice.claims(), LeadFilter::default(), page());
    let blocker = database.superuser().await;
    batch(&blocker, "begin; lock table leads in access exclusive mode").await;
    // The connection is new: the statement waits for the lock while it is parsed, before any BEGIN.
    tokio::select! {
        _ = leads::list(&store, &claims, &all, &page) => panic!("the table is locked"),
        () = database.until_blocked(1) => {}
    }
    let others = store.run(&claims, query("users/find"), &[]);
    let others = tokio::time::timeout(std::time::Duration::from_secs(3), others).await;
    assert!(matches!(others, Ok(Ok(_))), "another connection answers");
    batch(&blocker, "rollback").await;
}

#[tokio::test]
async fn a_dropped_request_counts_as_the_users_until_it_is_rolled_back() {
    let database = TestDatabase::new().await.with_rows().await;
    let store = database.store(2); // One of them for Alice.
    let (claims, all, page) = (Alice.claims(), LeadFilter::default(), page());
    let blocker = database.superuser().await;
    batch(&blocker, "begin; lock table leads in access exclusive mode").await;
    tokio::select! {
        _ = leads::list(&store, &claims, &all, &page) => panic!("the table is locked"),
        () = database.until_blocked(1) => {}
    }
    let refused = store.run(&claims, query("users/find"), &[]).await;
    assert!(matches!(refused, Err(Error::ShareExhausted)), "{refused:?}");
    batch(&blocker, "rollback").await;
    assert!(store.run(&claims, query("users/find"), &[]).await.is_ok());
}

#[tokio::test]
async fn a_closure_that_is_dropped_commits_nothing() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    let store = &watched.store;
    let claims = Alice.claims();
    drop_at_every_await(&watched, "a deleting closure", || {
        store.run_as(&claims, Access::Write, async |tx| {
            tx.run(query("users/find"), &[]).await?;
            Err::<(), _>(Error::Abandoned)
        })
    })
    .await;
    let left = leads::list(store, &claims, &LeadFilter::default(), &page())
        .await
        .unwrap();
    assert_eq!(left.rows.len(), 3);
}
