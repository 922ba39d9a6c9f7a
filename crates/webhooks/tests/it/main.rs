//! Is what a provider says understood, and what another says refused?
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod entry;
mod mutated;
mod oracle;
mod properties;
mod provider_events;
mod support;
mod vectors;
mod whole_path;
