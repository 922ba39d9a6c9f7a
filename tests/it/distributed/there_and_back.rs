//! `mako migrate --distributed` takes every row along, and `--undo` brings each back.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use tests::cluster::Cluster;
use tests::database::batch;
use tests::people::Person::Alice;
use tests::{Service, TestDatabase};

use super::migrate;

/// Columns, keys, policies, rights and triggers, as text.
const SHAPE: &str = "
    select string_agg(line, E'\\n' order by line) from (
      select format('%s %s %s %s %s', attrelid::regclass, attname, atttypid::regtype, attnotnull, (select array_agg(a::text order by a::text) from unnest(attacl) a)) as line
      from pg_attribute join pg_class c on c.oid = attrelid
      where relnamespace in ('public'::regnamespace, 'mako'::regnamespace) and relkind in ('r', 'v') and attnum > 0
      union all
      select format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
      where connamespace in ('public'::regnamespace, 'mako'::regnamespace)
      union all
      select format('%s %s %s %s %s', polrelid::regclass, polname, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
      from pg_policy
      union all
      select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
      union all
      select format('%s %s %s', oid::regprocedure, md5(prosrc), (select array_agg(a::text order by a::text) from unnest(proacl) a)) from pg_proc where pronamespace = 'mako'::regnamespace
      union all
      select format('%s %s', rolname, rolcanlogin) from pg_roles
    ) shape (line)";
const TABLES: &[&str] = &[
    "users",
    "leads",
    "contacts",
    "call_logs",
    "automation_logs",
    "api_keys",
    "webhook_events",
    "mako.idempotency_keys",
    "mako.contact_imports",
    "mako.provider_objects",
];

/// A digest of every row.
async fn rows(database: &TestDatabase) -> Vec<String> {
    let client = database.superuser().await;
    let mut digests = Vec::new();
    for table in TABLES {
        let sql = format!(
            "select md5(string_agg(row, ',' order by row)) from (select t::text as row from {table} t) r"
        );
        digests.push(client.query_one(&sql, &[]).await.unwrap().get(0));
    }
    digests
}

async fn text(database: &TestDatabase, sql: &str) -> String {
    database
        .superuser()
        .await
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn every_row_goes_and_comes_back_and_so_does_the_schema() {
    let Some(cluster) = Cluster::citus(2).await else {
        return;
    };
    let database = TestDatabase::on_citus(Arc::new(cluster)).await;
    assert_eq!(migrate(&database, &[]).await.0, Some(0));
    let database = database.with_rows().await;
    let (before, shape) = (rows(&database).await, text(&database, SHAPE).await);

    let (code, plan) = migrate(&database, &["--distributed", "--plan"]).await;
    assert_eq!(code, Some(0), "{plan}");
    assert!(plan.contains("plan: rows of leads to their shards"), "{plan}");
    assert_eq!(text(&database, SHAPE).await, shape, "a plan changes nothing");

    let (code, said) = migrate(&database, &["--distributed"]).await;
    assert_eq!(code, Some(0), "{said}");
    let spread = "select count(*)::text from citus_shards where citus_table_type = 'distributed' and table_name = 'leads'::regclass";
    assert_eq!(text(&database, spread).await, "4");
    assert_eq!(rows(&database).await, before);
    let (code, said) = migrate(&database, &["--check"]).await;
    assert_eq!((code, said.as_str()), (Some(0), ""));
    // Again, and as a plain migration: there is nothing to do.
    assert_eq!(migrate(&database, &["--distributed"]).await.0, Some(0));
    assert_eq!(migrate(&database, &[]).await.0, Some(0));

    let (code, said) = migrate(&database, &["--distributed", "--undo"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows(&database).await, before);
    assert_eq!(text(&database, SHAPE).await, shape);
    let (code, said) = migrate(&database, &["--check"]).await;
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn what_was_stopped_goes_on_where_it_was() {
    let Some(cluster) = Cluster::with_workers().await else {
        return;
    };
    let database = TestDatabase::on_citus(cluster).await;
    assert_eq!(migrate(&database, &[]).await.0, Some(0));
    let holder = database.superuser().await;
    batch(&holder, "begin; lock table contacts in access share mode").await;
    let (code, said) = migrate(&database, &["--distributed"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("lock timeout"), "{said}");
    let (code, said) = migrate(&database, &["--check"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("pending: distribution: "), "{said}");
    batch(&holder, "rollback").await;
    assert_eq!(migrate(&database, &["--distributed"]).await.0, Some(0));
    assert_eq!(migrate(&database, &["--check"]).await.0, Some(0));
}

#[tokio::test]
async fn a_large_table_is_spread_while_others_write() {
    let Some(cluster) = Cluster::with_workers().await else {
        return;
    };
    let database = TestDatabase::on_citus(cluster).await;
    assert_eq!(migrate(&database, &[]).await.0, Some(0));
    let database = database.with_rows().await;
    let many = format!(
        "insert into leads (user_id, name, phone, status, source, summary)
         select '{}', 'Lead ' || n, '+1', 'new', 'Voice', repeat('x', 300) from generate_series(1, 6000) n",
        Alice.id()
    );
    batch(&database.superuser().await, &many).await;
    let service = Service::on(&database).await;
    let lead = json!({"name": "n", "phone": "+15550100009", "status": "new", "source": "Voice"});
    let write = async || {
        let request = service
            .request(Method::POST, "/v1/leads")
            .bearer_auth(Alice.token());
        request.json(&lead).send().await.unwrap().status().as_u16()
    };
    let spreading = migrate(&database, &["--distributed"]);
    tokio::pin!(spreading);
    let mut answers = Vec::new();
    let (code, said) = loop {
        tokio::select! {
            done = &mut spreading => break done,
            answer = write() => answers.push(answer),
        }
    };
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("leads to their shards, while others write"),
        "{said}"
    );
    // Sessions end once, and a request may be in one.
    let refused = answers.iter().filter(|status| **status != 201).count();
    assert!(answers.len() > 20 && refused < answers.len() / 10, "{answers:?}");
    assert!(
        answers.iter().all(|status| [201, 409, 503].contains(status)),
        "{answers:?}"
    );
    let made = answers.iter().filter(|status| **status == 201).count();
    let count = text(&database, "select count(*)::text from leads where name = 'n'").await;
    let count: usize = count.parse().unwrap();
    // The last one was still under way when the migration ended.
    assert!(count == made || count == made + 1, "{count} of {made}");
}

#[tokio::test]
async fn what_would_not_hold_is_refused_by_name() {
    let Some(cluster) = Cluster::with_workers().await else {
        return;
    };
    let database = TestDatabase::on_citus(cluster).await;
    assert_eq!(migrate(&database, &[]).await.0, Some(0));
    batch(
        &database.superuser().await,
        &format!(
            "insert into users (id, email, password) values ('{id}', 'a@b', '!');
             insert into mako.event_subscriptions (user_id, id, url, sealed_secret) values ('{id}', 'i', 'https://example.com', 'x');
             create table notes (lead_id text references leads (id));
             create function shout() returns trigger language plpgsql as 'begin return null; end';
             create trigger shouts after insert on contacts for each row execute function shout();
             create policy staff on call_logs using (exists (select from notes));
             alter table automation_logs alter user_id drop not null",
            id = Alice.id()
        ),
    )
    .await;
    let (code, said) = migrate(&database, &["--distributed"]).await;
    assert_eq!(code, Some(2), "{said}");
    for why in [
        "users have subscribed to events",
        "foreign key notes_lead_id_fkey of notes",
        "trigger shouts on contacts",
        "policy staff on call_logs has a sub-select",
        "automation_logs has rows without a user",
    ] {
        assert!(said.contains(why), "{why}: {said}");
    }
    assert_eq!(
        migrate(&database, &["--check"]).await.0,
        Some(0),
        "nothing was begun"
    );
}
