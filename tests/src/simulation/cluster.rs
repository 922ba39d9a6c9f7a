//! What a request passes through, from the client to the worker that has its tenant's rows and back.

use std::time::Duration;

use rand::rngs::SmallRng;

use super::engine::{self, Kind, Load, Prediction, Resource, Step};
use super::tenants::Tenants;

/// Processors that work at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Cores(pub u32);

/// Processor time of one request.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Of who asks. It counts only where clients have no machine of their own.
    pub client: Duration,
    /// Of the service.
    pub service: Duration,
    /// Of the node that the service is connected to.
    pub coordinator: Duration,
    /// Of the node that has the rows, if that is another one.
    pub worker: Duration,
}

/// Which machine does what.
#[derive(Clone, Copy, Debug)]
pub enum Nodes {
    /// All of it on one, clients too, as where it is measured.
    OneMachine(Cores),
    /// Each on machines of its own.
    Apart {
        /// Of all services together.
        services: Cores,
        /// Of the coordinator.
        coordinator: Cores,
        /// Of each worker.
        worker: Cores,
        /// From one machine to the next, one way.
        network: Duration,
    },
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Cluster {
    /// What a request costs.
    pub costs: Costs,
    /// How many workers there are. None: the coordinator is the only node, and its cost is that of all.
    pub workers: u32,
    /// Into how many shards the tenants are spread.
    pub shards: u32,
    /// Connections that all services together have to the coordinator.
    pub pool: u32,
    /// Connections that the coordinator has to one worker.
    pub worker_pool: u32,
    /// Machines.
    pub nodes: Nodes,
    /// Whose rows they are.
    pub tenants: Tenants,
}

/// Where the resources of each kind begin.
#[derive(Default)]
struct Places {
    client: Option<usize>,
    service: usize,
    coordinator: usize,
    first_worker: usize,
    pool: usize,
    first_worker_pool: usize,
    worker_step: usize,
    network: Duration,
}

impl Cluster {
    /// What comes of a load, by playing so many requests.
    #[must_use]
    pub fn predict(&self, load: Load, requests: u32) -> Prediction {
        let (resources, places) = self.resources();
        let shard = self.tenants.shards(self.shards);
        engine::play(&resources, load, requests, |random: &mut SmallRng| {
            let worker = (self.workers > 0).then(|| (shard(random) % self.workers) as usize);
            self.steps(&places, worker)
        })
    }

    /// As much as it can: more clients than there are places anywhere.
    #[must_use]
    pub fn saturated(&self, requests: u32) -> Prediction {
        self.predict(Load::Closed(4 * self.pool), requests)
    }

    /// Connections of the services, and then those to each worker.
    fn pools(&self) -> Vec<Resource> {
        let pool = |name: String, places: u32| Resource {
            name,
            kind: Kind::Pool,
            places,
        };
        let services = pool("connections of the services".to_owned(), self.pool);
        let to_workers =
            (0..self.workers).map(|worker| pool(format!("connections to worker {worker}"), self.worker_pool));
        std::iter::once(services).chain(to_workers).collect()
    }

    fn resources(&self) -> (Vec<Resource>, Places) {
        let mut resources = self.pools();
        let mut add = |name: String, cores: Cores| {
            resources.push(Resource {
                name,
                kind: Kind::Processors,
                places: cores.0,
            });
            resources.len() - 1
        };
        let pools = Places {
            pool: 0,
            first_worker_pool: 1,
            ..Places::default()
        };
        let places = match self.nodes {
            Nodes::OneMachine(cores) => {
                let machine = add("machine".to_owned(), cores);
                Places {
                    client: Some(machine),
                    service: machine,
                    coordinator: machine,
                    first_worker: machine,
                    ..pools
                }
            }
            Nodes::Apart {
                services,
                coordinator,
                worker,
                network,
            } => {
                let service = add("services".to_owned(), services);
                let coordinator = add("coordinator".to_owned(), coordinator);
                for number in 0..self.workers {
                    add(format!("worker {number}"), worker);
                }
                Places {
                    service,
                    coordinator,
                    first_worker: coordinator + 1,
                    worker_step: 1,
                    network,
                    ..pools
                }
            }
        };
        (resources, places)
    }

    /// Half of the work of whoever passes a request on is done before, half after its answer.
    fn steps(&self, at: &Places, worker: Option<usize>) -> Vec<Step> {
        let half = |cost: Duration| cost / 2;
        let network = Step::Pass(at.network);
        let ask = at.client.map(|client| work(client, half(self.costs.client)));
        let serve = work(at.service, half(self.costs.service));
        let coordinate = work(at.coordinator, half(self.costs.coordinator));

        let mut steps = Vec::with_capacity(32);
        steps.extend(ask.into_iter().flatten());
        steps.extend(serve);
        steps.extend([Step::Take(at.pool), network]);
        steps.extend(coordinate);
        if let Some(worker) = worker {
            let connection = at.first_worker_pool + worker;
            steps.extend([Step::Take(connection), network]);
            steps.extend(work(at.first_worker + worker * at.worker_step, self.costs.worker));
            steps.extend([network, Step::Give(connection)]);
        }
        steps.extend(coordinate);
        steps.extend([network, Step::Give(at.pool)]);
        steps.extend(serve);
        steps.extend(ask.into_iter().flatten());
        steps
    }
}

fn work(place: usize, cost: Duration) -> [Step; 3] {
    [Step::Take(place), Step::Work(cost), Step::Give(place)]
}

#[cfg(test)]
mod tests {
    use super::super::tenants::Spread;
    use super::*;

    fn cluster(workers: u32, exponent: f64) -> Cluster {
        Cluster {
            costs: Costs {
                client: Duration::ZERO,
                service: Duration::from_micros(50),
                coordinator: Duration::from_micros(50),
                worker: Duration::from_micros(200),
            },
            workers,
            shards: 1024,
            pool: 512,
            worker_pool: 256,
            nodes: Nodes::Apart {
                services: Cores(32),
                coordinator: Cores(16),
                worker: Cores(4),
                network: Duration::from_micros(100),
            },
            tenants: Tenants {
                count: 100_000,
                exponent,
            },
        }
    }

    #[test]
    fn workers_add_up_until_the_coordinator_is_full() {
        let answered = |workers| cluster(workers, 0.0).saturated(60_000);
        let (one, four, many) = (answered(1), answered(4), answered(64));
        // 4 cores at 200 µs are 20,000 a second, 16 at 50 µs are 320,000.
        assert!((one.throughput / 20_000.0 - 1.0).abs() < 0.05, "{one:?}");
        assert!((four.throughput / one.throughput - 4.0).abs() < 0.4, "{four:?}");
        assert!(many.throughput < 330_000.0, "{many:?}");
        assert_eq!(many.full(), Some("coordinator"));
    }

    #[test]
    fn a_tenant_that_outweighs_the_others_fills_its_worker_whatever_their_number() {
        let predicted = cluster(64, 1.2).saturated(200_000);
        let Spread { largest_tenant, .. } = cluster(64, 1.2).tenants.spread(1024, 64);
        assert!(
            predicted.throughput < 20_000.0 / largest_tenant * 1.05,
            "{predicted:?}"
        );
        assert!(
            predicted.full().is_some_and(|name| name.starts_with("worker")),
            "{predicted:?}"
        );
    }

    #[test]
    fn a_node_alone_has_no_workers() {
        let predicted = cluster(0, 1.0).saturated(20_000);
        let names = predicted.processors.iter().chain(&predicted.pools);
        assert!(names.into_iter().all(|(name, _)| !name.contains("worker")));
    }
}
