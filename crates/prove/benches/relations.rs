//! How long does a proof take, and does it grow no faster than the database? Databases of 10, 100 and 1,000 relations
//! in a server of its own; or, given `URL MODEL`, one that is there.
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on should stop")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use devdb::{Data, Options, Postgres, Search};
use prove::{Model, Phase, Progress, Report};
use tokio_postgres::{Client, NoTls};

const MODEL: &str = r#"
[tenant]
claim = "sub"
column = "org_id"
[tenant.membership]
table = "public.members"
user = "user_id"
tenant = "org_id"
[relations."public.orgs"]
column = "id"
[relations."public.kinds"]
public = true
reason = "a list of words"
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match given.as_slice() {
        [url, model] if url.contains("://") => {
            let model = Model::parse(&std::fs::read_to_string(model).unwrap()).unwrap();
            measure(&mut connect(url).await, "the database", &model).await;
        }
        sizes => {
            let named = sizes.iter().map(|size| size.parse().unwrap()).collect();
            let sizes: Vec<usize> = if sizes.is_empty() {
                vec![10, 100, 1_000]
            } else {
                named
            };
            let postgres = tokio::task::spawn_blocking(start).await.unwrap();
            for size in sizes {
                let mut client = database(&postgres, size).await;
                measure(
                    &mut client,
                    &format!("{size} relations"),
                    &Model::parse(MODEL).unwrap(),
                )
                .await;
            }
        }
    }
}

async fn measure(client: &mut Client, name: &str, model: &Model) {
    for _ in 0..3 {
        let begun: Mutex<Vec<(Phase, Instant)>> = Mutex::default();
        let observer = |progress: &Progress| {
            let mut begun = begun.lock().unwrap();
            if begun.last().is_none_or(|(phase, _)| *phase != progress.phase) {
                begun.push((progress.phase, Instant::now()));
            }
        };
        let options = prove::Options {
            progress: Some(&observer),
            ..prove::Options::default()
        };
        let report = prove::run(client, model, &options).await.unwrap();
        tell(name, &report);
        let begun = begun.into_inner().unwrap();
        let ends = begun.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]);
        let phases = begun.iter().zip(ends);
        let told = phases.map(|((phase, at), end)| format!("{phase} {} ms", (end - *at).as_millis()));
        eprintln!("  {}", told.collect::<Vec<_>>().join(", "));
    }
}

fn tell(name: &str, report: &Report) {
    let relations = report.relations.iter().map(|relation| relation.attempts);
    let functions = report.functions.iter().map(|function| function.attempts);
    eprintln!(
        "{name}: {} ms, {} attempts in {} round trips, {:?}, {} of {} controls",
        report.elapsed_ms,
        relations.chain(functions).sum::<usize>(),
        report.round_trips,
        report.verdict,
        report.controls.caught,
        report.controls.planted
    );
}

fn start() -> Postgres {
    let options = Options {
        data: Data::Ephemeral,
        search: Search::from_env(),
        settings: Vec::new(),
        cancel: devdb::Cancel::default(),
    };
    devdb::start(options, &mut |_| ()).unwrap()
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn database(postgres: &Postgres, relations: usize) -> Client {
    let name = format!("of{relations}");
    let admin = connect(&postgres.superuser_url("postgres")).await;
    admin
        .simple_query(&format!("create database {name}"))
        .await
        .unwrap();
    let client = connect(&postgres.superuser_url(&name)).await;
    let ground = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/supabase.sql");
    client
        .simple_query(&std::fs::read_to_string(ground).unwrap())
        .await
        .unwrap();
    client.simple_query(&schema(relations)).await.unwrap();
    client
}

/// Organisations, and for every eight relations one function; what is referred to is never far away.
fn schema(relations: usize) -> String {
    let mut sql = "
        create table public.orgs (id uuid primary key, name text not null);
        create table public.kinds (name text primary key);
        create table public.members (
          org_id uuid not null references public.orgs (id), user_id uuid not null references auth.users (id),
          role text not null default 'member' check (role in ('owner', 'member')), primary key (org_id, user_id));
        create index on public.members (user_id);
        create function public.my_orgs() returns setof uuid language sql stable security definer set search_path = '' as
          $$ select org_id from public.members where user_id = (select auth.uid()) $$;
        alter table public.orgs enable row level security;
        alter table public.members enable row level security;
        create policy own on public.orgs for select to authenticated using (id in (select public.my_orgs()));
        create policy own on public.members for select to authenticated using (org_id in (select public.my_orgs()));
        revoke insert, update, delete on public.kinds, public.orgs, public.members from anon, authenticated;"
        .to_owned();
    for n in 3..relations {
        let parent = if n % 4 == 3 || n < 4 {
            "null".to_owned()
        } else {
            format!("public.t{}", n - 1)
        };
        let refers = if parent == "null" {
            String::new()
        } else {
            format!(", foreign key (org_id, parent) references {parent} (org_id, id)")
        };
        let _ = write!(
            sql,
            "create table public.t{n} (
               id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), parent uuid,
               author uuid references auth.users (id), title text not null, state text not null default 'open'
               check (state in ('open', 'done')), amount numeric(10, 2) check (amount >= 0), made_at timestamptz not null
               default now(), unique (org_id, id){refers});
             create index on public.t{n} (org_id);
             alter table public.t{n} enable row level security;
             create policy own on public.t{n} to authenticated
               using (org_id in (select public.my_orgs())) with check (org_id in (select public.my_orgs()));"
        );
        if n % 8 == 0 {
            let _ = write!(
                sql,
                "create function public.titles{n}(state text) returns setof text language sql stable as
                   $$ select title from public.t{n} t where t.state = $1 $$;"
            );
        }
    }
    sql
}
