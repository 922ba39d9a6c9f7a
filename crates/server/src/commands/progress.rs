//! Shows how far long work is: a bar on a terminal, plain lines elsewhere; on stderr either way.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::prove::Phase;
use indicatif::{ProgressBar, ProgressStyle};

use super::say;

/// Work of a known size that is being done.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    /// The last tenth that a plain line was written for.
    told: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts to tell about `total` pieces of work.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len} {eta}");
            ProgressBar::new(total)
                .with_message(what)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            what,
            total,
            done: 0,
            told: 0,
            bar,
        }
    }

    /// More of it is done. There may turn out to be more than was thought.
    pub(crate) fn add(&mut self, pieces: u64) {
        self.done += pieces;
        self.total = self.total.max(self.done);
        if let Some(bar) = &self.bar {
            bar.set_length(self.total);
            bar.set_position(self.done);
            return;
        }
        let tenth = self.done * 10 / self.total.max(1);
        if tenth > self.told {
            self.told = tenth;
            say(&format!("{}: {} of {}", self.what, self.done, self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A proof: phase, what it is at and how long it takes; elsewhere than on a terminal, a line for each phase.
pub(crate) struct ProofProgress {
    bar: Option<ProgressBar>,
    phase: Mutex<Option<Phase>>,
}

impl ProofProgress {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{elapsed_precise} {prefix} [{bar:24}] {pos}/{len} {wide_msg}");
            let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            bar,
            phase: Mutex::new(None),
        }
    }

    /// This far it is.
    pub(crate) fn tell(&self, progress: &::prove::Progress) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(progress.phase.to_string());
            bar.set_message(progress.about.clone());
            bar.set_length(progress.known as u64);
            bar.set_position(progress.tried as u64);
            return;
        }
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if phase.replace(progress.phase) != Some(progress.phase) {
            say(&progress.phase.to_string());
        }
    }
}

impl Drop for ProofProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
