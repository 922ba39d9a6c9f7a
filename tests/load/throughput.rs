//! As many requests as can be answered: lists, single rows, creates; beside PostgREST, an earlier build, a pooler, and Postgres
//! alone.

use std::time::Instant;

use serde_json::json;
use tests::pgbouncer::PgBouncer;
use tests::postgrest::Postgrest;
use tests::{Service, TestDatabase};

use crate::clients::{Asked, rates};
use crate::earlier::Earlier;
use crate::report::Line;
use crate::report::Target::{AtLeast, AtMost};
use crate::{pgbench, resident, rows, serve};

const LIST: &str = "/v1/leads?limit=20";
/// What a page of twenty leads is at least long.
const TWENTY: usize = 2_000;
const THEIR_LIST: &str = "/leads?limit=20&order=created_at.desc,id.desc\
    &select=id,name,phone,status,source,summary,ai_summary,sentiment,created_at,updated_at";

/// All of it.
pub(crate) async fn measure(earlier: &Earlier) -> Vec<Line> {
    let database = TestDatabase::new().await;
    rows::users_with_leads(&database.superuser().await).await;
    rows::users_with_leads(&earlier.database("throughput").await).await;
    let before = earlier.serve("throughput").await;
    let (service, ready) = started(&database).await;
    let postgrest = Postgrest::on(&database).await;

    let mut lines = lists(&database, &service, &before.url, &postgrest).await;
    let memory = resident(&service);
    lines.extend(single_rows(&database, &service, &before.url, &postgrest).await);
    lines.extend(pooled(&database, &service).await);
    lines.push(Line::new(
        "resident memory after the lists",
        memory,
        " MB",
        AtMost(25.0),
    ));
    lines.push(Line::new("start to ready", ready, " ms", AtMost(100.0)));
    lines
}

/// The service, and milliseconds to its first `ready`: the median of three starts.
async fn started(database: &TestDatabase) -> (Service, f64) {
    let mut taken = Vec::new();
    loop {
        let started = Instant::now();
        let service = serve(&database.login_url(), &[]).await;
        let ready = service.request(reqwest::Method::GET, "/ready").send().await;
        assert!(ready.is_ok_and(|answer| answer.status().is_success()));
        taken.push(started.elapsed().as_secs_f64() * 1000.0);
        if taken.len() == 3 {
            return (service, crate::clients::median(&mut taken));
        }
    }
}

async fn lists(database: &TestDatabase, service: &Service, before: &str, postgrest: &Postgrest) -> Vec<Line> {
    let measured = rates(&[
        Asked::get(&service.url, LIST, TWENTY),
        Asked::get(before, LIST, TWENTY),
        Asked::get(&postgrest.url, THEIR_LIST, TWENTY),
        Asked::get(&service.url, "/health", 0),
    ])
    .await;
    let [mako, before, theirs, health] = measured[..] else {
        unreachable!("as many as were asked for")
    };
    let alone = alone("prepared", &database.login_url(), &list_script()).await;
    let bound = 1.0 / (1.0 / alone + 1.0 / health);
    vec![
        Line::new("list of 20, × PostgREST", mako / theirs, " ×", AtLeast(8.0))
            .of(format!("{mako:.0}/s and {theirs:.0}/s"))
            .earlier(format!("{:.1} ×", before / theirs)),
        Line::new(
            "list of 20, × the earlier build",
            mako / before,
            " ×",
            AtLeast(1.7),
        )
        .earlier(format!("{before:.0}/s")),
        Line::new(
            "list of 20, of the bound 1/(1/pgbench + 1/health)",
            mako / bound,
            "",
            AtLeast(0.85),
        )
        .of(format!("{alone:.0}/s and {health:.0}/s"))
        .earlier(format!("{:.2}", before / bound)),
    ]
}

/// The service's transaction for a list, without a service.
fn list_script() -> String {
    pipelined(
        "read",
        &pgbench::statement("leads/list", &["user-1", "2100-01-01", "", "21"]),
    )
}

