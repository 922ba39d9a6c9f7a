//! `mako`: see `README.md` at the top of the repository.

mod api;
mod app;
mod cli;
mod commands;
mod config;
mod crm;
mod document;
mod http;
mod jwks;
mod key_uses;
mod log;
mod oauth;
mod otlp;
mod proof;
mod receiver;
mod relay;
mod sender;
mod services;
mod timings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

/// A request makes many small objects, often freed by another thread: with glibc's allocator that is a sixth of the
/// service's time, and more memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let answer = match Cli::parse().command {
        Command::Dev(options) => commands::dev::run(options).await,
        Command::Serve(options) => commands::serve::run(options).await,
        Command::Migrate(options) => commands::migrate::run(&options).await,
        Command::Keys(what) => commands::keys::run(what).await,
        Command::Numbers(what) => commands::numbers::run(what).await,
        Command::Events(what) => commands::events::run(what).await,
        Command::Stats(what) => commands::stats::run(what).await,
        Command::Adopt(options) => commands::adopt::run(options).await,
        Command::Prove(options) => commands::prove::run(options).await,
        Command::Token(options) => commands::token::run(options),
        Command::Openapi => commands::openapi::run(),
        Command::Health { url } => commands::health::run(url).await,
        Command::Completions { shell } => commands::manual::completions(shell),
        Command::Man => commands::manual::man(),
    };
    match answer {
        Ok(code) => code,
        Err(failure) => {
            commands::say(&format!("mako: {failure}"));
            ExitCode::from(2)
        }
    }
}
