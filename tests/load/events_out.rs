//! How many events go out in a second, how soon one does, and what they cost who writes; see the README beside this file.
#![expect(clippy::print_stdout, reason = "a report on a terminal")]

mod imports;

use std::time::{Duration, Instant};

use serde_json::json;
use tests::database::batch;
use tests::event_receiver::EventReceiver;
use tests::events_out::{TO_LOOPBACK, count, subscribe};
use tests::people::{claims, now};
use tests::process::free_port;
use tests::{Service, TestDatabase, service};
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// Tenants, each with one subscription.
const TENANTS: usize = 10;
/// Senders of the plain load generator.
const SENDERS: usize = 64;
/// For how long it sends.
const TURN: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let given = |name: &str| std::env::var_os(name).and_then(|given| given.into_string().ok()?.parse().ok());
    let (events, past) = (given("EVENTS").unwrap_or(10_000), given("PAST").unwrap_or(0));
    service::build(&["--release"]).await;
    let (database, receiver) = (TestDatabase::new().await, EventReceiver::start().await);
    let superuser = database.superuser().await;
    for tenant in 0..TENANTS {
        let user = json!({"sub": user(tenant), "role": "authenticated", "aud": "authenticated",
            "email": format!("{tenant}@example.com"), "exp": now() + 3600});
        let url = format!("{}/takes/{tenant}", receiver.url);
        subscribe(&database.login_url(), &claims(&user), &url, &[]).await;
    }
    delivered_before(&superuser, past).await;
    for tenant in 0..TENANTS {
        add_leads(&superuser, tenant, events / TENANTS).await;
    }
    let began = Instant::now();
    let address = format!("127.0.0.1:{}", free_port());
    let settings = [TO_LOOPBACK, ("LOG", "warn"), ("LISTEN", address.as_str())];
    let service = Service::with(&database.login_url(), &settings).await;
    arrival(&receiver, events).await;
    let rate = per_second(events, began.elapsed());
    let plain = plain(&receiver).await;
    println!(
        "{events} events of {TENANTS} tenants, {past} in the past: {rate:.0}/s; a plain load generator, {plain:.0}/s; {:.2}",
        rate / plain
    );

    while count(&superuser, "pending").await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut lags = Vec::new();
    for _ in 0..100 {
        let before = receiver.count();
        add_leads(&superuser, 0, 1).await;
        let committed = Instant::now();
        arrival(&receiver, before + 1).await;
        lags.push(committed.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lags.sort_by(f64::total_cmp);
    println!(
        "idle, from commit to arrival: median {:.1} ms, worst of 100 {:.1} ms",
        lags[50], lags[99]
    );
    let [without_triggers, untold, told] = imports::measure(&database, &service, &receiver).await;
    println!(
        "an import of 5,000 contacts: {:.0} ms without the triggers; nobody told {:.2} ×; a receiver told {:.2} ×",
        without_triggers * 1000.0,
        untold / without_triggers,
        told / untold
    );
}

fn user(tenant: usize) -> String {
    format!("tenant-{tenant}")
}

async fn add_leads(superuser: &Client, tenant: usize, leads: usize) {
    let insert = format!(
        "insert into leads (user_id, name, phone, status, source)
         select '{}', 'A lead', '+14155552671', 'new', 'Voice' from generate_series(1, {leads})",
        user(tenant)
    );
    batch(superuser, &insert).await;
}

/// Deliveries that were made long ago.
async fn delivered_before(superuser: &Client, past: usize) {
    let insert = format!(
        "insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id, status, attempts, finished_at)
         select s.user_id, s.id, 'lead.created', 'r' || n, 'delivered', 1, now()
         from generate_series(1, {past} / {TENANTS}) n, mako.event_subscriptions s"
    );
    batch(superuser, &insert).await;
    batch(superuser, "analyze mako.event_deliveries").await;
}

async fn arrival(receiver: &EventReceiver, events: usize) {
    while receiver.count() < events {
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
}

/// As many requests of the same size as the receiver takes.
async fn plain(receiver: &EventReceiver) -> f64 {
    let body = receiver.arrived().swap_remove(0).body;
    let before = receiver.count();
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (client, url, body) = (
            reqwest::Client::new(),
            format!("{}/takes/plain", receiver.url),
            body.clone(),
        );
        senders.spawn(async move {
            while began.elapsed() < TURN {
                let sent = client.post(&url).body(body.clone()).send().await;
                assert!(sent.is_ok_and(|answer| answer.status().is_success()));
            }
        });
    }
    while senders.join_next().await.is_some() {}
    per_second(receiver.count() - before, began.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn per_second(events: usize, elapsed: Duration) -> f64 {
    events as f64 / elapsed.as_secs_f64()
}
