//! `kill -9` of the service, and of its Postgres, hundreds of times; see the README beside this file.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report on a terminal")]

use tests::kill::Outcome;
use tests::service;

#[tokio::main]
async fn main() {
    let given = std::env::var_os("KILLS").and_then(|kills| kills.into_string().ok()?.parse().ok());
    let kills = given.unwrap_or(100);
    service::build(&["--release"]).await;
    let progress = |of: &'static str| {
        move |done: usize| {
            if done.is_multiple_of(10) {
                eprintln!("{of}: {done} of {kills}");
            }
        }
    };
    report(
        "the service",
        kills,
        &tests::kill::service(kills, progress("service")).await,
    );
    report(
        "Postgres",
        kills,
        &tests::kill::postgres(kills, progress("Postgres")).await,
    );
}

fn report(what: &str, kills: usize, outcome: &Outcome) {
    println!(
        "kill -9 of {what}, {kills} times in {} s: {} acknowledged, each there once with exactly its effects; \
         what wasn't acknowledged is there once or not at all",
        outcome.elapsed.as_secs(),
        outcome.ledger.acknowledged()
    );
    for ((kind, heard), attempts) in &outcome.ledger.answers {
        println!("  {kind:<7}{heard:<11}{attempts:>7}");
    }
}
