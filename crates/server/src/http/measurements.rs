//! Counts and times what the service does, for Prometheus.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use poem::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::replica_metrics::ReplicaMetrics;
use super::server::ConnectionMetrics;
use crate::key_uses::KeyUseMetrics;
use crate::receiver::WebhookMetrics;
use crate::relay::RelayMetrics;
use crate::sender::SenderMetrics;
use crate::timings;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OperationLabel {
    operation: &'static str,
}

type Durations = Family<OperationLabel, Histogram, fn() -> Histogram>;

/// Registers metrics as they are made.
struct Registration<'a>(&'a mut Registry);

impl Registration<'_> {
    fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.add_made(name, help, M::default())
    }

    fn add_made<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

/// What is counted and timed.
pub(crate) struct Measurements {
    registry: Registry,
    /// What is counted of webhooks.
    pub(crate) inbound: Arc<WebhookMetrics>,
    /// What is counted of events that go out.
    pub(crate) outbound: Arc<SenderMetrics>,
    /// What is counted of clients' connections.
    pub(crate) connections: ConnectionMetrics,
    /// What is counted of the relay.
    pub(crate) relay: RelayMetrics,
    /// What is counted of uses of keys.
    pub(crate) key_uses: KeyUseMetrics,
    /// Counts requests beyond `RATE_LIMIT`.
    pub(crate) rate_limited: Counter,
    /// What is counted of the replica.
    pub(super) replica: ReplicaMetrics,
    requests: Family<RequestLabels, Counter>,
    durations: Durations,
    in_flight: Gauge,
    connections_open: Gauge,
    connections_used: Gauge,
    /// 1 once the database isn't the proven one any more.
    pub(super) proof_drifted: Gauge,
}

impl Measurements {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("mako");
        let inbound = Arc::new(WebhookMetrics::new(&mut registry));
        let outbound = Arc::new(SenderMetrics::new(&mut registry));
        let connections = ConnectionMetrics::default();
        connections.register(&mut registry);
        let relay = RelayMetrics::default();
        relay.register(&mut registry);
        let key_uses = KeyUseMetrics::default();
        key_uses.register(&mut registry);
        timings::register(&mut registry);
        let replica = ReplicaMetrics::default();
        replica.register(&mut registry);
        let durations = Durations::new_with_constructor(|| Histogram::new(SECONDS));
        let mut registration = Registration(&mut registry);
        Self {
            rate_limited: registration.add(
                "rate_limited",
                "Requests refused because their user made too many",
            ),
            proof_drifted: registration.add(
                "proof_drifted",
                "Whether the database isn't the proven one any more",
            ),
            requests: registration.add("http_requests", "Requests answered"),
            durations: registration.add_made(
                "http_request_duration_seconds",
                "Time to the answer's headers",
                durations,
            ),
            in_flight: registration.add("http_requests_in_flight", "Requests being answered"),
            connections_open: registration.add("database_connections_open", "Connections in the pool"),
            connections_used: registration.add("database_connections_used", "Connections lent to requests"),
            registry,
            inbound,
            outbound,
            connections,
            relay,
            key_uses,
            replica,
        }
    }

    pub(crate) fn request(&self, operation: &'static str, status: StatusCode, elapsed: Duration) {
        self.requests
            .get_or_create(&RequestLabels {
                operation,
                status: status.as_u16(),
            })
            .inc();
        self.durations
            .get_or_create(&OperationLabel { operation })
            .observe(elapsed.as_secs_f64());
    }

    /// Counts a request as being answered until the guard is dropped, even by cancellation.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(super) fn database_connections(&self, open: usize, used: usize) {
        self.connections_open.set(i64::try_from(open).unwrap_or(i64::MAX));
        self.connections_used.set(i64::try_from(used).unwrap_or(i64::MAX));
    }

    /// All of it, as Prometheus reads it.
    pub(super) fn encode(&self) -> Option<String> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).ok()?;
        Some(text)
    }
}

/// A request that is being answered.
pub(crate) struct InFlight(Gauge<i64, AtomicI64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Upper bounds of the duration buckets: from a pipelined read to a timeout.
const SECONDS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0,
];