/// A tenant's transaction in one message, as the service sends it.
fn pipelined(access: &str, statement: &str) -> String {
    let settings = pgbench::settings("user-1", "authenticated", access);
    format!("\\startpipeline\nbegin;\n{settings}{statement}commit;\n\\endpipeline\n")
}

/// What pgbench does of it in a second: the median of three turns.
async fn alone(protocol: &str, url: &str, script: &str) -> f64 {
    let mut turns = Vec::new();
    for _ in 0..3 {
        turns.push(pgbench::transactions_by(protocol, url, "throughput", script).await);
    }
    crate::clients::median(&mut turns)
}

async fn single_rows(
    database: &TestDatabase,
    service: &Service,
    before: &str,
    postgrest: &Postgrest,
) -> Vec<Line> {
    let measured = rates(&[
        Asked::get(&service.url, "/v1/leads/lead-{user}-5", 100),
        Asked::get(before, "/v1/leads/lead-{user}-5", 100),
        Asked::get(&postgrest.url, "/leads?id=eq.lead-{user}-5", 100),
    ])
    .await;
    let [mako, earlier, theirs] = measured[..] else {
        unreachable!("as many as were asked for")
    };
    let lead = json!({"name": "Ann Lee", "phone": "+15550100001", "status": "new", "source": "Web", "summary": "Wants a quote"});
    let made = rates(&[
        Asked::post(&service.url, "/v1/leads", lead.to_string()),
        Asked::post(before, "/v1/leads", lead.to_string()),
        Asked::post(&postgrest.url, "/leads", lead.to_string()).with("prefer", "return=representation"),
    ])
    .await;
    let [create, created_before, theirs_created] = made[..] else {
        unreachable!("as many as were asked for")
    };
    let lead = ["user-1", "Ann Lee", "+15550100001", "new", "Web", "Wants a quote"];
    let insert = pgbench::statement("leads/insert", &[&lead[..], &["null::text"; 3]].concat());
    let inserted = alone("prepared", &database.login_url(), &pipelined("write", &insert)).await;
    vec![
        Line::new("one row by id, × PostgREST", mako / theirs, " ×", AtLeast(8.0))
            .of(format!("{mako:.0}/s and {theirs:.0}/s"))
            .earlier(format!("{:.1} ×", earlier / theirs)),
        Line::new(
            "create a lead, × PostgREST",
            create / theirs_created,
            " ×",
            AtLeast(5.0),
        )
        .of(format!("{create:.0}/s and {theirs_created:.0}/s"))
        .earlier(format!("{:.1} ×", created_before / theirs_created)),
        Line::bound(
            "the same by pgbench, without a service, × PostgREST",
            inserted / theirs_created,
            " ×",
        )
        .of(format!("{inserted:.0}/s")),
    ]
}

/// Through PgBouncer in transaction mode, against direct; and what that leaves of pgbench.
async fn pooled(database: &TestDatabase, service: &Service) -> Vec<Line> {
    let pooler = PgBouncer::with_pool(database, 16).await;
    let through = serve(&pooler.login_url(), &[]).await;
    let measured = rates(&[
        Asked::get(&through.url, LIST, TWENTY),
        Asked::get(&service.url, LIST, TWENTY),
    ])
    .await;
    let [through, direct] = measured[..] else {
        unreachable!("as many as were asked for")
    };
    let script = list_script();
    let direct_alone = alone("prepared", &database.login_url(), &script).await;
    let through_alone = alone("extended", &pooler.login_url(), &script).await;
    let of = |through: f64, direct: f64| format!("{through:.0}/s and {direct:.0}/s");
    let (what, alone) = (
        "list of 20 through PgBouncer in transaction mode, of direct",
        "the same by pgbench, without a service",
    );
    vec![
        Line::new(what, through / direct, "", AtLeast(0.85)).of(of(through, direct)),
        Line::bound(alone, through_alone / direct_alone, "").of(of(through_alone, direct_alone)),
    ]
}
