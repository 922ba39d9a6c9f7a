//! Does a connection remember whom it served? After success, failure and a request dropped at every await point,
//! the next borrower finds the login itself, no claims and no open transaction.

mod dropped;

use std::pin::pin;

use futures_util::poll;
use store::rows::leads::{self, LeadFilter, NewLead};
use store::{Access, Error, PageRequest, Store, TenantTx};
use tests::TestDatabase;
use tests::database::{batch, query};
use tests::people::Person::{Alice, Bob};
use tokio_postgres::Client;

fn page() -> PageRequest {
    PageRequest {
        limit: 50,
        cursor: None,
        count: false,
    }
}

fn lead(name: &str) -> NewLead {
    NewLead {
        name: name.into(),
        phone: "1".into(),
        status: "new".into(),
        source: "test".into(),
        ..NewLead::default()
    }
}

/// A store with one connection, and eyes on it.
struct Watched {
    store: Store,
    superuser: Client,
}

impl Watched {
    /// The function that `/ready` calls as the login is replaced by one that looks at whom it finds there.
    async fn new(database: &TestDatabase, store: Store) -> Self {
        let superuser = database.superuser().await;
        batch(
            &superuser,
            "create or replace function mako.schema_version() returns int language plpgsql security invoker as $$
             begin
               assert current_user = 'mako', 'the role of ' || current_user;
               assert coalesce(current_setting('request.jwt.claims', true), '') = '', 'claims';
               return 1;
             end $$",
        )
        .await;
        Self { store, superuser }
    }

    /// The next borrower must find its own transaction and nothing else.
    async fn assert_clean(&self, after: &str) {
        let found = self.store.readiness().await.map(|found| found.schema_version);
        assert!(matches!(found, Ok(Some(1))), "{after}: {found:?}");
        let sql = "select count(*) from pg_stat_activity
            where datname = current_database() and usename = 'mako' and state <> 'idle'";
        let open: i64 = self.superuser.query_one(sql, &[]).await.unwrap().get(0);
        assert_eq!(open, 0, "{after}: a transaction is open");
        let listed = leads::list(&self.store, &Bob.claims(), &LeadFilter::default(), &page()).await;
        let rows = listed.unwrap_or_else(|error| panic!("{after}: {error}")).rows;
        assert_eq!(rows.len(), 2, "{after}: bob sees his own rows");
    }
}

#[tokio::test]
async fn a_parameter_that_fails_to_encode_leaves_no_open_transaction() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    let store = &watched.store;
    // A number where the statement takes text: refused by the client, after BEGIN was queued.
    let error = store
        .run(&Alice.claims(), query("leads/find"), &[&5_i64])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Mismatch(_)), "{error:?}");
    watched.assert_clean("an encode error").await;
}

#[tokio::test]
async fn a_statement_that_fails_leaves_nothing_behind() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    let store = &watched.store;
    let too_long = NewLead {
        name: "x".repeat(300),
        ..lead("x")
    };
    let error = leads::create(store, &Alice.claims(), &too_long, None)
        .await
        .unwrap_err();
    assert_eq!(
        error.sqlstate(),
        Some("23514"),
        "the first error, not the transaction's being aborted"
    );
    watched.assert_clean("a failed statement").await;
}

#[tokio::test]
async fn what_is_checked_at_the_end_of_the_transaction_is_the_statements_error() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    batch(
        &watched.superuser,
        "create function late() returns trigger language plpgsql as $$
           begin raise exception using errcode = '23514'; end $$;
         create constraint trigger late after insert on leads
           deferrable initially deferred for each row execute function late()",
    )
    .await;
    let created = leads::create(&watched.store, &Alice.claims(), &lead("late"), None).await;
    let error = created.expect_err("the row may not be kept");
    assert_eq!(error.sqlstate(), Some("23514"));
    watched.assert_clean("a failed commit").await;
    let kept = "select count(*) from leads where name = 'late'";
    assert_eq!(
        watched
            .superuser
            .query_one(kept, &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        0
    );
}

