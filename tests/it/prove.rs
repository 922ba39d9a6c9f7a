//! Is our own schema proven, and would the prover notice if it weren't?

use std::sync::Arc;

use devdb::Search;
use prove::{Model, Options, Report, Severity, Verdict};
use store::Target;
use store::admin::Admin;
use tests::TestDatabase;
use tests::cluster::Cluster;
use tests::database::{batch, connect};
use tests::people::JWT_SECRET;
use tests::process::Process;
use tests::service::{ENCRYPTION_KEY, mako};

const MODEL: &str = include_str!("../../policies/tenancy.toml");

pub(crate) async fn proof(url: &str) -> Report {
    let mut client = connect(url).await;
    prove::run(&mut client, &Model::parse(MODEL).unwrap(), &Options::default())
        .await
        .unwrap()
}

fn leaks(report: &Report) -> Vec<(&str, &str)> {
    let all = report.all_findings().into_iter();
    all.filter(|(_, finding)| finding.rule.severity == Severity::Leak)
        .map(|(about, finding)| (about, finding.rule.id))
        .collect()
}

#[tokio::test]
async fn our_own_schema_is_proven() {
    let database = TestDatabase::new().await.with_rows().await;
    let report = proof(&database.superuser_url()).await;
    assert_eq!(report.verdict, Verdict::Proven, "{}", report.to_text());
    assert_eq!(
        report.controls.caught,
        report.controls.planted,
        "{}",
        report.to_text()
    );
    let attempts: usize = report.relations.iter().map(|relation| relation.attempts).sum();
    assert!(attempts > 200, "{}", report.to_text());
    for kept in ["subscriptions", "deliveries", "attempts"] {
        let kept = format!("mako.event_{kept}");
        let proven = report.relations.iter().find(|relation| relation.relation == kept);
        let proven = proven.is_some_and(|relation| relation.attempts > 5);
        assert!(proven, "{kept}: {}", report.to_text());
    }
}

#[tokio::test]
async fn the_floor_holds_a_stray_policy_and_without_it_that_is_a_leak() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    batch(&superuser, "create policy oops on leads for all using (true)").await;
    let report = proof(&database.superuser_url()).await;
    assert_eq!(report.verdict, Verdict::Proven, "{}", report.to_text());
    let risks = report.all_findings();
    assert!(
        risks
            .iter()
            .any(|(about, finding)| *about == "public.leads"
                && finding.rule == prove::rules::ALWAYS_TRUE_POLICY),
        "{}",
        report.to_text()
    );
    batch(&superuser, "drop policy tenant_floor on leads").await;
    let report = proof(&database.superuser_url()).await;
    assert_eq!(report.verdict, Verdict::Leak);
    assert!(
        leaks(&report).iter().all(|(about, _)| *about == "public.leads"),
        "{}",
        report.to_text()
    );
}

#[tokio::test]
async fn an_app_that_a_user_let_in_is_kept_from_keys_and_would_be_noticed() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    batch(&superuser, "drop policy trusted_clients_only on api_keys").await;
    batch(
        &superuser,
        "drop policy trusted_clients_change on user_phone_numbers",
    )
    .await;
    let report = proof(&database.superuser_url()).await;
    let mut found = leaks(&report);
    found.sort_unstable();
    let expected = [
        ("public.api_keys", "third_party_read"),
        ("public.api_keys", "third_party_write"),
        ("public.user_phone_numbers", "third_party_write"),
    ];
    assert_eq!(found, expected, "{}", report.to_text());
}

