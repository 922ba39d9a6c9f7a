//! `kill -9` of services that send events, and of their Postgres; see the README beside this file.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report on a terminal")]

use tests::event_kill::Killed;
use tests::service;

#[tokio::main]
async fn main() {
    let given = |name: &str| std::env::var_os(name).and_then(|given| given.into_string().ok()?.parse().ok());
    let (events, kills) = (given("EVENTS").unwrap_or(10_000), given("KILLS").unwrap_or(20));
    service::build(&["--release"]).await;
    let progress = |done: usize| eprintln!("{done} of {kills}");
    let outcome = tests::event_kill::run(events, kills, Killed::One, progress).await;
    println!(
        "kill -9 of a service and of Postgres, {kills} times each: {} events of two tenants in {} s by {} attempts, {} of \
         them of what had been taken; each at its tenant's receiver, each row's in their order",
        outcome.events,
        outcome.elapsed.as_secs(),
        outcome.attempts,
        outcome.repeated
    );
}
