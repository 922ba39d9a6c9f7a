//! Single runs: what they cost, what the server logs, and what is said where nothing can be.

use std::sync::Mutex;

use prove::{Model, Options, Phase, Progress, Verdict};

use crate::server::{ground, prove, start, start_with};

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
    let mut client = ground(&postgres.superuser_url("postgres")).await;
    client.simple_query(&hundred_tables()).await.unwrap();
    let report = prove(&mut client, "").await;
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
    let mut client = ground(&postgres.superuser_url("postgres")).await;
    let report = prove(&mut client, "schemas = [\"elsewhere\"]").await;
    assert_eq!(report.verdict, Verdict::Incomplete, "{}", report.to_text());
}

#[tokio::test]
async fn a_row_that_is_missing_is_explained_by_the_first_refusal() {
    let postgres = tokio::task::spawn_blocking(start).await.unwrap();
    let mut client = ground(&postgres.superuser_url("postgres")).await;
    let staff_only = "create function public.staff_only() returns trigger language plpgsql as
        $$ begin raise exception 'only staff may sign up'; end $$;
        create trigger staff_only before insert on auth.users for each row execute function public.staff_only();
        create table public.notes (id uuid primary key, user_id uuid not null references auth.users (id), words text);
        alter table public.notes enable row level security;
        create policy own on public.notes to authenticated using (user_id = (select auth.uid()));";
    client.simple_query(staff_only).await.unwrap();
    let report = prove(&mut client, "").await;
    let reasons = &report.relations[0].not_tested;
    assert!(
        reasons
            .iter()
            .any(|why| why.contains("only staff may sign up") && why.contains("auth.users")),
        "{reasons:?}"
    );
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
    let mut client = ground(&postgres.superuser_url("postgres")).await;
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
    let report = prove(&mut client, "").await;
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
    let mut client = ground(&postgres.superuser_url("postgres")).await;
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
    let report = prove(&mut client, "").await;
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

#[tokio::test]
async fn whoever_waits_is_told_of_every_phase_and_of_what_is_attacked() {
    let postgres = tokio::task::spawn_blocking(start).await.unwrap();
    let mut client = ground(&postgres.superuser_url("postgres")).await;
    let notes =
        "create table public.notes (id uuid primary key, user_id uuid not null references auth.users (id));
        create function public.one() returns int language sql as $$ select 1 $$";
    client.simple_query(notes).await.unwrap();
    let told = Mutex::new(Vec::<Progress>::new());
    let options = Options {
        progress: Some(&|progress| told.lock().unwrap().push(progress.clone())),
        ..Options::default()
    };
    let model = Model::parse("").unwrap();
    prove::run(&mut client, &model, &options).await.unwrap();
    let told = told.into_inner().unwrap();
    let mut phases: Vec<Phase> = told.iter().map(|progress| progress.phase).collect();
    phases.dedup();
    assert_eq!(
        phases,
        [
            Phase::Catalog,
            Phase::Rows,
            Phase::Tables,
            Phase::Views,
            Phase::Functions,
            Phase::Comparison
        ]
    );
    let about = |phase, name| {
        told.iter()
            .any(|progress| progress.phase == phase && progress.about == name && progress.tried > 0)
    };
    assert!(about(Phase::Tables, "public.notes"), "{told:#?}");
    assert!(about(Phase::Functions, "public.one()"), "{told:#?}");
    assert!(
        told.iter().all(|progress| progress.tried <= progress.known),
        "{told:#?}"
    );
}
