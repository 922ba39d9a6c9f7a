//! Can a live CRM's database be taken over without a failed write and without a lost row? From every state that its own
//! migration may have left, under its own writers.

use std::path::PathBuf;
use std::time::Duration;

use tests::TestDatabase;
use tests::crm::{self, State, Writers};
use tests::database::{batch, connect};
use tests::people::Person::{self, Alice, Bob, Mallory};
use tests::process::Process;
use tests::service::mako;
use tokio_postgres::Client;

use crate::migrations::{migrate, shape};

/// Rows in each table of the tests under load.
fn many() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how large a test is, is for whoever runs it")]
    let asked = std::env::var("MAKO_ADOPT_ROWS");
    asked.ok().and_then(|rows| rows.parse().ok()).unwrap_or(5_000)
}

/// A folder of the test's own, where the way back is written.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mako-adopt-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `mako adopt`, started.
async fn start(url: &str, arguments: &[&str]) -> Process {
    let arguments: Vec<_> = ["adopt"].iter().chain(arguments).copied().collect();
    let mut command = mako(&arguments, &[("ADMIN_DATABASE_URL", url)]).await;
    let name = url.rsplit('/').next().unwrap();
    Process::start(command.current_dir(folder(name)))
}

/// `mako adopt`, run to its end.
async fn adopt(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    start(url, arguments).await.output().await
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// What `policies/verify.sql` finds.
async fn holes(client: &Client) -> Vec<String> {
    let rows = client.query(include_str!("../../policies/verify.sql"), &[]).await.unwrap();
    rows.iter()
        .map(|row| format!("{}: {}", row.get::<_, &str>(0), row.get::<_, &str>(1)))
        .collect()
}

/// Rows and an order-independent checksum of every table that is there, over the columns that the CRM gave it.
async fn content(client: &Client) -> Vec<(String, i64, Option<String>)> {
    let mut content = Vec::new();
    for (table, columns) in [
        ("users", "id, email, password, business_name, role, created_at, updated_at"),
        ("leads", "id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at"),
        ("call_logs", "id, phone, recording_url, duration, sentiment, summary, created_at, updated_at"),
        ("automation_logs", "id, action_type, status, details, created_at, updated_at"),
        ("contacts", "id, user_id, first_name, phone, status, created_at, updated_at"),
        ("api_keys", "id, user_id, service_name, encrypted_key, is_active"),
        ("webhook_events", "id, user_id, source, event_type, payload, status"),
    ] {
        let sql = format!("select count(*), sum(('x' || substr(md5(row({columns})::text), 1, 15))::bit(60)::bigint)::text from {table}");
        if let Ok(row) = client.query_one(&sql, &[]).await {
            content.push((table.to_owned(), row.get(0), row.get(1)));
        }
    }
    content
}

/// What a person sees in a table through a session like PostgREST's.
async fn sees(authenticator: &Client, person: Person, sql: &str) -> i64 {
    let claims = person.payload().to_string();
    batch(authenticator, "begin").await;
    let set = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)";
    authenticator.query(set, &[&claims]).await.unwrap();
    let seen = number(authenticator, sql).await;
    batch(authenticator, "rollback").await;
    seen
}

/// Nothing is open, everybody sees their own and nobody an orphan.
async fn assert_tenancy(owner: &Client, authenticator_url: &str) {
    // `mako prove` is to be run here as well, and to say proven.
    assert_eq!(holes(owner).await, Vec::<String>::new());
    let authenticator = connect(authenticator_url).await;
    for table in ["leads", "call_logs", "automation_logs", "contacts", "webhook_events", "api_keys"] {
        for person in [Alice, Bob, Mallory] {
            let own = number(owner, &format!("select count(*) from {table} where user_id = '{}'", person.id())).await;
            // Only columns that an API role may read.
            let all = sees(&authenticator, person, &format!("select count(id) from {table}")).await;
            assert_eq!(all, own, "{table} as {person:?}");
        }
        let anonymous = authenticator
            .simple_query(&format!("begin; set local role anon; select count(*) from {table}"))
            .await;
        drop(authenticator.simple_query("rollback").await);
        assert!(anonymous.is_err(), "anon has no right on {table}");
    }
}

