//! Does the prover find every planted leak, and accuse no correct twin? Each case of `tests/corpus` in a database of
//! its own; what it says of itself (`-- model:`, `-- expect:`) must come true, and nothing may be left behind.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use devdb::{Data, Options, Postgres, Search};
use prove::{Model, Report, Severity, Verdict};
use tokio::sync::Semaphore;
use tokio_postgres::{Client, NoTls};

const TEMPLATE: &str = "corpus";

/// A case: SQL with the intent and the expected findings in comments.
struct Case {
    name: String,
    sql: String,
    model: Model,
    /// Relation or function, rule, severity.
    expected: Vec<(String, String, Severity)>,
    sound: bool,
    /// Expected to be incomplete instead of proven.
    incomplete: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}

/// For whoever looks into one case by hand.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told nothing by its configuration"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension == "sql") && !file.ends_with("supabase.sql")
    });
    files.sort();
    if let Some(only) = setting("CORPUS_CASE") {
        files.retain(|file| file.to_string_lossy().contains(&only));
    }
    files.iter().map(|file| case(file)).collect()
}

fn case(file: &Path) -> Case {
    let sql = std::fs::read_to_string(file).unwrap();
    let lines = |prefix: &str| -> Vec<String> {
        sql.lines()
            .filter_map(|line| line.strip_prefix(prefix))
            .map(str::to_owned)
            .collect()
    };
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let model =
        Model::parse(&lines("-- model: ").join("\n")).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expect = lines("-- expect: ");
    let expected = expect
        .iter()
        .filter(|line| *line != "incomplete")
        .map(|line| {
            let mut words = line.rsplitn(3, ' ');
            let severity = match words.next() {
                Some("leak") => Severity::Leak,
                Some("risk") => Severity::Risk,
                other => panic!("{name}: {other:?}"),
            };
            let rule = words.next().unwrap().to_owned();
            (words.next().unwrap_or("database").to_owned(), rule, severity)
        })
        .collect();
    Case {
        sound: name.ends_with(".sound.sql"),
        incomplete: expect.iter().any(|line| line == "incomplete"),
        name,
        sql: sql.clone(),
        model,
        expected,
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn start() -> Postgres {
    start_with(&[("max_connections", "100"), ("log_min_messages", "fatal")])
}

fn start_with(settings: &[(&str, &str)]) -> Postgres {
    let owned = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options {
        data: Data::Ephemeral,
        search: Search::from_env(),
        settings: owned.collect(),
        cancel: devdb::Cancel::default(),
    };
    devdb::start(options, &mut |_| ()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_leak_is_found_and_no_correct_twin_is_accused() {
    let cases = cases();
    let postgres = Arc::new(tokio::task::spawn_blocking(start).await.unwrap());
    let admin = connect(&postgres.superuser_url("postgres")).await;
    admin
        .simple_query(&format!("create database {TEMPLATE}"))
        .await
        .unwrap();
    let ground = std::fs::read_to_string(folder().join("supabase.sql")).unwrap();
    let template = connect(&postgres.superuser_url(TEMPLATE)).await;
    template.simple_query(&ground).await.unwrap();
    drop(template);
    let (slots, cloning) = (Arc::new(Semaphore::new(4)), Arc::new(Semaphore::new(1)));
    let mut running = Vec::new();
    for (n, case) in cases.into_iter().enumerate() {
        let (postgres, slots, cloning) = (Arc::clone(&postgres), Arc::clone(&slots), Arc::clone(&cloning));
        running.push(tokio::spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            let name = format!("case{n}");
            {
                let _one_at_a_time = cloning.acquire().await.unwrap();
                let admin = connect(&postgres.superuser_url("postgres")).await;
                while admin
                    .simple_query(&format!("create database {name} template {TEMPLATE}"))
                    .await
                    .is_err()
                {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
            let problems = judge(&case, &postgres.superuser_url(&name)).await;
            problems
                .into_iter()
                .map(|problem| format!("{}: {problem}", case.name))
                .collect::<Vec<_>>()
        }));
    }
    let mut problems = Vec::new();
    for case in running {
        problems.extend(case.await.unwrap());
    }
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// Runs one case; what is wrong with the answer.
async fn judge(case: &Case, url: &str) -> Vec<String> {
    let mut client = connect(url).await;
    if let Err(error) = client.simple_query(&case.sql).await {
        return vec![format!("the case itself fails: {error:?}")];
    }
    client.simple_query("reset all; reset role").await.unwrap();
    let before = content(&client).await;
    let report = match prove::run(&mut client, &case.model, &prove::Options::default()).await {
        Ok(report) => report,
        Err(error) => return vec![format!("no report: {error}")],
    };
    if setting("CORPUS_SHOW").is_some() {
        eprintln!("== {}\n{report:#?}", case.name);
    }
    let mut problems = Vec::new();
    let after = content(&client).await;
    for (before, after) in before.iter().zip(&after) {
        let sequence = before.split(' ').nth(1).unwrap_or_default();
        if before != after && !report.notes.iter().any(|note| note.contains(sequence)) {
            problems.push(format!("left behind: {before} is {after}"));
        }
    }
    let wanted = match (case.sound, case.incomplete) {
        (_, true) => Verdict::Incomplete,
        (true, false) => Verdict::Proven,
        (false, false) => Verdict::Leak,
    };
    if report.verdict != wanted {
        problems.push(format!("verdict {:?} instead of {wanted:?}", report.verdict));
    }
    if report.controls.planted == 0 || report.controls.caught != report.controls.planted {
        problems.push(format!("controls {:?}", report.controls));
    }
    let found = findings(&report);
    for (what, rule, severity) in &case.expected {
        if !found
            .iter()
            .any(|(w, r, s)| w == what && (r == rule || rule == "*") && s == severity)
        {
            problems.push(format!("not found: {what} {rule} {severity:?}"));
        }
    }
    // Nobody is accused who isn't expected to be.
    for (what, rule, severity) in &found {
        if *severity == Severity::Leak
            && !case
                .expected
                .iter()
                .any(|(w, _, s)| w == what && *s == Severity::Leak)
        {
            problems.push(format!("false alarm: {what} {rule}"));
        }
    }
    if !problems.is_empty() {
        for (what, rule, severity) in &found {
            if *severity == Severity::Leak {
                problems.push(format!("  found {what} {rule}"));
            }
        }
        let untested = report.relations.iter().flat_map(|r| {
            r.not_tested
                .iter()
                .map(move |why| format!("  {}: {why}", r.relation))
        });
        problems.extend(untested);
        let untested = report.functions.iter().flat_map(|f| {
            f.not_tested
                .iter()
                .map(move |why| format!("  {}: {why}", f.function))
        });
        problems.extend(untested);
        problems.extend(report.not_tested.iter().map(|why| format!("  {why}")));
    }
    problems
}

fn findings(report: &Report) -> Vec<(String, String, Severity)> {
    let of = |what: &str, findings: &[prove::Finding]| -> Vec<_> {
        findings
            .iter()
            .map(|finding| (what.to_owned(), finding.rule.clone(), finding.severity))
            .collect()
    };
    let relations = report.relations.iter().flat_map(|r| of(&r.relation, &r.findings));
    let functions = report.functions.iter().flat_map(|f| of(&f.function, &f.findings));
    relations
        .chain(functions)
        .chain(of("database", &report.findings))
        .collect()
}

/// What every table holds and where every sequence stands.
async fn content(client: &Client) -> Vec<String> {
    let sql = "select 'table ' || c.oid::regclass || ' ' || coalesce((xpath('/row/d/text()', query_to_xml(format(
        'select md5(string_agg(t::text, chr(10) order by t::text)) as d from only %s t', c.oid::regclass), false, true, '')))[1]::text, '')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
        union all
        select 'sequence ' || s.schemaname || '.' || s.sequencename || ' ' || coalesce(s.last_value::text, '') from pg_sequences s
        order by 1";
    client
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// A hundred tables, half of them hanging on the other half; everything in order.
fn hundred_tables() -> String {
    let pair = |n: usize| {
        format!(
            "create table public.t{n} (
               id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id),
               title text not null, state text not null default 'a' check (state in ('a', 'b')),
               at timestamptz not null default now(), unique (user_id, id));
             create index on public.t{n} (user_id);
             alter table public.t{n} enable row level security;
             create policy own on public.t{n} to authenticated
               using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
             create table public.c{n} (
               id bigint generated always as identity primary key, user_id uuid not null, t_id uuid not null, words text,
               foreign key (user_id, t_id) references public.t{n} (user_id, id));
             create index on public.c{n} (user_id);
             alter table public.c{n} enable row level security;
             create policy own on public.c{n} to authenticated
               using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));"
        )
    };
    (0..50).map(pair).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_relations_take_seconds() {
    let postgres = tokio::task::spawn_blocking(start).await.unwrap();
    let mut client = connect(&postgres.superuser_url("postgres")).await;
    client
        .simple_query(&std::fs::read_to_string(folder().join("supabase.sql")).unwrap())
        .await
        .unwrap();
    client.simple_query(&hundred_tables()).await.unwrap();
    let report = prove::run(
        &mut client,
        &Model::parse("").unwrap(),
        &prove::Options::default(),
    )
    .await
    .unwrap();
    eprintln!(
        "{} relations, {} ms, {} round trips",
        report.relations.len(),
        report.elapsed_ms,
        report.round_trips
    );
    assert_eq!(report.verdict, Verdict::Proven, "{}", report.to_text());
    assert_eq!(report.relations.len(), 100);
    assert!(
        report.relations.iter().all(|relation| relation.attempts > 20),
        "{}",
        report.to_text()
    );
    // 5 s on an idle machine; tests share theirs.
    assert!(report.elapsed_ms < 60_000, "{} ms", report.elapsed_ms);
    assert!(report.round_trips < 1_000, "{} round trips", report.round_trips);
}

