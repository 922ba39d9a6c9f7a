//! Does a failover lose an event that was acknowledged? A standby that streams is promoted under load.

use std::time::Instant;

use reqwest::Method;
use tests::cluster::LOGIN_PASSWORD;
use tests::database::batch;
use tests::hooks::SETTINGS;
use tests::people::Person::Alice;
use tests::process::until;
use tests::service::Answer;
use tests::traffic::{Kind, Traffic, TrafficPlan};
use tests::{Restartable, Service, SpoolFolder};

/// A hundred events a second, and users at work.
const PLAN: TrafficPlan = TrafficPlan {
    senders: 25,
    per_second: 150,
    kinds: &[Kind::Message, Kind::Call, Kind::Report, Kind::Create, Kind::Read],
};

/// Whichever of the two may be written to, as libpq writes it.
fn either(primary: &Restartable, standby: &Restartable) -> String {
    let (first, second) = (primary.address(), standby.address());
    format!(
        "postgres://mako:{LOGIN_PASSWORD}@127.0.0.1:{first},127.0.0.1:{second}/mako?target_session_attrs=read-write"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_loses_and_doubles_no_acknowledged_event_and_answers_nobody_with_500() {
    let mut primary = Restartable::start().await;
    let standby = primary.standby().await;
    let spool = SpoolFolder::new();
    let mut settings = SETTINGS.to_vec();
    settings.extend([spool.setting(), ("LOG", "info")]);
    let service = Service::with(&either(&primary, &standby), &settings).await;
    let traffic = Traffic::start(&service.url, PLAN);
    traffic.until_acknowledged(500).await;
    primary.kill().await;
    // Only the standby is left, which takes no events: they wait.
    traffic.until_acknowledged(500).await;
    let promoted = Instant::now();
    batch(&standby.superuser().await, "select pg_promote()").await;
    until(async || writes(&service).await).await;
    let back = promoted.elapsed();
    traffic.until_acknowledged(500).await;
    let ledger = traffic.stop().await;

    let answers = &ledger.answers;
    assert!(ledger.only("event", &[200, 204]), "{answers:?}");
    assert!(ledger.only("create", &[200, 201, 503]), "{answers:?}");
    assert!(ledger.only("read", &[200, 503]), "{answers:?}");
    until(async || spool.deliveries().is_empty()).await;
    ledger.assert_exact(&standby.superuser().await).await;
    let met = service.process.log().contains("goes to the spool");
    assert!(met, "events arrived while nothing could be written");
    println!("writes were taken {back:?} after the promotion began; answers: {answers:?}");
}

/// Whether a write of a user's is taken; until then it is a 503 that says when to come again.
async fn writes(service: &Service) -> bool {
    let tried = service.request_as(Alice, Method::DELETE, "/v1/leads/none");
    let answer = Answer::of(tried).await;
    if answer.status == 503 {
        assert_ne!(answer.header("retry-after"), "", "{answer:?}");
        return false;
    }
    assert_eq!(answer.status, 404, "{answer:?}");
    true
}
