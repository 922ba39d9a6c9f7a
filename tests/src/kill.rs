//! Kills the service, or its Postgres, again and again while events and creates arrive, and looks what is left.

use std::time::{Duration, Instant};

use crate::hooks::SETTINGS;
use crate::process::{free_port, until};
use crate::traffic::{Kind, Ledger, Traffic, TrafficPlan};
use crate::{Restartable, Service, SpoolFolder};

const PLAN: TrafficPlan = TrafficPlan {
    senders: 16,
    per_second: 160,
    kinds: &[Kind::Message, Kind::Call, Kind::Report, Kind::Create],
};

/// Requests between two kills; so few that most are in the middle of something.
const BETWEEN: usize = 20;

/// What was found; what isn't as it must be has panicked.
pub struct Outcome {
    /// What was sent, and how it was answered.
    pub ledger: Ledger,
    /// From the first request to the last.
    pub elapsed: Duration,
}

/// A service on a durable Postgres, with a spool.
struct Target {
    postgres: Restartable,
    spool: SpoolFolder,
    address: String,
    service: Service,
}

impl Target {
    async fn start() -> Self {
        let (postgres, spool) = (Restartable::start().await, SpoolFolder::new());
        let address = format!("127.0.0.1:{}", free_port());
        let service = serve(&postgres, &spool, &address).await;
        Self {
            postgres,
            spool,
            address,
            service,
        }
    }

    async fn kill_service(&mut self) {
        self.service.process.child.kill().await.expect("it runs");
        self.service = serve(&self.postgres, &self.spool, &self.address).await;
    }

    async fn settled(self, traffic: Traffic, started: Instant) -> Outcome {
        let ledger = traffic.stop().await;
        let elapsed = started.elapsed();
        until(async || self.spool.deliveries().is_empty()).await;
        ledger.assert_exact(&self.postgres.superuser().await).await;
        Outcome { ledger, elapsed }
    }
}

async fn serve(postgres: &Restartable, spool: &SpoolFolder, address: &str) -> Service {
    let mut settings = SETTINGS.to_vec();
    settings.extend([spool.setting(), ("LISTEN", address), ("LOG", "warn")]);
    Service::with(&postgres.login_url(), &settings).await
}

/// `kill -9` of the service so many times.
pub async fn service(kills: usize, mut progress: impl FnMut(usize)) -> Outcome {
    let mut target = Target::start().await;
    let started = Instant::now();
    let traffic = Traffic::start(&target.service.url, PLAN);
    for kill in 0..kills {
        traffic.until_acknowledged(BETWEEN + kill % 10).await;
        target.kill_service().await;
        progress(kill + 1);
    }
    target.settled(traffic, started).await
}

/// `kill -9` of every process of Postgres so many times.
pub async fn postgres(kills: usize, mut progress: impl FnMut(usize)) -> Outcome {
    let mut target = Target::start().await;
    let started = Instant::now();
    let traffic = Traffic::start(&target.service.url, PLAN);
    for kill in 0..kills {
        traffic.until_acknowledged(BETWEEN + kill % 10).await;
        target.postgres.kill().await;
        // What arrives now waits in the spool.
        traffic.until_acknowledged(kill % 10).await;
        target.postgres.go_on().await;
        progress(kill + 1);
    }
    traffic.until_acknowledged(BETWEEN).await;
    target.settled(traffic, started).await
}