#[tokio::test]
async fn a_read_cannot_write_and_the_next_write_can() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    batch(
        &watched.superuser,
        "create table public.seen (at timestamptz default now());
         grant insert on public.seen to authenticated;
         create function public.note() returns boolean language sql volatile as
           $$ insert into public.seen default values returning true $$;
         create policy note on public.leads as restrictive for select using (public.note())",
    )
    .await;
    let (store, claims) = (&watched.store, Alice.claims());
    let counted = PageRequest {
        count: true,
        ..page()
    };
    for page in [page(), counted] {
        let listed = leads::list(store, &claims, &LeadFilter::default(), &page).await;
        assert_eq!(listed.expect_err("it writes").sqlstate(), Some("25006"));
    }
    let created = leads::create(store, &claims, &lead("w"), None).await;
    assert!(created.is_ok(), "{:?}", created.err());
}

#[tokio::test]
async fn a_closure_that_swallows_an_error_cannot_commit() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    let store = &watched.store;
    let outcome = store
        .run_as(&Alice.claims(), Access::Write, async |tx| {
            tx.run(query("leads/delete"), &[&"no such lead"]).await?;
            drop(tx.run(query("leads/find"), &[&5_i64]).await);
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(outcome, Err(Error::Mismatch(_))), "{outcome:?}");
    watched.assert_clean("a swallowed error").await;
}

/// Sends an insert that the table's limits refuse.
async fn send_what_is_refused(tx: &TenantTx<'_>) -> Result<(), Error> {
    let (too_long, none) = ("n".repeat(201), None::<&str>);
    tx.send(
        query("leads/insert"),
        &[&too_long, &"1", &"new", &"test", &none, &none, &none, &none],
    )
    .await
}

#[tokio::test]
async fn what_was_sent_is_committed_in_its_order() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    let (store, claims) = (&watched.store, Alice.claims());
    let made = leads::create(store, &claims, &lead("sent"), None).await.unwrap();
    let id = made.expect("no key was used before").row.id;
    let found = store
        .run_as(&claims, Access::Write, async |tx| {
            tx.send(query("leads/delete"), &[&id]).await?;
            let found = tx.run(query("leads/find"), &[&id]).await?.len();
            tx.send(query("contacts/delete"), &[&"no such contact"]).await?;
            Ok::<_, Error>(found)
        })
        .await;
    assert!(matches!(found, Ok(0)), "what follows sees it: {found:?}");
    assert!(leads::find(store, &claims, &id).await.unwrap().is_none());
    watched.assert_clean("statements that were sent").await;
}

#[tokio::test]
async fn what_was_sent_and_refused_is_the_error_of_what_follows_and_of_the_transaction() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    let (store, claims) = (&watched.store, Alice.claims());
    let refused = Some("23514");
    let last = store
        .run_as(&claims, Access::Write, async |tx| {
            tx.run(query("contacts/delete"), &[&"no such contact"]).await?;
            send_what_is_refused(tx).await
        })
        .await;
    assert_eq!(last.expect_err("it is too long").sqlstate(), refused);
    watched.assert_clean("a refusal at the end").await;
    let swallowed = store
        .run_as(&claims, Access::Write, async |tx| {
            tx.send(query("users/lock"), &[]).await?;
            send_what_is_refused(tx).await?;
            let following = tx.run(query("users/find"), &[]).await;
            assert_eq!(following.expect_err("it is aborted").sqlstate(), refused);
            Ok::<_, Error>(())
        })
        .await;
    assert_eq!(swallowed.expect_err("it is aborted").sqlstate(), refused);
    watched.assert_clean("a refusal that was swallowed").await;
    let left = leads::list(store, &claims, &LeadFilter::default(), &page()).await;
    assert_eq!(left.unwrap().rows.len(), 3);
}

#[tokio::test]
async fn a_closure_that_does_not_wait_for_a_statement_cannot_commit() {
    let database = TestDatabase::new().await.with_rows().await;
    let watched = Watched::new(&database, database.store(1)).await;
    let store = &watched.store;
    let outcome = store
        .run_as(&Alice.claims(), Access::Write, async |tx| {
            {
                let mut abandoned = pin!(tx.run(query("users/find"), &[]));
                assert!(poll!(abandoned.as_mut()).is_pending());
            }
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(outcome, Err(Error::Abandoned)), "{outcome:?}");
    watched.assert_clean("an abandoned statement").await;
}
