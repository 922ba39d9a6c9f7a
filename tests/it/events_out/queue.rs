//! Does a long queue cost what a short one does, and does it always move on?

use serde_json::Value;
use tests::database::batch;
use tests::people::Person::Alice;
use tokio_postgres::Client;

use super::{subscribe, tenants};

/// So many leads of alice's.
async fn leads(owner: &Client, many: u32) {
    let insert = format!(
        "insert into leads (id, user_id, name, phone, status, source)
         select n::text, '{}', 'Ann', '1', 'new', 'Voice' from generate_series(1, {many}) n",
        Alice.id()
    );
    batch(owner, &insert).await;
}

/// How many deliveries are given out, and how many rows of deliveries that takes to read, by whatever plan.
async fn taken_and_read(owner: &Client) -> (i64, i64) {
    batch(owner, "begin").await;
    let read = "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_all_tables
        where relid = 'mako.event_deliveries'::regclass";
    let read = async || owner.query_one(read, &[]).await.unwrap().get::<_, i64>(0);
    let before = read().await;
    let take = "select count(*) from mako.take_event_deliveries('', 64, 32, 8, '1 minute')";
    let taken = owner.query_one(take, &[]).await.unwrap().get(0);
    let rows = read().await - before;
    batch(owner, "commit").await;
    (taken, rows)
}

/// How many pages a function reads, apart from those by which its arguments are found.
async fn pages(owner: &Client, call: &str) -> i64 {
    let explain = format!("explain (analyze, buffers, timing off, format json) select * from mako.{call}");
    let plan: Value = owner.query_one(&explain, &[]).await.unwrap().get(0);
    let plan = &plan[0]["Plan"];
    let read = |node: &Value| {
        node["Shared Hit Blocks"].as_i64().unwrap() + node["Shared Read Blocks"].as_i64().unwrap()
    };
    let arguments: i64 = plan["Plans"].as_array().into_iter().flatten().map(read).sum();
    read(plan) - arguments
}

#[tokio::test]
async fn few_rows_are_read_however_many_wait_or_were_sent_and_whatever_the_statistics_say() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    // Of a queue with nothing in it, as it is at night; again of one with much in its past.
    let past = "insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id, status, attempts, finished_at)
        select user_id, id, 'lead.created', 'past ' || n, 'delivered', 1, now()
        from mako.event_subscriptions, generate_series(1, 20000) n";
    for past in ["", past] {
        batch(&owner, "delete from leads; delete from mako.event_deliveries").await;
        batch(&owner, past).await;
        batch(&owner, "vacuum analyze mako.event_deliveries").await;
        leads(&owner, 3000).await;
        batch(&owner, "update leads set status = 'booked'").await;
        for taken in [8, 0] {
            let (given, read) = taken_and_read(&owner).await;
            assert_eq!(given, taken);
            assert!(read < 2000, "{read} rows are read to give out {given}");
        }
        let leases =
            "(select jsonb_agg(jsonb_build_object('user_id', user_id, 'id', id, 'leased_until', leased_until,
            'outcome', 'released')) from mako.event_deliveries where leased_until is not null)";
        for call in [
            "renew_event_leases(LEASES, '1 minute')",
            "note_event_outcomes(LEASES)",
        ] {
            let pages = pages(&owner, &call.replace("LEASES", leases)).await;
            assert!(pages < 1000, "{pages} pages are read for 8 deliveries by {call}");
        }
        let held = "select count(*) from mako.event_deliveries where leased_until is not null";
        assert_eq!(owner.query_one(held, &[]).await.unwrap().get::<_, i64>(0), 0);
    }
}

#[tokio::test]
async fn younger_events_however_many_do_not_hide_the_older_ones_that_they_wait_for() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    // A receiver was away when rows were written and changed: each was tried once, and is tried again later than the
    // younger events of its row could be.
    leads(&owner, 1500).await;
    batch(&owner, "update leads set status = 'booked'").await;
    let failed = "update mako.event_deliveries set status = 'failed', attempts = 1, next_attempt_at = now()
        where event_type = 'lead.created'";
    batch(&owner, failed).await;
    let (given, _) = taken_and_read(&owner).await;
    assert_eq!(given, 8);
    let types =
        "select string_agg(distinct event_type, ',') from mako.event_deliveries where leased_until > now()";
    let types: String = owner.query_one(types, &[]).await.unwrap().get(0);
    assert_eq!(types, "lead.created");
}
