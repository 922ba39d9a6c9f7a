//! What is measured of the replica; without one there are no samples.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use store::ReplicaStatus;

/// What is measured of the replica. A family of one, so that it is absent where there is none.
#[derive(Default)]
pub(super) struct ReplicaMetrics {
    serving: Family<Only, Gauge>,
    lag: Family<Only, Gauge<f64, AtomicU64>>,
    connections_open: Family<Only, Gauge>,
    connections_used: Family<Only, Gauge>,
    reads: Family<Only, Counter>,
    fallbacks: Family<Reason, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Only {}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Reason {
    reason: &'static str,
}

impl ReplicaMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "replica_serving",
            "1 if the replica is read from",
            self.serving.clone(),
        );
        registry.register(
            "replica_lag_seconds",
            "How old the replica's answers are",
            self.lag.clone(),
        );
        registry.register(
            "replica_connections_open",
            "Connections in the replica's pool",
            self.connections_open.clone(),
        );
        registry.register(
            "replica_connections_used",
            "Connections to the replica lent to requests",
            self.connections_used.clone(),
        );
        registry.register(
            "replica_reads",
            "Reads that the replica answered",
            self.reads.clone(),
        );
        registry.register(
            "replica_fallbacks",
            "Reads that the primary answered in the replica's stead",
            self.fallbacks.clone(),
        );
    }

    /// Takes over what the store has counted.
    pub(super) fn take(&self, status: &ReplicaStatus) {
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let (open, used) = status.connections;
        self.serving
            .get_or_create(&Only {})
            .set(status.unfit.is_none().into());
        self.lag.get_or_create(&Only {}).set(status.lag.as_secs_f64());
        self.connections_open.get_or_create(&Only {}).set(number(open));
        self.connections_used.get_or_create(&Only {}).set(number(used));
        let reads = self.reads.get_or_create(&Only {});
        reads.inner().store(status.reads, Ordering::Relaxed);
        for (reason, count) in status.fallbacks {
            let reason = reason.name();
            let fallbacks = self.fallbacks.get_or_create(&Reason { reason });
            fallbacks.inner().store(count, Ordering::Relaxed);
        }
    }
}
