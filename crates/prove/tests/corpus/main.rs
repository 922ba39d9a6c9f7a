//! Does the prover find every planted leak, and accuse no correct twin? Each case of `tests/corpus` in a database of
//! its own; what it says of itself (`-- model:`, `-- expect:`) must come true, and nothing may be left behind.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod case;
mod runs;
mod server;
mod shown;

use std::sync::Arc;

use devdb::Postgres;
use prove::rules::{self, Rule};
use prove::{Report, Severity};
use tokio::sync::Semaphore;
use tokio_postgres::Client;

use case::{Case, Expected, Kind, cases, setting};
use server::{connect, ground, start};

const TEMPLATE: &str = "corpus";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_leak_is_found_and_no_correct_twin_is_accused() {
    let mut cases = cases();
    if let Some(only) = setting("CORPUS_CASE") {
        cases.retain(|case| case.title().contains(&only));
    }
    let postgres = Arc::new(tokio::task::spawn_blocking(start).await.unwrap());
    let admin = connect(&postgres.superuser_url("postgres")).await;
    admin
        .simple_query(&format!("create database {TEMPLATE}"))
        .await
        .unwrap();
    drop(ground(&postgres.superuser_url(TEMPLATE)).await);
    let (slots, cloning) = (Arc::new(Semaphore::new(4)), Arc::new(Semaphore::new(1)));
    let mut running = Vec::new();
    for (n, case) in cases.into_iter().enumerate() {
        let (postgres, slots, cloning) = (Arc::clone(&postgres), Arc::clone(&slots), Arc::clone(&cloning));
        running.push(tokio::spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            let name = format!("case{n}");
            clone_template(&postgres, &cloning, &name).await;
            let problems = judge(&case, &postgres.superuser_url(&name)).await;
            let named = problems
                .into_iter()
                .map(|problem| format!("{}: {problem}", case.title()));
            named.collect::<Vec<_>>()
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

/// What only a database on several nodes shows: `tests/it/distributed` does, with its correct twins.
const OF_NODES: &[&str] = &["claims_of_another", "direct_connection", "node_lets_in"];

#[test]
fn every_rule_has_a_case_that_shows_it_and_a_correct_twin() {
    let cases = cases();
    let shows = |case: &Case, rule: &Rule| {
        case.kind != Kind::Sound && case.expected.iter().any(|expected| expected.rule == Some(rule))
    };
    let without: Vec<&&Rule> = rules::ALL
        .iter()
        .filter(|rule| !cases.iter().any(|case| shows(case, rule)) && !OF_NODES.contains(&rule.id))
        .collect();
    assert!(without.is_empty(), "{without:#?}");
    for case in cases.iter().filter(|case| case.kind != Kind::Sound) {
        let is_twin = |other: &&Case| other.kind == Kind::Sound && other.name == case.name;
        let twin = cases.iter().find(is_twin);
        let twin = twin.unwrap_or_else(|| panic!("{} has no correct twin", case.title()));
        for expected in &case.expected {
            assert!(
                !twin.expected.contains(expected),
                "{}: {expected:?}",
                twin.title()
            );
        }
    }
}

/// One at a time: a template that somebody else is connected to can't be cloned.
async fn clone_template(postgres: &Postgres, cloning: &Semaphore, name: &str) {
    let _turn = cloning.acquire().await.unwrap();
    let admin = connect(&postgres.superuser_url("postgres")).await;
    while admin
        .simple_query(&format!("create database {name} template {TEMPLATE}"))
        .await
        .is_err()
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
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
        eprintln!("== {}\n{report:#?}", case.title());
    }
    let mut problems = left_behind(&before, &content(&client).await, &report);
    if report.verdict != case.verdict() {
        problems.push(format!(
            "verdict {:?} instead of {:?}",
            report.verdict,
            case.verdict()
        ));
    }
    if report.controls.planted == 0 || report.controls.caught != report.controls.planted {
        problems.push(format!("controls {:?}", report.controls));
    }
    problems.extend(compare(case, &report));
    problems.extend(without_column(&report));
    problems.extend(shown::not_shown(&report, url).await);
    if !problems.is_empty() {
        problems.extend(details(&report));
    }
    problems
}

/// What isn't as it was, and no note says so.
fn left_behind(before: &[String], after: &[String], report: &Report) -> Vec<String> {
    let noted = |line: &str| {
        let sequence = line.split(' ').nth(1).unwrap_or_default();
        report.notes.iter().any(|note| note.contains(sequence))
    };
    let changed = before
        .iter()
        .zip(after)
        .filter(|(before, after)| before != after && !noted(before));
    changed
        .map(|(before, after)| format!("left behind: {before} is {after}"))
        .collect()
}

/// What was to be found and wasn't, and who is accused who isn't expected to be.
fn compare(case: &Case, report: &Report) -> Vec<String> {
    let found: Vec<Expected> = report
        .all_findings()
        .into_iter()
        .map(|(about, finding)| Expected {
            about: about.to_owned(),
            rule: Some(finding.rule),
        })
        .collect();
    let is = |found: &Expected, expected: &Expected| {
        found.about == expected.about
            && found.is_leak() == expected.is_leak()
            && (expected.rule.is_none() || expected.rule == found.rule)
    };
    let missed = case
        .expected
        .iter()
        .filter(|expected| !found.iter().any(|found| is(found, expected)))
        .map(|expected| format!("not found: {expected:?}"));
    let accused = found
        .iter()
        .filter(|found| {
            let known = |expected: &Expected| expected.is_leak() && expected.about == found.about;
            found.is_leak() && !case.expected.iter().any(known)
        })
        .map(|found| format!("false alarm: {found:?}"));
    // What a case shows must be gone from its twin.
    let twins = cases()
        .into_iter()
        .filter(|other| case.kind == Kind::Sound && other.kind != Kind::Sound && other.name == case.name);
    let shown: Vec<Expected> = twins.flat_map(|twin| twin.expected).collect();
    let remains = found
        .iter()
        .filter(|found| shown.contains(found))
        .map(|found| format!("the correct twin still has {found:?}"));
    missed.chain(accused).chain(remains).collect()
}

/// Relations that leak, of which no column of the matrix says so.
fn without_column(report: &Report) -> Vec<String> {
    let leaks = report
        .relations
        .iter()
        .flat_map(|relation| relation.findings.iter().map(move |finding| (relation, finding)));
    leaks
        .filter(|(_, finding)| finding.rule.severity == Severity::Leak && finding.rule.column.is_none())
        .map(|(relation, finding)| format!("no column of the matrix: {} {}", relation.relation, finding.rule))
        .collect()
}

fn details(report: &Report) -> Vec<String> {
    let leaks = report
        .all_findings()
        .into_iter()
        .filter(|(_, finding)| finding.is_leak())
        .map(|(about, finding)| format!("  found {about} {}", finding.rule));
    let untested = report
        .all_not_tested()
        .into_iter()
        .map(|(about, why)| format!("  {about}: {why}"));
    leaks.chain(untested).collect()
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
