//! What was promised of speed, measured; see the README beside this file.
#![expect(clippy::print_stdout, reason = "a report on a terminal")]

mod bulk;
mod clients;
mod earlier;
mod events;
mod pgbench;
mod relay;
mod report;
mod rows;
mod simulation;
mod skew;
mod throughput;

use earlier::Earlier;
use tests::Service;
use tests::process::free_port;
use tests::service;

#[tokio::main]
async fn main() {
    service::build(&["--release"]).await;
    let started = std::time::Instant::now();
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let mut lines = Vec::new();
    if is_wanted("throughput") || is_wanted("skew") {
        let earlier = Earlier::build().await;
        if is_wanted("throughput") {
            lines.extend(throughput::measure(&earlier).await);
        }
        if is_wanted("skew") {
            lines.extend(skew::measure(&earlier).await);
        }
    }
    if is_wanted("bulk") {
        lines.extend(bulk::measure().await);
    }
    if is_wanted("events") {
        lines.extend(events::measure().await);
    }
    if is_wanted("relay") {
        lines.extend(relay::measure().await);
    }
    // What a larger cluster would do is no part of what was promised of this one.
    if parts.iter().any(|wanted| wanted == "simulation") {
        lines.extend(simulation::measure().await);
    }
    report::print(&lines);
    println!("\nin {} s", started.elapsed().as_secs());
}

/// A service that says little.
async fn serve(database_url: &str, settings: &[(&str, &str)]) -> Service {
    let address = format!("127.0.0.1:{}", free_port());
    let settings = [settings, &[("LISTEN", address.as_str()), ("LOG", "warn")]].concat();
    Service::with(database_url, &settings).await
}

/// Megabytes of memory, as Linux counts them.
fn resident(service: &Service) -> f64 {
    let pid = service.process.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.expect("a process has memory") / 1024.0
}
