//! What is counted of deliveries, by source.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use webhooks::Source;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct BySource {
    source: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByReason {
    source: &'static str,
    reason: &'static str,
}

/// Counters of what came in, and what became of it.
pub(crate) struct WebhookMetrics {
    received: Family<BySource, Counter>,
    verified: Family<BySource, Counter>,
    refused: Family<ByReason, Counter>,
    duplicates: Family<BySource, Counter>,
    unrouted: Family<BySource, Counter>,
    failed: Family<BySource, Counter>,
    acknowledged: Family<BySource, Histogram, fn() -> Histogram>,
    /// Deliveries in the spool.
    pub(crate) spooled: Gauge,
    /// Deliveries in the spool that could not be taken as things are.
    pub(crate) put_aside: Gauge,
    /// Addresses that have a share of the spool in the next outage.
    pub(super) addresses: Gauge,
}

impl WebhookMetrics {
    /// Registers them.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let it = Self {
            received: Family::default(),
            verified: Family::default(),
            refused: Family::default(),
            duplicates: Family::default(),
            unrouted: Family::default(),
            failed: Family::default(),
            acknowledged: Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram),
            spooled: Gauge::default(),
            put_aside: Gauge::default(),
            addresses: Gauge::default(),
        };
        it.register_counts(registry);
        it.register_gauges(registry);
        it.start_at_zero();
        it
    }

    fn register_counts(&self, registry: &mut Registry) {
        registry.register(
            "webhooks_received",
            "Deliveries that arrived",
            self.received.clone(),
        );
        registry.register(
            "webhooks_verified",
            "Deliveries whose signature or key was right",
            self.verified.clone(),
        );
        registry.register(
            "webhooks_refused",
            "Deliveries that proved nothing",
            self.refused.clone(),
        );
        registry.register(
            "webhooks_duplicate",
            "Deliveries that were recorded before",
            self.duplicates.clone(),
        );
        registry.register(
            "webhooks_unrouted",
            "Events of nobody's, recorded and waiting",
            self.unrouted.clone(),
        );
        registry.register(
            "webhooks_failed",
            "Events whose effects failed",
            self.failed.clone(),
        );
    }

    fn register_gauges(&self, registry: &mut Registry) {
        registry.register(
            "webhooks_acknowledge_seconds",
            "Time from a delivery to its answer",
            self.acknowledged.clone(),
        );
        registry.register(
            "webhooks_spooled",
            "Deliveries that wait for the database",
            self.spooled.clone(),
        );
        registry.register(
            "webhooks_put_aside",
            "Acknowledged deliveries that could not be taken, kept for an operator",
            self.put_aside.clone(),
        );
        registry.register(
            "webhooks_addresses",
            "Tenants' own webhook addresses when the database was asked last",
            self.addresses.clone(),
        );
    }

    /// A series that begins with its first event hides it: `increase` knows nothing before it.
    fn start_at_zero(&self) {
        for source in Source::ALL {
            let by = by(source);
            for counters in [
                &self.received,
                &self.verified,
                &self.duplicates,
                &self.unrouted,
                &self.failed,
            ] {
                drop(counters.get_or_create(&by));
            }
            drop(self.acknowledged.get_or_create(&by));
        }
        drop(self.failed.get_or_create(&WAITING));
    }

    pub(super) fn received(&self, source: Source) {
        self.received.get_or_create(&by(source)).inc();
    }

    pub(super) fn verified(&self, source: Source) {
        self.verified.get_or_create(&by(source)).inc();
    }

    pub(super) fn refused(&self, source: Source, reason: &'static str) {
        let source = source.as_str();
        self.refused.get_or_create(&ByReason { source, reason }).inc();
    }

    pub(super) fn duplicate(&self, source: Source) {
        self.duplicates.get_or_create(&by(source)).inc();
    }

    pub(super) fn unrouted(&self, source: Source) {
        self.unrouted.get_or_create(&by(source)).inc();
    }

    pub(super) fn failed(&self, source: Source) {
        self.failed.get_or_create(&by(source)).inc();
    }

    /// Of events that had waited; whose they were is not asked again.
    pub(super) fn failed_later(&self, events: u64) {
        if events > 0 {
            self.failed.get_or_create(&WAITING).inc_by(events);
        }
    }

    pub(super) fn acknowledged(&self, source: Source, elapsed: Duration) {
        self.acknowledged
            .get_or_create(&by(source))
            .observe(elapsed.as_secs_f64());
    }
}

/// Events that had waited.
const WAITING: BySource = BySource { source: "waiting" };

fn by(source: Source) -> BySource {
    BySource {
        source: source.as_str(),
    }
}

/// Upper bounds: from one round trip to Vapi's and Twilio's limits.
const SECONDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 7.5, 15.0];
