//! Does replacing the services one by one lose a request? Two of them, behind HAProxy as operators are given it.

use tests::database::batch;
use tests::haproxy::HaProxy;
use tests::hooks::{SETTINGS, TENANTS};
use tests::process::{free_port, until};
use tests::service::Answer;
use tests::traffic::{Kind, Traffic, TrafficPlan};
use tests::{Service, TestDatabase};

/// How often a service is replaced; more by hand, with `RESTARTS`.
fn restarts() -> usize {
    let given = std::env::var_os("RESTARTS").map(|given| given.into_string().unwrap().parse().unwrap());
    given.unwrap_or(6)
}

/// Users at work, and two providers.
const PLAN: TrafficPlan = TrafficPlan {
    senders: 16,
    per_second: 100,
    kinds: &[Kind::Read, Kind::Create, Kind::Read, Kind::Message, Kind::Report],
};

struct Pair {
    database: TestDatabase,
    addresses: [String; 2],
    services: [Service; 2],
}

impl Pair {
    async fn on(database: TestDatabase) -> Self {
        let addresses = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let services = [
            start(&database, &addresses[0]).await,
            start(&database, &addresses[1]).await,
        ];
        Self {
            database,
            addresses,
            services,
        }
    }

    /// Stops one in order, and puts a new one in its place.
    async fn replace(&mut self, which: usize) {
        let service = &mut self.services[which];
        service.process.signal("TERM").await;
        let ended = tokio::time::timeout(tests::process::PATIENCE, service.process.child.wait()).await;
        assert_eq!(
            ended.unwrap().unwrap().code(),
            Some(0),
            "{}",
            service.process.log()
        );
        *service = start(&self.database, &self.addresses[which]).await;
    }
}

async fn start(database: &TestDatabase, address: &str) -> Service {
    let mut settings = SETTINGS.to_vec();
    settings.extend([("LISTEN", address), ("LOG", "info"), ("DRAIN_TIME", "3s")]);
    let service = Service::with(&database.login_url(), &settings).await;
    let ready = async || {
        Answer::of(service.request(reqwest::Method::GET, "/ready"))
            .await
            .status
            == 200
    };
    until(ready).await;
    service
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_the_services_one_by_one_loses_and_doubles_nothing() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    batch(&superuser, TENANTS).await;
    let mut pair = Pair::on(database).await;
    let proxy = HaProxy::before([&pair.addresses[0], &pair.addresses[1]]).await;
    let traffic = Traffic::start(&proxy.url, PLAN);
    for restart in 0..restarts() {
        traffic.until_acknowledged(50).await;
        pair.replace(restart % 2).await;
    }
    traffic.until_acknowledged(50).await;
    let ledger = traffic.stop().await;
    for kind in ["read", "create", "event"] {
        assert!(
            ledger.only(kind, &[200, 201, 204]),
            "{:?}\n{}",
            ledger.answers,
            proxy.process.log()
        );
    }
    ledger.assert_exact(&superuser).await;
    println!("{} restarts, answers: {:?}", restarts(), ledger.answers);
}
