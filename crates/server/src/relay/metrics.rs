//! What is counted of the relay, by service.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::circuit::CircuitMetrics;
use super::echo::EchoMetrics;
use super::service::Service;

/// What is counted of the relay.
#[derive(Clone, Default)]
pub(crate) struct RelayMetrics {
    pub(super) withheld: EchoMetrics,
    pub(super) circuits: CircuitMetrics,
    repeated: Family<ByService, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByService {
    service: &'static str,
}

impl RelayMetrics {
    /// Registers the counters, at zero, so that the first is seen as a change.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.withheld.register(registry);
        self.circuits.register(registry);
        for service in Service::all() {
            let service = service.name();
            drop(self.repeated.get_or_create(&ByService { service }));
        }
        let repeated = self.repeated.clone();
        registry.register(
            "relay_retries",
            "Calls of safe methods that were made again",
            repeated,
        );
    }

    pub(super) fn repeated(&self, service: Service) {
        let service = service.name();
        self.repeated.get_or_create(&ByService { service }).inc();
    }
}
