//! What a statement reads is in proportion to what it is given, also while the planner still takes the table for a small one.

use serde_json::{Value, json};
use tests::database::batch;
use tests::people::Person::Alice;
use tests::process::until;
use tests::{Service, TestDatabase};
use tokio_postgres::Client;

const CONTACTS: usize = 3_000;

/// What a table's statistics know of it: changes, and rows that were read.
async fn changed_and_read(observer: &Client, table: &str) -> (i64, i64) {
    let counted = "select n_tup_ins + n_tup_upd, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
        from pg_stat_all_tables where relid = $1::text::regclass";
    let row = observer.query_one(counted, &[&table]).await.unwrap();
    (row.get(0), row.get(1))
}

fn objects(count: usize, notes: &str) -> Value {
    let object = |n| json!({"id": format!("of-{n}"), "name": format!("Ann N{n}"), "email": format!("{n}@example.com"), "notes": notes});
    json!({"contacts": (0..count).map(object).collect::<Vec<_>>()})
}

#[tokio::test]
async fn an_import_reads_in_proportion_to_its_rows_while_the_statistics_are_of_a_small_table() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let admin = database.superuser().await;
    let import = async |count, notes| {
        let done = service
            .post(Alice, "/v1/contacts/import", &objects(count, notes))
            .await;
        assert_eq!(done.status, 200, "{}", done.text);
        done.body
    };
    import(3, "few").await;
    // Nothing analyzes them again before the test is over.
    let tables = ["public.contacts", "mako.contact_imports"];
    for table in tables {
        batch(
            &admin,
            &format!("alter table {table} set (autovacuum_enabled = off)"),
        )
        .await;
        batch(&admin, &format!("vacuum analyze {table}")).await;
    }
    assert_eq!(import(CONTACTS, "first").await["created"], CONTACTS - 3);
    for notes in ["second", "third"] {
        assert_eq!(import(CONTACTS, notes).await["updated"], CONTACTS);
    }
    for table in tables {
        let enough = i64::try_from(3 * CONTACTS).unwrap();
        until(async || changed_and_read(&admin, table).await.0 >= enough).await;
        let (changed, read) = changed_and_read(&admin, table).await;
        // Each row is looked for by its id, its address and its name, and found. One scan a row would be 3,000 for each.
        assert!(read < changed * 20, "{table}: {read} read for {changed} changes");
    }
}
