//! What is counted of events that go out.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Counters of what was captured, and what became of it.
pub(crate) struct SenderMetrics {
    pub(super) captured: Counter,
    pub(super) delivered: Counter,
    pub(super) failed: Counter,
    pub(super) dead: Counter,
    pub(super) withheld: Counter,
    pub(super) waiting: Gauge,
    pub(super) overdue: Gauge<f64, AtomicU64>,
    lag: Histogram,
}

impl SenderMetrics {
    /// Registers them.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let it = Self {
            captured: Counter::default(),
            delivered: Counter::default(),
            failed: Counter::default(),
            dead: Counter::default(),
            withheld: Counter::default(),
            waiting: Gauge::default(),
            overdue: Gauge::default(),
            lag: Histogram::new(SECONDS),
        };
        for (name, help, counter) in [
            (
                "captured",
                "Events that were captured, counted when they are first taken to be sent",
                &it.captured,
            ),
            ("delivered", "Events that their receivers took", &it.delivered),
            (
                "failed",
                "Attempts that failed; what failed is tried again unless it is dead",
                &it.failed,
            ),
            ("dead", "Events that are tried no more", &it.dead),
            (
                "withheld",
                "Events whose owner didn't see the row any more",
                &it.withheld,
            ),
        ] {
            registry.register(format!("events_out_{name}"), help, counter.clone());
        }
        registry.register(
            "events_out_waiting",
            "Events that wait to be sent or to be tried again",
            it.waiting.clone(),
        );
        registry.register(
            "events_out_overdue_seconds",
            "For how long the longest of those that could be sent has waited",
            it.overdue.clone(),
        );
        registry.register(
            "events_out_lag_seconds",
            "Time from what happened to its receiver's answer, if that took it at the first attempt",
            it.lag.clone(),
        );
        it
    }

    /// An event arrived at the first attempt, so long after it happened.
    pub(super) fn arrived(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }
}

/// Upper bounds: from an idle service on the same machine to a service that was away.
const SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0, 3600.0];
