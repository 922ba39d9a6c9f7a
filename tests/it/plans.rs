//! Does what a neighbour holds cost a tenant anything? Plans under skew, as the service has them: prepared, generic.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use store::Query;
use tests::TestDatabase;
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Bob's rows: so many that reading all of a table looks cheap to whoever plans for the average of two tenants.
const MANY: &str = "set session_replication_role = replica;
    insert into leads (user_id, name, phone, status, source, summary, created_at)
      select '{bob}', 'n' || n, '+1555' || n, 'new', 'SMS', 's', now() - n * interval '1 minute' from generate_series(1, 20000) n;
    insert into contacts (user_id, first_name, last_name, phone, email, company)
      select '{bob}', 'f' || n, 'l' || n, '+1555' || n, n || '@example.com', 'c' from generate_series(1, 20000) n;
    insert into call_logs (user_id, phone, sentiment, summary)
      select '{bob}', '+1555' || n, 's', 's' from generate_series(1, 20000) n;
    insert into automation_logs (user_id, action_type, status)
      select '{bob}', 'sms', 'done' from generate_series(1, 20000) n;
    insert into webhook_events (user_id, source, dedupe_key, event_type, payload, status)
      select '{bob}', 'make', 'k' || n, 'lead', '{}', 'processed' from generate_series(1, 20000) n;
    insert into user_phone_numbers (user_id, phone, verified_at)
      select '{bob}', '+1555' || lpad(n::text, 7, '0'), now() from generate_series(1, 20000) n;
    insert into mako.stats (user_id, relation, day, kind, status, rows, folded)
      select '{bob}', 'leads', date '1990-01-01' + n, '', 'new', 1, true from generate_series(1, 20000) n;
    insert into mako.key_uses (user_id, created_at, service, method, host, path, duration_ms, bytes_out, bytes_in, service_token)
      select '{bob}', now() - n * interval '1 minute', 'vapi', 'GET', 'h', '/', 1, 0, 0, false from generate_series(1, 20000) n;
    insert into mako.idempotency_keys (user_id, resource, key, row_id)
      select '{bob}', 'leads', 'k' || n, 'r' from generate_series(1, 20000) n;
    insert into mako.contact_imports (user_id, import_id, contact_id, digest)
      select '{bob}', 'i' || row_number() over (), id, 'd' from contacts where user_id = '{bob}';
    insert into mako.provider_objects (user_id, kind, provider_id, row_id)
      select '{bob}', 'call', 'o' || n, 'r' from generate_series(1, 20000) n;
    set session_replication_role = origin;
    analyze";

/// How the service's login plans a statement in a tenant's transaction.
async fn plan(login: &Client, query: &Query) -> String {
    let types: Vec<_> = query
        .types
        .iter()
        .map(|kind| kind.name().replace("_text", "text[]"))
        .collect();
    let nulls = vec!["null"; types.len()].join(", ");
    batch(
        login,
        &format!("prepare statement ({}) as {}", types.join(", "), query.sql),
    )
    .await;
    let explain = format!(
        "begin;
         select set_config('request.jwt.claims', '{}', true), set_config('role', '{}', true);
         explain execute statement ({nulls});
         rollback;
         deallocate statement",
        Alice.payload(),
        query.role.name()
    );
    let mut plan = String::new();
    for message in login.simple_query(&explain).await.unwrap() {
        if let SimpleQueryMessage::Row(row) = message {
            writeln!(plan, "{}", row.get(0).unwrap_or_default()).unwrap();
        }
    }
    plan
}

async fn skewed() -> TestDatabase {
    let database = TestDatabase::new().await.with_rows().await;
    batch(&database.superuser().await, &MANY.replace("{bob}", Bob.id())).await;
    database
}

/// Lines of a plan that read a whole table, or a whole index.
fn whole_tables(plan: &str) -> Vec<&str> {
    let lines: Vec<_> = plan.lines().collect();
    let following = lines.iter().skip(1).chain([&""]);
    lines
        .iter()
        .zip(following)
        .filter(|(line, next)| {
            line.contains("Seq Scan on ")
                || line.contains("Index") && line.contains(" Scan ") && !next.contains("Index Cond: ")
        })
        .map(|(line, _)| *line)
        .collect()
}

