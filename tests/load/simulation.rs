//! How many workers does it take? Measures what a request costs on each machine, and plays it through larger clusters.

use std::sync::Arc;
use std::time::Duration;

use tests::cluster::Cluster as Servers;
use tests::simulation::{Cluster, Cores, Costs, Load, Nodes, Tenants};
use tests::usage::{cpu, cpu_with_children};
use tests::{Service, TestDatabase};

use crate::clients::{Asked, CONNECTIONS, TURN, turn};
use crate::report::Target::AtMost;
use crate::report::{Line, number};
use crate::{rows, serve};

const LIST: &str = "/v1/leads?limit=20";
const TWENTY: usize = 2_000;
/// Connections of the service, as `POOL_SIZE` has it when nothing is set; as many are taken for those of Citus to each worker.
const POOL: u32 = 16;
/// How many requests are played for each prediction.
const PLAYED: u32 = 200_000;
const TENANTS: u32 = 10_000_000;

/// All of it; the nodes of Citus only where `MAKO_TEST_CITUS` names it.
pub(crate) async fn measure() -> Vec<Line> {
    let alone = Arc::new(Servers::start(devdb::Search::from_env()).await);
    let one = Measured::on(alone).await;
    let mut lines = vec![one.line("one node", &one.costs, 0)];
    let mut costs_of_citus = None;
    for workers in 1..=2 {
        let Some(cluster) = Servers::citus(workers).await else {
            break;
        };
        let measured = Measured::on(Arc::new(cluster)).await;
        let costs = *costs_of_citus.get_or_insert(measured.costs);
        let nodes = format!("a coordinator and {workers} of the workers");
        lines.push(measured.line(&nodes, &costs, u32::try_from(workers).expect("few")));
    }
    print_costs("one node", &one.costs);
    if let Some(costs) = costs_of_citus {
        print_costs("Citus", &costs);
        print_predictions(&one.costs, &costs);
    }
    lines
}

/// What was measured on some servers.
struct Measured {
    costs: Costs,
    /// Answers a second.
    throughput: f64,
}

impl Measured {
    async fn on(servers: Arc<Servers>) -> Self {
        let database = TestDatabase::on(Arc::clone(&servers)).await;
        rows::users_with_leads(&database.superuser().await).await;
        let service = serve(&database.login_url(), &[]).await;
        let asked = Asked::get(&service.url, LIST, TWENTY);
        turn(&asked).await;
        let costs = costs(&servers, &service, &asked).await;
        Self {
            costs,
            throughput: turn(&asked).await,
        }
    }

    /// How far the prediction is from it, whichever is more.
    fn line(&self, nodes: &str, costs: &Costs, workers: u32) -> Line {
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        let cluster = Cluster {
            costs: *costs,
            workers,
            shards: 32,
            pool: POOL,
            worker_pool: POOL,
            nodes: Nodes::OneMachine(Cores(u32::try_from(here).expect("few"))),
            tenants: Tenants {
                count: rows::USERS,
                exponent: 0.0,
            },
        };
        let predicted = cluster.predict(Load::Closed(CONNECTIONS), PLAYED).throughput;
        let off = (predicted / self.throughput).max(self.throughput / predicted);
        let what = format!("{nodes} on one machine: how far the prediction is off");
        Line::new(what, off, " ×", AtMost(1.25)).of(format!("{predicted:.0}/s and {:.0}/s", self.throughput))
    }
}

/// Processor time of each part, during a turn, by the answers of that turn.
async fn costs(servers: &Servers, service: &Service, asked: &Asked) -> Costs {
    let service = service.process.child.id().expect("it runs");
    let coordinator = servers.postgres().process_id();
    let workers: Vec<u32> = servers.workers.iter().map(devdb::Postgres::process_id).collect();
    let spent = || {
        let workers: Duration = workers.iter().map(|pid| cpu_with_children(*pid)).sum();
        [
            cpu(std::process::id()),
            cpu(service),
            cpu_with_children(coordinator),
            workers,
        ]
    };
    let before = spent();
    let rate = turn(asked).await;
    let answers = rate * TURN.as_secs_f64();
    let each = |(after, before): (Duration, Duration)| after.saturating_sub(before).div_f64(answers);
    let mut each = spent().into_iter().zip(before).map(each);
    let mut next = || each.next().expect("four parts");
    Costs {
        client: next(),
        service: next(),
        coordinator: next(),
        worker: next(),
    }
}

fn print_costs(nodes: &str, costs: &Costs) {
    let micros = |cost: Duration| cost.as_micros();
    println!(
        "{nodes}: of one request {} µs of the client, {} µs of the service, {} µs of the node that it asks, {} µs of a worker",
        micros(costs.client),
        micros(costs.service),
        micros(costs.coordinator),
        micros(costs.worker),
    );
}

/// Machines of eight cores each, a tenth of a millisecond apart; as many services as are needed.
fn print_predictions(one: &Costs, citus: &Costs) {
    println!(
        "\n| nodes | sizes | answers/s | p99 at 70 % | full first | fullest worker's share |\n|---|---|---|---|---|---|"
    );
    for exponent in [0.0, 0.8, 1.0] {
        for workers in [0, 1, 2, 4, 8, 16, 32, 64] {
            let costs = if workers == 0 { one } else { citus };
            let cluster = Cluster {
                costs: *costs,
                workers,
                shards: 32 * workers.max(1),
                pool: 512,
                worker_pool: 100,
                nodes: Nodes::Apart {
                    services: Cores(256),
                    coordinator: Cores(8),
                    worker: Cores(8),
                    network: Duration::from_micros(100),
                },
                tenants: Tenants {
                    count: TENANTS,
                    exponent,
                },
            };
            print_prediction(&cluster);
        }
    }
}

fn print_prediction(cluster: &Cluster) {
    let most = cluster.saturated(PLAYED);
    let usual = cluster.predict(Load::Open(0.7 * most.throughput), PLAYED);
    let nodes = match cluster.workers {
        0 => "one".to_owned(),
        workers => format!("a coordinator and {workers}"),
    };
    let share = match cluster.workers {
        0 => String::new(),
        workers => number(cluster.tenants.spread(cluster.shards, workers).fullest_worker),
    };
    println!(
        "| {nodes} | 1/k^{} | {:.0} | {} ms | {} | {share} |",
        cluster.tenants.exponent,
        most.throughput,
        number(usual.p99.as_secs_f64() * 1000.0),
        most.full().unwrap_or("nothing"),
    );
}
