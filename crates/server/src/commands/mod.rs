//! The commands, one file each; messages go to stderr, results to stdout.

pub(crate) mod adopt;
pub(crate) mod dev;
pub(crate) mod events;
mod events_out;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod manual;
pub(crate) mod migrate;
pub(crate) mod numbers;
pub(crate) mod openapi;
mod progress;
pub(crate) mod prove;
pub(crate) mod serve;
pub(crate) mod stats;
pub(crate) mod token;
mod waiting;

use std::io::Write as _;

/// Why a command could not do its work; the text names the fix.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A message for people, on stderr.
pub(crate) fn say(line: &str) {
    // Nothing sensible is left to do if even stderr is gone.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// A result, on stdout.
pub(crate) fn print(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