/// A statement that may have to count a tenant's rows one by one.
fn counts_rows() -> &'static Query {
    let mut counting = store::queries().filter(|query| query.name == "leads/count");
    counting.find(|query| query.sql.contains("leads/search")).unwrap()
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_however_much_a_neighbour_holds() {
    let database = skewed().await;
    let login = database.login().await;
    let mut found = Vec::new();
    for query in store::queries() {
        let plan = plan(&login, query).await;
        if !whole_tables(&plan).is_empty() {
            found.push(format!("{}:\n{plan}", query.name));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn the_dashboard_reads_no_rows_of_a_tenant_beyond_its_periods() {
    let database = skewed().await;
    let login = database.login().await;
    let mut queries = store::queries();
    let stats = queries.find(|query| query.name == "dashboard/stats").unwrap();
    let plan = plan(&login, stats).await;
    let lines: Vec<_> = plan.lines().collect();
    let mut read = BTreeSet::new();
    for pair in lines.windows(2) {
        for (index, bound) in [
            ("leads_newest", "created_at >= "),
            ("call_logs_newest", "created_at >= "),
            ("automation_logs_newest", "created_at >= "),
            ("stats_tenant", "day "),
        ] {
            if pair[0].contains(index) {
                assert!(pair[1].contains(bound), "{}\n{plan}", pair[0]);
                read.insert(index);
            }
        }
    }
    assert_eq!(read.len(), 4, "{plan}");
}

#[tokio::test]
async fn a_page_is_walked_in_the_order_of_the_filters_own_index() {
    let database = skewed().await;
    let login = database.login().await;
    let mut indexes = BTreeSet::new();
    for query in store::queries().filter(|query| query.name.ends_with("/search")) {
        let plan = plan(&login, query).await;
        let walked = plan.lines().filter_map(|line| {
            let (_, index) = line
                .split_once(" using ")
                .or_else(|| line.split_once("Bitmap Index Scan on "))?;
            index.split(' ').next().map(str::to_owned)
        });
        let walked: Vec<_> = walked.collect();
        // By a number or an address few rows are found, and sorted.
        let few = walked
            .iter()
            .any(|index| index.ends_with("_phone") || index.ends_with("_typed"));
        assert_eq!(plan.contains("Sort"), few, "{plan}");
        indexes.extend(walked);
    }
    let expected = [
        "automation_logs_action_type",
        "automation_logs_newest",
        "automation_logs_status",
        "call_logs_newest",
        "call_logs_phone",
        "call_logs_pkey",
        "call_logs_sentiment",
        "contacts_company",
        "contacts_email_exact",
        "contacts_email_typed",
        "contacts_newest",
        "contacts_phone",
        "contacts_pkey",
        "contacts_status",
        "event_deliveries_newest",
        "event_deliveries_of_subscription",
        "key_uses_newest",
        "key_uses_service",
        "leads_newest",
        "leads_phone",
        "leads_pkey",
        "leads_sentiment",
        "leads_source",
        "leads_status",
        "webhook_events_event_type",
        "webhook_events_newest",
        "webhook_events_source",
        "webhook_events_status",
    ];
    assert_eq!(indexes, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn no_statement_starts_workers_or_a_compiler_for_the_average_tenants_sake() {
    let database = skewed().await;
    let login = database.login().await;
    let eager = "set min_parallel_table_scan_size = 0; set min_parallel_index_scan_size = 0; set parallel_setup_cost = 0;
        set parallel_tuple_cost = 0; set jit_above_cost = 0";
    batch(&login, eager).await;
    for query in store::queries() {
        let plan = plan(&login, query).await;
        assert!(
            !plan.contains("Gather") && !plan.contains("JIT:"),
            "{}:\n{plan}",
            query.name
        );
    }
    batch(
        &login,
        "set max_parallel_workers_per_gather = 2; set enable_seqscan = on",
    )
    .await;
    let plan = plan(&login, counts_rows()).await;
    assert!(plan.contains("Gather"), "it would, if it were let: {plan}");
}

#[tokio::test]
async fn without_the_logins_settings_a_neighbour_would_cost_a_scan_of_everybodys_rows() {
    let database = skewed().await;
    let login = database.login().await;
    batch(&login, "set enable_seqscan = on").await;
    for query in store::queries() {
        if !whole_tables(&plan(&login, query).await).is_empty() {
            return;
        }
    }
    panic!("the rows are too few to tell");
}