/// As on a replica: nothing can be made that would show.
#[tokio::test]
async fn a_read_only_session_accuses_nobody_wrongly_and_proves_nothing() {
    let database = TestDatabase::new().await.with_rows().await;
    let superuser = database.superuser().await;
    let read_only = format!(
        "alter database {} set default_transaction_read_only = on",
        database.name()
    );
    batch(&superuser, &read_only).await;
    let report = proof(&database.superuser_url()).await;
    assert_eq!(
        (report.verdict, leaks(&report)),
        (Verdict::Incomplete, Vec::new()),
        "{}",
        report.to_text()
    );
    let text = report.to_text();
    let row = text.lines().find(|line| line.starts_with("public.leads "));
    assert!(
        row.is_some_and(|line| line.contains('?') && !line.contains("held")),
        "{text}"
    );

    let opened = "drop policy tenant_floor on leads; create policy oops on leads for select using (true)";
    batch(&superuser, opened).await;
    let report = proof(&database.superuser_url()).await;
    let leaks = leaks(&report);
    assert!(
        leaks.contains(&("public.leads", "cross_tenant_read"))
            && leaks.iter().all(|(about, _)| *about == "public.leads"),
        "{}",
        report.to_text()
    );
}

#[tokio::test]
async fn a_proof_leaves_every_row_and_number_as_it_was() {
    let database = TestDatabase::new().await.with_rows().await;
    let superuser = database.superuser().await;
    batch(&superuser, "create table numbered (id bigint generated always as identity primary key, user_id text not null references users (id), words text); \
        create index on numbered (user_id); alter table numbered enable row level security; grant all on numbered to authenticated; \
        create policy own on numbered to authenticated using (user_id = (select mako.current_user_id())); \
        insert into numbered (user_id, words) select id, 'x' from users").await;
    let content = "select string_agg(d, ' ' order by d) from (select query_to_xml('select t::text as t from ' || c.oid::regclass || ' t order by 1', false, false, '')::text as d \
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname in ('public', 'mako') and relkind = 'r' \
        union all select sequencename || ' ' || coalesce(last_value, 0) from pg_sequences where sequencename <> 'event_deliveries_sequence_seq') x";
    let before: String = superuser.query_one(content, &[]).await.unwrap().get(0);
    let report = proof(&database.superuser_url()).await;
    assert_eq!(report.verdict, Verdict::Proven, "{}", report.to_text());
    // What attackers write is captured as anybody's: it is rolled back unheard, and only passes over numbers of the order.
    let is_captured = |note: &&String| {
        note.starts_with("trigger capture_")
            || note.starts_with("sequence mako.event_deliveries_sequence_seq ")
    };
    let other: Vec<_> = report.notes.iter().filter(|note| !is_captured(note)).collect();
    assert!(other.is_empty(), "{other:?}");
    assert_eq!(
        superuser
            .query_one(content, &[])
            .await
            .unwrap()
            .get::<_, String>(0),
        before
    );
}

/// Supabase's `postgres` is no superuser, and not a member of the API roles on every version.
async fn supabase_like(search: Search) {
    let cluster = Arc::new(Cluster::bare(search).await);
    let superuser = connect(&cluster.superuser_url("postgres")).await;
    batch(&superuser, include_str!("../sql/supabase.sql")).await;
    let database = cluster.owned_database("editor").await;
    let superuser = connect(&cluster.superuser_url(&database)).await;
    batch(&superuser, "alter schema public owner to pg_database_owner; \
        alter default privileges for role editor in schema public grant all on tables to anon, authenticated, service_role").await;
    let admin_url = cluster.url_of("editor", "editor", &database);
    let login = Target::parse(&cluster.login_url(&database), None).unwrap();
    let admin = Admin::connect(&Target::parse(&admin_url, None).unwrap())
        .await
        .unwrap();
    admin.migrate(Some(&login), &mut |_| ()).await.unwrap();
    let report = proof(&admin_url).await;
    assert_eq!(report.verdict, Verdict::Proven, "{}", report.to_text());
    let editor = connect(&admin_url).await;
    batch(&editor, "create table forgotten (id uuid primary key default gen_random_uuid(), user_id text not null, words text)").await;
    let report = proof(&admin_url).await;
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.to_text());
    assert!(
        leaks(&report)
            .iter()
            .all(|(about, _)| *about == "public.forgotten"),
        "{}",
        report.to_text()
    );
}

