//! Each attack on the service, and what it costs before, under and after; see the README beside this file.
#![expect(clippy::print_stdout, reason = "a report on a terminal")]

use std::process::ExitCode;
use std::time::Duration;

use tests::attack::{Attack, Effect, Size, run, target};
use tests::service;

#[tokio::main]
async fn main() -> ExitCode {
    let given = std::env::var_os("ATTACKERS").and_then(|given| given.into_string().ok()?.parse().ok());
    let size = Size {
        attackers: given.unwrap_or(2_000),
        lasts: Duration::from_secs(10),
        recovers: Duration::from_secs(30),
    };
    service::build(&["--release"]).await;
    let (service, _database) = target().await;
    println!(
        "{} attackers at a time, {} s each",
        size.attackers,
        size.lasts.as_secs()
    );
    println!(
        "| attack | connections | MB before, under, after | descriptors | % of a core under, after | slowest /health, unanswered | back after |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut all_well = true;
    let only = std::env::var_os("ATTACK").and_then(|given| given.into_string().ok());
    let asked_for = |attack: &Attack| only.as_ref().is_none_or(|only| *only == format!("{attack:?}"));
    for attack in Attack::ALL.into_iter().filter(asked_for) {
        let effect = run(&service, attack, size).await;
        let is_back = effect.after.is_back_at(&effect.before);
        all_well &= is_back && effect.unanswered == 0;
        println!("{}", row(attack, &effect, is_back));
    }
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn row(attack: Attack, effect: &Effect, is_back: bool) -> String {
    let [before, under, after] = [effect.before, effect.under, effect.after];
    let back = if is_back {
        format!("{} s", effect.recovered_after.as_secs())
    } else {
        "**not yet**".to_owned()
    };
    format!(
        "| {attack:?} | {} | {}, {}, {} | {}, {}, {} | {:.0}, {:.1} | {} ms, {} | {back} |",
        effect.connections,
        before.resident / 1024,
        under.resident / 1024,
        after.resident / 1024,
        before.descriptors,
        under.descriptors,
        after.descriptors,
        effect.load.0,
        effect.load.1,
        effect.slowest.as_millis(),
        effect.unanswered,
    )
}
