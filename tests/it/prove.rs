//! Is our own schema proven, and would the prover notice if it weren't?

use devdb::Search;
use prove::{Model, Options, Report, Severity, Verdict};
use tests::TestDatabase;
use tests::database::batch;
use tests::process::Process;
use tests::service::mako;

const MODEL: &str = include_str!("../../policies/tenancy.toml");

async fn proof(url: &str) -> Report {
    let mut client = tests::database::connect(url).await;
    prove::run(&mut client, &Model::parse(MODEL).unwrap(), &Options::default()).await.unwrap()
}

fn leaks(report: &Report) -> Vec<(&str, &str)> {
    let all = report.all_findings().into_iter();
    all.filter(|(_, finding)| finding.severity == Severity::Leak).map(|(about, finding)| (about, finding.rule.as_str())).collect()
}

#[tokio::test]
async fn our_own_schema_is_proven() {
    let database = TestDatabase::new().await.with_rows().await;
    let report = proof(&database.superuser_url()).await;
    assert_eq!(report.verdict, Verdict::Proven, "{}", report.to_text());
    assert_eq!(report.controls.caught, report.controls.planted, "{}", report.to_text());
    let attempts: usize = report.relations.iter().map(|relation| relation.attempts).sum();
    assert!(attempts > 200, "{}", report.to_text());
}

#[tokio::test]
async fn the_floor_holds_a_stray_policy_and_without_it_that_is_a_leak() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    batch(&superuser, "create policy oops on leads for all using (true)").await;
    let report = proof(&database.superuser_url()).await;
    assert_eq!(report.verdict, Verdict::Proven, "{}", report.to_text());
    let risks = report.all_findings();
    assert!(risks.iter().any(|(about, finding)| *about == "public.leads" && finding.rule == "always_true_policy"), "{}", report.to_text());
    batch(&superuser, "drop policy tenant_floor on leads").await;
    let report = proof(&database.superuser_url()).await;
    assert_eq!(report.verdict, Verdict::Leak);
    assert!(leaks(&report).iter().all(|(about, _)| *about == "public.leads"), "{}", report.to_text());
}