#[tokio::test]
async fn where_there_is_nothing_nothing_is_proven() {
    let postgres = tokio::task::spawn_blocking(start).await.unwrap();
    let mut client = connect(&postgres.superuser_url("postgres")).await;
    client
        .simple_query(&std::fs::read_to_string(folder().join("supabase.sql")).unwrap())
        .await
        .unwrap();
    let model = Model::parse("schemas = [\"elsewhere\"]").unwrap();
    let report = prove::run(&mut client, &model, &prove::Options::default())
        .await
        .unwrap();
    assert_eq!(report.verdict, Verdict::Incomplete, "{}", report.to_text());
}

/// Tables that take no made-up row, and others whose policies fail.
fn refusing_tables() -> String {
    let table = |n: usize| {
        format!(
            "create table public.t{n} (id uuid primary key, user_id uuid not null references auth.users (id), title text);
             create index on public.t{n} (user_id);
             alter table public.t{n} enable row level security;
             create policy own on public.t{n} to authenticated
               using (user_id = (select auth.uid()) and 1 / (1 - {} * length(left(title, 1))) = 1) with check (true);
             create trigger refuse before insert on public.t{n} for each row when (length(new.title) > {}) execute function public.refuse();",
            n % 2,
            if n.is_multiple_of(2) { 0 } else { 10_000 }
        )
    };
    let refuse = "create function public.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'no row of % is taken', tg_table_name; end $$;";
    (0..80).fold(refuse.to_owned(), |sql, n| sql + &table(n))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_does_not_fill_the_servers_log() {
    let settings = [
        ("logging_collector", "on"),
        ("log_directory", "log"),
        ("log_min_messages", "warning"),
    ];
    let postgres = tokio::task::spawn_blocking(move || start_with(&settings))
        .await
        .unwrap();
    let mut client = connect(&postgres.superuser_url("postgres")).await;
    client
        .simple_query(&std::fs::read_to_string(folder().join("supabase.sql")).unwrap())
        .await
        .unwrap();
    client.simple_query(&refusing_tables()).await.unwrap();
    let logged = "select sum(size)::int8 from pg_ls_logdir()";
    let before: i64 = client.query_one(logged, &[]).await.unwrap().get(0);
    assert!(client.simple_query("select 1 / 0").await.is_err());
    // Another process writes the file, a little later.
    let mut one = before;
    for _ in 0..20_000 {
        one = client.query_one(logged, &[]).await.unwrap().get(0);
        if one > before {
            break;
        }
    }
    assert!(one > before, "nothing is logged here");
    let report = prove::run(
        &mut client,
        &Model::parse("").unwrap(),
        &prove::Options::default(),
    )
    .await
    .unwrap();
    let refused = report
        .relations
        .iter()
        .filter(|relation| relation.not_tested.iter().any(|why| why.contains("is taken")));
    assert_eq!(refused.count(), 40, "{}", report.to_text());
    let all: i64 = client.query_one(logged, &[]).await.unwrap().get(0);
    assert!(all - one < 100_000, "{} bytes were logged", all - one);
}

#[tokio::test]
async fn of_an_attack_whose_planted_leak_is_missed_nothing_is_proven() {
    let postgres = tokio::task::spawn_blocking(start).await.unwrap();
    let mut client = connect(&postgres.superuser_url("postgres")).await;
    client
        .simple_query(&std::fs::read_to_string(folder().join("supabase.sql")).unwrap())
        .await
        .unwrap();
    // Whoever opens a table to every INSERT is corrected at once, the prover too.
    let correct = "create table public.notes (id uuid primary key, user_id uuid not null references auth.users (id), words text);
        create index on public.notes (user_id);
        alter table public.notes enable row level security;
        create policy own on public.notes to authenticated
          using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
        create function public.correct() returns event_trigger language plpgsql as $$
          begin
            if exists (select from pg_policies where policyname = 'planted' and with_check = 'true' and cmd = 'INSERT') then
              alter policy planted on mako_prove_controls.open_insert with check (false);
            end if;
          end $$;
        create event trigger correct on ddl_command_end when tag in ('CREATE POLICY') execute function public.correct()";
    client.simple_query(correct).await.unwrap();
    let report = prove::run(
        &mut client,
        &Model::parse("").unwrap(),
        &prove::Options::default(),
    )
    .await
    .unwrap();
    let notes = report
        .relations
        .iter()
        .find(|relation| relation.relation == "public.notes")
        .unwrap();
    assert_eq!(
        report.controls.caught + 1,
        report.controls.planted,
        "{}",
        report.to_text()
    );
    assert_eq!(notes.verdict, Verdict::NotTested, "{}", report.to_text());
    assert!(
        notes.not_tested[0].starts_with("cross_tenant_insert"),
        "{:?}",
        notes.not_tested
    );
    assert_eq!(report.verdict, Verdict::Incomplete, "{}", report.to_text());
}
