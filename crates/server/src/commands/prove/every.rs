//! `mako prove --every 1h`: attacks the database again and again, and keeps the newest report and measurements.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ::prove::{Report, Verdict};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::super::{Failure, say};
use super::{known, outputs};
use crate::cli::Prove;
use crate::config::Environment;

/// Goes on until a signal, whatever comes of a run.
pub(super) async fn run(
    environment: &Environment,
    options: &Prove,
    every: Duration,
) -> Result<ExitCode, Failure> {
    let mut stop = std::pin::pin!(super::super::serve::stop_signal()?);
    let mut measurements = Measurements::new();
    let mut turns = tokio::time::interval(every);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // A session that is dropped in the middle is rolled back by the database.
        tokio::select! {
            _ = turns.tick() => {}
            () = &mut stop => return Ok(ExitCode::SUCCESS),
        }
        let proven = tokio::select! {
            proven = turn(environment, options) => proven,
            () = &mut stop => return Ok(ExitCode::SUCCESS),
        };
        match &proven {
            Ok(report) => say(&report.summary()),
            Err(failure) => say(&format!("mako: {failure}")),
        }
        measurements.note(proven.as_ref().ok());
        if let Some(file) = &options.metrics
            && let Err(error) = measurements.write(file)
        {
            say(&format!("mako: --metrics {}: {error}", file.display()));
        }
    }
}

async fn turn(environment: &Environment, options: &Prove) -> Result<Report, Failure> {
    let mut report = super::of_database(environment, options).await?;
    known::hold_against(&mut report, options)?;
    outputs::write_files(&report, &options.format)?;
    Ok(report)
}

/// For the textfile collector of Prometheus' `node_exporter`; a run that failed leaves what the last one said.
struct Measurements {
    registry: Registry,
    proven: Gauge,
    leaks: Gauge,
    risks: Gauge,
    not_tested: Gauge,
    relations: Gauge,
    succeeded: Gauge,
    succeeded_at: Gauge,
    duration: Gauge<f64, AtomicU64>,
}

impl Measurements {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("mako_proof");
        let mut gauge = |name, help| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let (proven, leaks, risks, not_tested, relations, succeeded, succeeded_at) = (
            gauge(
                "proven",
                "Whether no tenant reaches another, but for what the baseline accepts",
            ),
            gauge("leaks", "Ways in which a tenant reaches another"),
            gauge("risks", "What weakens tenancy without opening it"),
            gauge("not_tested", "What could not be tested"),
            gauge("relations", "Relations that were attacked"),
            gauge("last_run_succeeded", "Whether the last run came to a verdict"),
            gauge(
                "last_success_timestamp_seconds",
                "When a run last came to a verdict",
            ),
        );
        let duration = Gauge::<f64, AtomicU64>::default();
        registry.register("duration_seconds", "Time that the attack took", duration.clone());
        Self {
            registry,
            proven,
            leaks,
            risks,
            not_tested,
            relations,
            succeeded,
            succeeded_at,
            duration,
        }
    }

    fn note(&mut self, report: Option<&Report>) {
        self.succeeded.set(i64::from(report.is_some()));
        let Some(report) = report else { return };
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (leaks, risks) = report.count();
        self.proven
            .set(i64::from(report.verdict_on_new() == Verdict::Proven));
        self.leaks.set(count(leaks));
        self.risks.set(count(risks));
        self.not_tested.set(count(report.all_not_tested().len()));
        self.relations.set(count(report.relations.len()));
        self.duration
            .set(Duration::from_millis(report.elapsed_ms).as_secs_f64());
        self.succeeded_at.set(now());
    }

    fn write(&self, file: &Path) -> std::io::Result<()> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(std::io::Error::other)?;
        outputs::replace(file, &text)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock at the edge: when did it last succeed?"
)]
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