/// Everything of a fresh database is there, and beyond it only what the CRM had made and what an adoption notes.
async fn assert_fresh_shape(url: &str) {
    let fresh = shape(&TestDatabase::new().await.superuser_url()).await;
    let adopted = shape(url).await;
    let missing: Vec<_> = fresh.iter().filter(|line| !adopted.contains(line)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let more: Vec<_> = adopted
        .iter()
        .filter(|line| !fresh.contains(line))
        .filter(|line| !line.contains("mako.adoption") && !line.starts_with("index CREATE INDEX idx_"))
        .collect();
    assert!(more.is_empty(), "{more:#?}");
}

/// A database of the CRM in this state.
async fn crm_in(state: State, rows: usize) -> (TestDatabase, Client) {
    let database = TestDatabase::empty().await;
    let owner = database.superuser().await;
    batch(
        &owner,
        "create schema auth; create table auth.users (id uuid primary key, email text);
         insert into auth.users values ('9057a000-0000-4000-8000-000000000009', 'ghost@example.com')",
    )
    .await;
    crm::build(&owner, state, rows).await;
    (database, owner)
}

/// The whole way, from a state to an enforced database; every row is compared.
async fn adopt_from(state: State) {
    let (database, owner) = crm_in(state, 160).await;
    let url = database.superuser_url();
    let before = content(&owner).await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(0), "{state:?}: {log}");
    let after = content(&owner).await;
    for table in &before {
        assert!(after.contains(table), "{state:?}: {table:?} is not among {after:?}");
    }
    assert_tenancy(&owner, &database.authenticator_url()).await;
    let orphans = number(&owner, "select count(*) from leads l where not exists (select from users where id = l.user_id)").await;
    if orphans > 0 {
        let (code, log) = adopt(&url, &["--enforce"]).await;
        assert_eq!(code, Some(1), "{state:?}: {log}");
        assert!(log.contains("--assign-orphans") && log.contains(&orphans.to_string()), "{log}");
    }
    let (code, log) = adopt(&url, &["--enforce", "--assign-orphans", Bob.id()]).await;
    // Of api_keys that bob has already the orphans can't become his.
    if code != Some(0) {
        assert!(log.contains("api_keys") && log.contains("stay orphans"), "{state:?}: {log}");
        batch(&owner, "delete from api_keys k where not exists (select from users where id = k.user_id)").await;
        let (code, log) = adopt(&url, &["--enforce"]).await;
        assert_eq!(code, Some(0), "{state:?}: {log}");
    }
    assert_fresh_shape(&url).await;
    assert_tenancy(&owner, &database.authenticator_url()).await;
    let done = migrate(&database).await.unwrap();
    assert_eq!((done.migrations, done.policies), (0, 0), "{state:?}");
}

#[tokio::test]
async fn before_multi_tenancy() {
    adopt_from(State::BEFORE).await;
}

#[tokio::test]
async fn in_the_middle_of_the_crms_migration() {
    adopt_from(State::IN_THE_MIDDLE).await;
}

#[tokio::test]
async fn after_the_crms_migration() {
    adopt_from(State::after()).await;
}

/// Under load: no write fails, no row is lost.
async fn under_load(state: State) {
    let (database, owner) = crm_in(state, many()).await;
    let url = database.superuser_url();
    let writers = Writers::start(&database.authenticator_url(), &owner, 4, true).await;
    writers.go_on_for(200).await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    writers.go_on_for(200).await;
    let written = writers.stop().await;
    eprintln!("{state:?}: {} statements, slowest {:?}\n{log}", written.statements, written.slowest);
    assert_eq!(code, Some(0), "{log}");
    assert!(written.failures.is_empty(), "{:#?}", written.failures);
    assert!(written.slowest < Duration::from_secs(5), "{:?}", written.slowest);
    assert_tenancy(&owner, &database.authenticator_url()).await;
}

#[tokio::test]
async fn no_write_fails_before_multi_tenancy() {
    under_load(State::BEFORE).await;
}

#[tokio::test]
async fn no_write_fails_in_the_middle() {
    under_load(State::IN_THE_MIDDLE).await;
}

#[tokio::test]
async fn no_write_fails_after_the_crms_migration() {
    under_load(State::after()).await;
}
