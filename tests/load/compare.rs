//! What was promised of speed, measured; see the README beside this file.
#![expect(clippy::print_stdout, reason = "a report on a terminal")]

mod bulk;
mod clients;
mod earlier;
mod events;
mod pgbench;
mod report;
mod rows;
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
    let earlier = Earlier::build().await;
    let mut lines = throughput::measure(&earlier).await;
    lines.extend(skew::measure(&earlier).await);
    lines.extend(bulk::measure().await);
    lines.extend(events::measure().await);
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
