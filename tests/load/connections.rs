//! Connections by the million, opened and dropped in every shape; see the README beside this file.
#![expect(clippy::print_stdout, reason = "a report on a terminal")]

use std::process::ExitCode;
use std::time::Instant;

use tests::attack::target;
use tests::{connections, service};

#[tokio::main]
async fn main() -> ExitCode {
    let given = std::env::var_os("CONNECTIONS").and_then(|given| given.into_string().ok()?.parse().ok());
    service::build(&["--release"]).await;
    let (service, _database) = target().await;
    let began = Instant::now();
    println!("| connections | seconds | kB | descriptors | CPU seconds |");
    println!("|---|---|---|---|---|");
    let effect = connections::run(&service, given.unwrap_or(1_000_000), |done, usage| {
        println!(
            "| {done} | {} | {} | {} | {} |",
            began.elapsed().as_secs(),
            usage.resident,
            usage.descriptors,
            usage.cpu.as_secs()
        );
    });
    let effect = effect.await;
    if effect.after.is_back_at(&effect.before) {
        println!("nothing grew");
        ExitCode::SUCCESS
    } else {
        println!("**it grew**: {effect:#?}");
        ExitCode::FAILURE
    }
}