#[tokio::test]
async fn supabases_postgres_can_prove() {
    supabase_like(Search::from_env()).await;
}

#[tokio::test]
async fn supabases_postgres_can_prove_on_postgres_17() {
    supabase_like(Search::npm("17.10.0-beta.17")).await;
}

/// Runs `mako prove`; the exit code and what it wrote.
async fn command(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<&str> = std::iter::once("prove")
        .chain(arguments.iter().copied())
        .collect();
    Process::start(&mut mako(&arguments, &[("ADMIN_DATABASE_URL", url)]).await)
        .output()
        .await
}

#[tokio::test]
async fn the_command_answers_by_its_exit_code_in_every_format() {
    let database = TestDatabase::new().await;
    let url = database.superuser_url();
    for (format, word) in [
        ("text", "proven"),
        ("json", "\"verdict\": \"proven\""),
        ("sarif", "\"version\": \"2.1.0\""),
        ("html", "<!doctype html>"),
    ] {
        let (code, output) = command(&url, &["--format", format]).await;
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains(word), "{output}");
    }
    let superuser = database.superuser().await;
    batch(&superuser, "create table stray (id int)").await;
    let (code, output) = command(&url, &[]).await;
    assert_eq!(code, Some(2), "{output}");
    assert!(
        output.contains("INCOMPLETE") && output.contains("public.stray is not classified"),
        "{output}"
    );
    batch(&superuser, "alter table leads disable row level security").await;
    let (code, output) = command(
        "postgres://nobody@127.0.0.1:1/none",
        &["--format", "json", "--database-url", &url],
    )
    .await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("cross_tenant_read"), "{output}");
    let (code, output) = command(&url, &["--init"]).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("[relations.\"public.stray\"]"), "{output}");
    Model::parse(&output[output.find("# Drafted").unwrap()..]).unwrap();
    let (code, output) = command(&url, &["--model", "/nowhere.toml"]).await;
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("/nowhere.toml"), "{output}");
}

/// Starts `serve` with a proof required; what it says until it serves or ends.
async fn serve(database: &TestDatabase, proof: &std::path::Path) -> String {
    let url = database.login_url();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", JWT_SECRET),
        ("ENCRYPTION_KEY", ENCRYPTION_KEY),
        ("LISTEN", "127.0.0.1:0"),
    ];
    let arguments = ["serve", "--require-proof", proof.to_str().unwrap()];
    let mut process = Process::start(&mut mako(&arguments, &environment).await);
    process
        .wait_for(|log| (log.contains("serving") || log.contains("--require-proof")).then(|| log.to_owned()))
        .await
}

#[tokio::test]
async fn serve_refuses_a_database_that_is_not_the_proven_one() {
    let database = TestDatabase::new().await;
    let file = std::env::temp_dir().join(format!(
        "mako-proof-{}-{}.json",
        database.cluster().postgres().port(),
        database.name()
    ));
    let report = proof(&database.superuser_url()).await;
    std::fs::write(&file, report.to_json()).unwrap();
    assert!(serve(&database, &file).await.contains("serving"));
    let superuser = database.superuser().await;
    batch(&superuser, "create policy oops on leads for all using (true)").await;
    let log = serve(&database, &file).await;
    assert!(log.contains("has changed since it was proven"), "{log}");
    batch(&superuser, "drop policy oops on leads").await;
    assert!(serve(&database, &file).await.contains("serving"));
    std::fs::write(
        &file,
        report
            .to_json()
            .replace("\"verdict\": \"proven\"", "\"verdict\": \"incomplete\""),
    )
    .unwrap();
    let log = serve(&database, &file).await;
    assert!(log.contains(file.to_str().unwrap()), "{log}");
    assert!(log.contains("incomplete"), "{log}");
    std::fs::write(&file, "{}").unwrap();
    assert!(serve(&database, &file).await.contains("no report"));
    std::fs::remove_file(&file).unwrap();
}
