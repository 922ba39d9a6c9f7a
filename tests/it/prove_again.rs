//! Is a proof looked at again while things go on? `mako serve --require-proof`, `mako prove --every`.

use std::path::Path;

use serde_json::Value;
use tests::TestDatabase;
use tests::database::batch;
use tests::people::JWT_SECRET;
use tests::process::{Process, until};
use tests::service::{Answer, ENCRYPTION_KEY, Service, mako};

use crate::prove::proof;

const OPEN: &str = "create policy oops on leads for all using (true)";
const CLOSE: &str = "drop policy oops on leads";

/// A folder that goes with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

async fn get(service: &Service, path: &str) -> Answer {
    Answer::of(service.request(reqwest::Method::GET, path)).await
}

async fn is_told(service: &Service, drifted: u8) -> bool {
    let line = format!("mako_proof_drifted {drifted}");
    get(service, "/metrics")
        .await
        .text
        .lines()
        .any(|said| said == line)
}

#[tokio::test]
async fn a_service_notices_that_what_was_proven_is_changed_and_that_it_is_again() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let file = folder.file("proof.json");
    std::fs::write(&file, proof(&database.superuser_url()).await.to_json()).unwrap();
    let flags = ["--require-proof", &file, "--recheck", "100ms"];
    let warned = [&flags[..], &["--on-drift", "warn"]].concat();
    let url = database.login_url();
    let (strict, warned) = (
        Service::started(&flags, &url, &[]).await,
        Service::started(&warned, &url, &[]).await,
    );
    assert_eq!(get(&strict, "/ready").await.status, 200);
    assert!(is_told(&strict, 0).await);

    let superuser = database.superuser().await;
    batch(&superuser, OPEN).await;
    until(async || get(&strict, "/ready").await.status == 503).await;
    let answer = get(&strict, "/ready").await;
    assert_eq!(answer.outcome(), (503, "MK503"));
    assert!(answer.text.contains("policy public.leads"), "{}", answer.text);
    assert!(is_told(&strict, 1).await);
    until(async || is_told(&warned, 1).await).await;
    assert_eq!(get(&warned, "/ready").await.status, 200);

    batch(&superuser, CLOSE).await;
    until(async || get(&strict, "/ready").await.status == 200).await;
    // Another report may take the place of the first, and one that proves nothing isn't relied on.
    std::fs::write(&file, "{}").unwrap();
    until(async || get(&strict, "/ready").await.text.contains("no report")).await;
}

/// A measurement of the file, if it is there yet.
fn measured(file: &str, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")))?;
    line.parse().ok()
}

#[tokio::test]
async fn a_proof_is_repeated_and_the_newest_report_and_measurements_are_kept() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let (report, metrics, model) = (
        folder.file("out.json"),
        folder.file("mako.prom"),
        folder.file("tenancy.toml"),
    );
    std::fs::write(&model, include_str!("../../policies/tenancy.toml")).unwrap();
    let url = database.superuser_url();
    let format = format!("json={report}");
    let arguments = [
        "prove",
        "--every",
        "1s",
        "--database-url",
        &url,
        "--format",
        &format,
        "--metrics",
        &metrics,
        "--model",
        &model,
    ];
    let environment = [("JWT_SECRET", JWT_SECRET), ("ENCRYPTION_KEY", ENCRYPTION_KEY)];
    let mut process = Process::start(&mut mako(&arguments, &environment).await);
    until(async || measured(&metrics, "mako_proof_proven") == Some(1.0)).await;
    assert_eq!(measured(&metrics, "mako_proof_leaks"), Some(0.0));

    let superuser = database.superuser().await;
    batch(&superuser, "alter table leads disable row level security").await;
    until(async || measured(&metrics, "mako_proof_proven") == Some(0.0)).await;
    assert!(measured(&metrics, "mako_proof_leaks").unwrap() > 0.0);
    assert!(measured(&metrics, "mako_proof_last_success_timestamp_seconds").unwrap() > 1.7e9);
    let said: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(said["verdict"], "leak");

    // A run that comes to nothing ends nothing, and takes back nothing that was said.
    std::fs::remove_file(&model).unwrap();
    until(async || measured(&metrics, "mako_proof_last_run_succeeded") == Some(0.0)).await;
    assert_eq!(measured(&metrics, "mako_proof_proven"), Some(0.0));
    assert!(Path::new(&report).exists());
    process.wait_for(|log| log.contains("LEAK: ").then_some(())).await;
    process.signal("TERM").await;
    let (status, said) = process.output().await;
    assert_eq!(status, Some(0), "{said}");
}
