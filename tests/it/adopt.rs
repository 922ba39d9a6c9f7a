//! Can a live CRM's database be taken over without a failed write and without a lost row? From every state that its own
//! migration may have left, under its own writers, killed at any step, as Supabase's `postgres`, and by hand.

mod by_hand;
mod refused;
mod resumed;
mod states;
mod supabase;
mod taken_back;
mod under_load;
mod verified;

use std::path::{Path, PathBuf};

use tests::TestDatabase;
use tests::crm::{self, State};
use tests::database::{batch, connect};
use tests::people::Person::{self, Alice, Bob, Mallory};
use tests::process::Process;
use tests::service::mako;
use tokio_postgres::Client;

use crate::migrations::shape;

/// A folder of a database's own, where the way back is written.
fn folder(url: &str) -> PathBuf {
    let name = url.rsplit('/').next().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("adopt-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `mako adopt`, started.
async fn start(url: &str, arguments: &[&str]) -> Process {
    let rollback: &[_] = if arguments.contains(&"--apply") {
        &["--rollback-dir", "."]
    } else {
        &[]
    };
    let arguments: Vec<_> = ["adopt"]
        .iter()
        .chain(arguments)
        .chain(rollback)
        .copied()
        .collect();
    let mut command = mako(&arguments, &[("ADMIN_DATABASE_URL", url)]).await;
    Process::start(command.current_dir(folder(url)))
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
    let rows = client
        .query(include_str!("../../policies/verify.sql"), &[])
        .await
        .unwrap();
    rows.iter()
        .map(|row| format!("{}: {}", row.get::<_, &str>(0), row.get::<_, &str>(1)))
        .collect()
}

/// Rows and an order-independent checksum of every table that is there, over the columns that the CRM gave it.
async fn content(client: &Client) -> Vec<(String, i64, Option<String>)> {
    let mut content = Vec::new();
    for (table, columns) in [
        (
            "users",
            "id, email, password, business_name, role, created_at, updated_at",
        ),
        (
            "leads",
            "id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at",
        ),
        (
            "call_logs",
            "id, phone, recording_url, duration, sentiment, summary, created_at, updated_at",
        ),
        (
            "automation_logs",
            "id, action_type, status, details, created_at, updated_at",
        ),
        (
            "contacts",
            "id, user_id, first_name, phone, status, created_at, updated_at",
        ),
        ("api_keys", "id, user_id, service_name, encrypted_key, is_active"),
        (
            "webhook_events",
            "id, user_id, source, event_type, payload, status",
        ),
    ] {
        let sql = format!(
            "select count(*), sum(('x' || substr(md5(row({columns})::text), 1, 15))::bit(60)::bigint)::text from {table}"
        );
        if let Ok(row) = client.query_one(&sql, &[]).await {
            content.push((table.to_owned(), row.get(0), row.get(1)));
        }
    }
    content
}

/// What a person sees through a session like PostgREST's.
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
async fn assert_tenancy(owner: &Client, owner_url: &str, authenticator_url: &str) {
    let report = crate::prove::proof(owner_url).await;
    assert_eq!(report.verdict, prove::Verdict::Proven, "{}", report.to_text());
    assert_eq!(holes(owner).await, Vec::<String>::new());
    assert_eq!(number(owner, "select count(*) from mako.stats_drift()").await, 0);
    let authenticator = connect(authenticator_url).await;
    for table in [
        "leads",
        "call_logs",
        "automation_logs",
        "contacts",
        "webhook_events",
        "api_keys",
    ] {
        for person in [Alice, Bob, Mallory] {
            let own = format!("select count(*) from {table} where user_id = '{}'", person.id());
            let all = format!("select count(id) from {table}");
            assert_eq!(
                sees(&authenticator, person, &all).await,
                number(owner, &own).await,
                "{table} as {person:?}"
            );
        }
        let anonymous = format!("begin; set local role anon; select count(*) from {table}");
        let refused = authenticator.simple_query(&anonymous).await.is_err();
        batch(&authenticator, "rollback").await;
        assert!(refused, "anon has no right on {table}");
    }
}

/// Everything of a fresh database is there, and beyond it only what the CRM had made and what an adoption notes.
async fn assert_fresh_shape(url: &str) {
    // The owner of a fresh database is `postgres`, whose own rights on tables are not listed; of functions they are,
    // in the order of names.
    let lines = |shape: Vec<String>| -> Vec<String> {
        let others = shape.into_iter().filter(|line| !line.contains(" editor "));
        others
            .map(|line| {
                let line = line
                    .replace("editor=", "postgres=")
                    .replace("/editor", "/postgres");
                let mut grants: Vec<_> = line.split(',').map(str::to_owned).collect();
                if line.starts_with("function ") {
                    grants.sort();
                }
                grants.join(",")
            })
            .collect()
    };
    let fresh = lines(shape(&TestDatabase::new().await.superuser_url()).await);
    let adopted = lines(shape(url).await);
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
    batch(&owner, include_str!("../sql/auth_users.sql")).await;
    crm::build(&owner, state, rows).await;
    (database, owner)
}

/// Gives all orphans to bob. Keys for services that he has already can't be his, and are deleted.
async fn assign_orphans(url: &str, owner: &Client) {
    let (code, log) = adopt(url, &["--assign-orphans", Bob.id()]).await;
    if code != Some(0) {
        assert!(log.contains("api_keys") && log.contains("stay orphans"), "{log}");
        batch(
            owner,
            "delete from api_keys k where not exists (select from users where id = k.user_id)",
        )
        .await;
    }
}
