//! Is what a provider says understood, and what another says refused?
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod configurations;
mod entry;
mod make_events;
mod mutated;
mod oracle;
mod properties;
mod support;
mod twilio_events;
mod twilio_stream;
mod vapi_events;
mod vectors;
mod whole_path;
