//! The rows that are measured on.

use tests::database::batch;
use tokio_postgres::Client;

/// Users of the database that is asked as fast as possible, and the leads of each.
pub(crate) const USERS: u32 = 1_000;
const LEADS: u32 = 300;
/// Rows of a tenant of average size in each table, and of the largest in its leads and in its other tables.
const FEW: u32 = 1_000;
const MANY: [u32; 2] = [1_000_000, 200_000];
/// Tenants beside them, and the leads of each.
const OTHERS: [u32; 2] = [10_000, 30];

/// The largest tenant.
pub(crate) const LARGEST: &str = "user-largest";

/// Users with leads, and nothing else.
pub(crate) async fn users_with_leads(owner: &Client) {
    let users = format!(
        "insert into users (id, email, password) select 'user-' || n, n || '@example.com', '!' from generate_series(1, {USERS}) n"
    );
    let leads = format!(
        "insert into leads (id, user_id, name, phone, status, source, summary, created_at)
         select 'lead-' || 1 + n % {USERS} || '-' || n / {USERS}, 'user-' || 1 + n % {USERS}, 'Lead ' || n,
           '+1555' || lpad(n::text, 7, '0'), 'new', 'Voice', 'Wants a quote for ' || n, now() - n * interval '1 minute'
         from generate_series({USERS}, {USERS} * {LEADS} + {USERS} - 1) n"
    );
    // Each on its own: other nodes know of users once that is committed.
    batch(owner, &users).await;
    batch(owner, &leads).await;
    batch(owner, "vacuum analyze").await;
}

/// Sixteen tenants of average size, alone.
pub(crate) async fn average_tenants(owner: &Client) {
    let sql = "insert into users (id, email, password) select 'user-' || n, n || '@example.com', '!' from generate_series(1, 16) n";
    batch(owner, sql).await;
    for user in 1..=16 {
        tenant(owner, &format!("user-{user}"), [FEW, FEW]).await;
    }
    settle(owner).await;
}

/// The same, the largest, and thousands of small ones.
pub(crate) async fn all_tenants(owner: &Client) {
    let [others, leads] = OTHERS;
    let sql = format!(
        "insert into users (id, email, password) values ('{LARGEST}', 'l@example.com', '!');
         insert into users (id, email, password) select 'other-' || n, n || '@example.org', '!' from generate_series(1, {others}) n;
         set session_replication_role = replica;
         insert into leads (user_id, name, phone, status, source, created_at)
         select 'other-' || 1 + n % {others}, 'n', '1', 'new', 'Voice', now() - n * interval '1 second'
         from generate_series(1, {others} * {leads}) n;
         set session_replication_role = origin"
    );
    batch(owner, &sql).await;
    tenant(owner, LARGEST, MANY).await;
    average_tenants(owner).await;
}

/// A tenant's rows. No triggers: millions of rows are counted faster afterwards, all at once.
async fn tenant(owner: &Client, user: &str, [leads, others]: [u32; 2]) {
    let sql = format!(
        "set session_replication_role = replica;
         insert into leads (user_id, name, phone, status, source, sentiment, summary, created_at)
           select '{user}', 'Lead ' || n, '+1555' || n, (array['new', 'booked', 'lost'])[1 + n % 3], (array['Voice', 'SMS'])[1 + n % 2],
             'positive', 'Wants a quote for ' || n, now() - n * interval '1 minute' from generate_series(1, {leads}) n;
         insert into contacts (user_id, first_name, last_name, phone, email, company, created_at)
           select '{user}', 'f' || n, 'l' || n, '+1555' || n, n || '@example.com', 'c' || n % 100, now() - n * interval '1 minute'
           from generate_series(1, {others}) n;
         insert into call_logs (user_id, phone, sentiment, summary, created_at)
           select '{user}', '+1555' || n, 'positive', 's', now() - n * interval '1 minute' from generate_series(1, {others}) n;
         insert into automation_logs (user_id, action_type, status, created_at)
           select '{user}', (array['sms', 'call'])[1 + n % 2], 'done', now() - n * interval '1 minute' from generate_series(1, {others}) n;
         insert into webhook_events (user_id, source, dedupe_key, event_type, payload, status, created_at)
           select '{user}', 'make', '{user} ' || n, 'lead', '{{}}', 'processed', now() - n * interval '1 minute'
           from generate_series(1, {others}) n;
         set session_replication_role = origin"
    );
    batch(owner, &sql).await;
}

/// Counts what was written without triggers, where there are counts, and has the planner know it all.
async fn settle(owner: &Client) {
    let counts = "select to_regprocedure('mako.rebuild_stats()') is not null";
    if owner.query_one(counts, &[]).await.expect("an owner may").get(0) {
        batch(owner, "select mako.rebuild_stats()").await;
    }
    batch(owner, "vacuum analyze").await;
}
