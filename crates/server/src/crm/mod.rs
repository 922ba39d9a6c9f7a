//! The CRM's rules: what an event changes. Calls become call logs, messages automation logs, interested callers leads.
//!
//! One entry, [`apply`], within the user's transaction. Words and thresholds are `webhooks::leads`; statements, and how a
//! lead is found by its number, `store::rows::event_effects`.

mod automations;
mod calls;
mod customer;
mod messages;

use store::rows::event_effects::EventTx;
use store::rows::webhook_events::EventOutcome;
use webhooks::{Event, Kind};

/// Why an event can't have its effects. Quotes no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EffectError {
    /// The event lacks what the row needs.
    #[error("{0}")]
    Incomplete(&'static str),
    /// The event has values that can't be read; by name.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] store::Error),
}

/// Does what the event says, and tells whether there was anything to do.
pub(crate) async fn apply(tx: &EventTx<'_, '_>, event: &Event) -> Result<EventOutcome, EffectError> {
    match &event.kind {
        Kind::CallReport(report) => calls::report(tx, event, report).await,
        Kind::Call(call) => calls::progress(tx, event, call).await,
        Kind::Recording(recording) => calls::recording(tx, event, recording).await,
        Kind::Message(message) => messages::received(tx, event, message).await,
        Kind::MessageStatus(change) => messages::moved(tx, event, change).await,
        Kind::Automation(automation) => automations::ran(tx, event, automation).await,
        Kind::Question(_) | Kind::Other => Ok(EventOutcome::Ignored),
    }
}
