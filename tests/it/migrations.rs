//! Does the schema arrive, whoever brings it? As a superuser, as Supabase's `postgres`, twice, by two at once, and
//! on the other versions of Postgres.

use std::sync::Arc;

use devdb::Search;
use futures_util::future::join_all;
use store::admin::{Admin, AdminError};
use store::rows::leads::{self, LeadFilter, NewLead};
use store::{PageRequest, PreparedStatements, Store, Target};
use tests::TestDatabase;
use tests::cluster::Cluster;
use tests::database::{batch, connect, store};
use tests::people::Person::{self, Alice, Bob};
use tests::pgbouncer::PgBouncer;
use tests::process::{Process, until};
use tests::service::mako;

/// Everything that policies, grants and tables come to, as text: two databases are the same if this is.
pub(crate) async fn shape(database_url: &str) -> Vec<String> {
    let client = connect(database_url).await;
    let sql = include_str!("../sql/shape.sql");
    client
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

pub(crate) async fn migrate(database: &TestDatabase) -> Result<store::admin::Done, AdminError> {
    let login = Target::parse(&database.login_url(), None).unwrap();
    database
        .cluster()
        .admin(database.name())
        .await
        .migrate(Some(&login), &mut |_| ())
        .await
}

#[tokio::test]
async fn a_second_migration_changes_nothing() {
    let database = TestDatabase::new().await;
    let before = shape(&database.superuser_url()).await;
    let done = migrate(&database).await.unwrap();
    assert_eq!((done.migrations, done.policies), (0, 0));
    assert_eq!(shape(&database.superuser_url()).await, before);
}

#[tokio::test]
async fn two_migrations_at_once_both_succeed() {
    let database = TestDatabase::empty().await;
    let urls = (database.superuser_url(), database.login_url());
    let environment = [
        ("ADMIN_DATABASE_URL", urls.0.as_str()),
        ("DATABASE_URL", urls.1.as_str()),
    ];
    let one = Process::start(&mut mako(&["migrate"], &environment).await);
    let two = Process::start(&mut mako(&["migrate"], &environment).await);
    for (code, log) in [one.output().await, two.output().await] {
        assert_eq!(code, Some(0), "{log}");
        assert!(
            !log.contains(tests::cluster::LOGIN_PASSWORD),
            "no password in the log"
        );
    }
    assert_eq!(
        shape(&urls.0).await,
        shape(&TestDatabase::new().await.superuser_url()).await
    );
}

/// Each has its own lock, and all write the same roles.
#[tokio::test]
async fn databases_of_one_cluster_migrate_at_once() {
    let databases = join_all((0..8).map(async |_| TestDatabase::new().await)).await;
    for _ in 0..10 {
        for done in join_all(databases.iter().map(migrate)).await {
            done.unwrap();
        }
    }
}

#[tokio::test]
async fn check_says_what_is_pending_and_changes_nothing() {
    let database = TestDatabase::empty().await;
    let url = database.superuser_url();
    let environment = [("ADMIN_DATABASE_URL", url.as_str())];
    let (code, log) = Process::start(&mut mako(&["migrate", "--check"], &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("V1") && log.contains("policies/leads.sql"), "{log}");
    assert_eq!(shape(&url).await, Vec::<String>::new());
    let migrated = TestDatabase::new().await.superuser_url();
    let environment = [("ADMIN_DATABASE_URL", migrated.as_str())];
    let (code, log) = Process::start(&mut mako(&["migrate", "--check"], &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(0), "{log}");
}

/// What is still to be built of V11's indexes, or was left half done.
const UNFINISHED: &str = "select count(*) from unnest(array['leads_status', 'leads_source']) name
    where not exists (select from pg_index where indexrelid = to_regclass('public.' || name) and indisvalid)";

#[tokio::test]
async fn indexes_are_built_while_others_write() {
    let database = TestDatabase::new().await.with_rows().await;
    let owner = database.superuser().await;
    // As before V11; one of its builds was stopped.
    let forgotten = owner
        .execute("delete from mako.schema_history where version >= 11", &[])
        .await
        .unwrap();
    batch(
        &owner,
        "drop index leads_status;
         update pg_index set indisvalid = false where indexrelid = 'leads_source'::regclass",
    )
    .await;
    let unfinished = async || owner.query_one(UNFINISHED, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(unfinished().await, 2);
    let writer = database.superuser().await;
    batch(&writer, "begin; update leads set summary = 'a'").await;
    let finished = async {
        // It waits for the writer, and nobody waits for it.
        let waits = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%index concurrently%'";
        until(async || owner.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 1).await;
        batch(
            &owner,
            "update contacts set notes = 'b'; insert into leads select * from leads limit 0",
        )
        .await;
        batch(&writer, "update leads set summary = 'c'; commit").await;
    };
    let (done, ()) = tokio::join!(migrate(&database), finished);
    assert_eq!(done.unwrap().migrations as u64, forgotten);
    assert_eq!(unfinished().await, 0);
}

#[tokio::test]
async fn a_policy_that_somebody_changed_is_put_back() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    let before = shape(&database.superuser_url()).await;
    batch(&superuser, "drop policy tenant_floor on leads; grant truncate on contacts to anon; alter table call_logs no force row level security").await;
    assert_ne!(shape(&database.superuser_url()).await, before);
    let done = migrate(&database).await.unwrap();
    assert_eq!((done.migrations, done.policies), (0, 3));
    assert_eq!(shape(&database.superuser_url()).await, before);
}

#[tokio::test]
async fn a_trigger_or_a_right_on_the_schema_that_somebody_changed_is_put_back() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    let before = shape(&database.superuser_url()).await;
    for (change, pending) in [
        (
            "drop trigger remember_deleted_user on users",
            "policies/users.sql",
        ),
        (
            "alter table users disable trigger remember_deleted_user",
            "policies/users.sql",
        ),
        (
            "grant create on schema mako to authenticated",
            "policies/00_claims.sql",
        ),
    ] {
        batch(&superuser, change).await;
        let admin = database.cluster().admin(database.name()).await;
        let found = admin.pending().await.unwrap();
        assert!(found.iter().any(|found| found == pending), "{change}: {found:?}");
        migrate(&database).await.unwrap();
        let admin = database.cluster().admin(database.name()).await;
        assert_eq!(admin.pending().await.unwrap(), Vec::<String>::new(), "{change}");
        assert_eq!(shape(&database.superuser_url()).await, before, "{change}");
    }
    let may = "select has_schema_privilege('authenticated', 'mako', 'create')";
    assert!(!superuser.query_one(may, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn the_login_inherits_nothing_whatever_was_granted_before() {
    let cluster = Arc::new(Cluster::start(Search::npm("17.10.0-beta.17")).await);
    let database = TestDatabase::on(cluster).await;
    let superuser = database.superuser().await;
    batch(&superuser, "grant authenticated to mako with inherit true").await;
    let inherits = "select pg_has_role('mako', 'authenticated', 'usage')";
    assert!(
        superuser
            .query_one(inherits, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
    migrate(&database).await.unwrap();
    assert!(
        !superuser
            .query_one(inherits, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
}

#[tokio::test]
async fn a_transaction_pooler_is_refused_for_migrations() {
    let database = TestDatabase::new().await;
    let pooler = PgBouncer::before(&database).await;
    let refused = Admin::connect(&Target::parse(&pooler.login_url(), None).unwrap())
        .await
        .err()
        .expect("refused");
    assert!(matches!(refused, AdminError::TransactionPooler), "{refused}");
}

/// The files of `policies/`, in an order of their own after the first.
fn policy_files() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "sql"))
        .filter(|file| file.file_stem().is_some_and(|stem| stem != "verify"))
        .map(|file| {
            (
                file.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(file).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn policy_files_can_be_pasted_twice_and_in_any_order() {
    let database = TestDatabase::new().await;
    let before = shape(&database.superuser_url()).await;
    let superuser = database.superuser().await;
    let mut files = policy_files();
    files[1..].reverse();
    for (_, sql) in files.iter().chain(&files[1..]).chain(&files[..1]) {
        batch(&superuser, sql).await;
    }
    assert_eq!(shape(&database.superuser_url()).await, before);
}

#[test]
fn every_policy_file_starts_with_three_lines_and_is_one_transaction_or_says_that_it_is_two() {
    for (name, sql) in policy_files() {
        let lines: Vec<_> = sql.lines().collect();
        assert!(lines[..3].iter().all(|line| line.starts_with("-- ")), "{name}");
        assert!(lines[0].starts_with(&format!("-- policies/{name}: ")), "{name}");
        assert_eq!(
            (lines[3], lines[4]),
            ("begin;", "set local lock_timeout = '5s';"),
            "{name}"
        );
        assert_eq!(lines.last(), Some(&"commit;"), "{name}");
        assert_eq!(
            lines
                .iter()
                .filter(|line| ["begin;", "commit;"].contains(line))
                .count(),
            if lines[2].contains("Two transactions: ") {
                4
            } else {
                2
            },
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_policy_file_refuses_a_table_of_another_role() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    batch(
        &superuser,
        "create role visitor nologin; grant create, usage on schema public to visitor;
         grant usage on schema mako to visitor; grant execute on function mako.prepare_table(regclass) to visitor;
         set role visitor",
    )
    .await;
    let leads = policy_files()
        .into_iter()
        .find(|(name, _)| name == "leads.sql")
        .unwrap()
        .1;
    let refused = superuser.simple_query(&leads).await.unwrap_err();
    assert!(
        refused
            .as_db_error()
            .unwrap()
            .message()
            .contains("belongs to another role"),
        "{refused}"
    );
}

/// How many leads a person sees through the store.
async fn leads_of(store: &Store, person: Person) -> usize {
    let page = PageRequest {
        limit: 50,
        cursor: None,
        count: false,
    };
    leads::list(store, &person.claims(), &LeadFilter::default(), &page)
        .await
        .unwrap()
        .rows
        .len()
}

/// A cluster like Supabase's, with the old or the new default privileges; the administrator is no superuser.
async fn supabase_like(search: Search, old_grants: bool) {
    let cluster = Arc::new(Cluster::bare(search).await);
    let superuser = connect(&cluster.superuser_url("postgres")).await;
    batch(&superuser, include_str!("../sql/supabase.sql")).await;
    let database = cluster.owned_database("editor").await;
    let superuser = connect(&cluster.superuser_url(&database)).await;
    batch(&superuser, "alter schema public owner to pg_database_owner").await;
    if old_grants {
        for kind in ["tables", "functions", "sequences"] {
            let grant = format!(
                "alter default privileges for role editor in schema public grant all on {kind} to anon, authenticated, service_role"
            );
            batch(&superuser, &grant).await;
            batch(&superuser, &grant.replace(" in schema public", "")).await;
        }
    }
    let admin_url = cluster.url_of("editor", "editor", &database);
    let login = Target::parse(&cluster.login_url(&database), None).unwrap();
    for _ in 0..2 {
        let admin = Admin::connect(&Target::parse(&admin_url, None).unwrap())
            .await
            .unwrap();
        admin.migrate(Some(&login), &mut |_| ()).await.unwrap();
    }
    // The login works, with the password that was set as a verifier, and is safe; provisioning works under it.
    let store = store(&cluster.login_url(&database), 2, PreparedStatements::On);
    for (person, leads) in [(Alice, 2), (Bob, 1)] {
        for _ in 0..leads {
            let new = NewLead {
                name: "a".into(),
                phone: "b".into(),
                status: "c".into(),
                source: "d".into(),
                ..NewLead::default()
            };
            leads::create(&store, &person.claims(), &new, None).await.unwrap();
        }
        assert_eq!(leads_of(&store, person).await, leads);
    }
    let anon_may: bool = superuser
        .query_one("select bool_or(has_table_privilege('anon', c.oid, 'select, insert, update, delete, truncate, references, trigger')) from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname in ('public', 'mako') and relkind = 'r'", &[])
        .await
        .unwrap()
        .get(0);
    assert!(!anon_may, "anon has no right on any table");
}

#[tokio::test]
async fn supabases_postgres_can_migrate_with_the_old_default_privileges() {
    supabase_like(Search::from_env(), true).await;
}

#[tokio::test]
async fn supabases_postgres_can_migrate_with_the_new_default_privileges() {
    supabase_like(Search::from_env(), false).await;
}

#[tokio::test]
async fn supabases_postgres_can_migrate_on_postgres_17() {
    supabase_like(Search::npm("17.10.0-beta.17"), true).await;
}

#[tokio::test]
async fn supabases_postgres_can_migrate_on_postgres_18() {
    supabase_like(Search::npm("18.4.0-beta.17"), true).await;
}

/// A live CRM of before multi-tenancy, with rows that break every new rule, keeps them all.
#[tokio::test]
async fn a_live_crm_keeps_every_row_and_shows_orphans_to_nobody() {
    let database = TestDatabase::empty().await;
    let superuser = database.superuser().await;
    batch(&superuser, include_str!("../sql/live_crm.sql")).await;
    migrate(&database).await.unwrap();
    migrate(&database).await.unwrap();
    for (table, rows) in [
        ("users", 1_i64),
        ("leads", 3),
        ("call_logs", 2),
        ("automation_logs", 1),
    ] {
        let kept: i64 = superuser
            .query_one(&format!("select count(*) from {table}"), &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(kept, rows, "{table}");
    }
    let store = store(&database.login_url(), 1, PreparedStatements::On);
    assert_eq!(leads_of(&store, Alice).await, 0, "orphans are nobody's");
}
