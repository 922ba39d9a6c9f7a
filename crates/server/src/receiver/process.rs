//! Acts on an event once, whatever comes between: as the user, in one transaction with its own end.

use std::time::Duration;

use identity::{Claims, Verified};
use serde_json::Value;
use store::rows::event_effects::{self, EventClaim};
use store::rows::webhook_events::{self, EventOutcome, WebhookEvent};
use store::{Access, Store, TenantTx};
use webhooks::{Event, Recorded};

use crate::crm::{self, EffectError};

/// What became of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ProcessResult {
    /// Its effects are committed, or there were none to have.
    Now(EventOutcome),
    /// It was done before.
    Before,
    /// Nobody's yet.
    Unrouted,
    /// It failed; the reason is in the record, and it can be replayed.
    Failed(String),
    /// The database went away: it will be tried again.
    Later,
    /// Another transaction, such as the request that recorded it, acts on it just now.
    Held,
    /// A row that it needs was locked for too long: it will be tried again, for `PATIENCE`.
    Locked,
}

/// Whether to wait for another transaction that acts on the event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LockWait {
    /// Until it ends: somebody waits for the outcome.
    ForHolder,
    /// No: there will be another time.
    No,
}

/// An event is left to the request that recorded it for this long.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Acts on a recorded event as its user, at most once.
pub(crate) async fn process(
    store: &Store,
    id: &str,
    user: &str,
    recorded: &Verified<Recorded>,
    event: &Event,
    wait: LockWait,
) -> ProcessResult {
    match Claims::on_behalf_of(user, recorded) {
        Ok(claims) => process_as(store, &claims, id, event, wait).await,
        Err(_) => ProcessResult::Unrouted,
    }
}

/// Acts on recorded events of one user in their order and in one transaction; none is acted on if one can't be. What
/// another transaction holds is left to it.
pub(super) async fn process_together(
    store: &Store,
    user: &str,
    events: &[(&str, &Verified<Recorded>, &Event)],
) -> Result<(), EffectError> {
    let Some(Ok(claims)) = events
        .first()
        .map(|(_, recorded, _)| Claims::on_behalf_of(user, *recorded))
    else {
        return Ok(());
    };
    store
        .run_as(&claims, Access::Write, async |tx| {
            for (id, _, event) in events {
                attempt_in(tx, id, event, LockWait::No).await?;
            }
            Ok(())
        })
        .await
}

/// Acts again on one of the caller's events that failed.
pub(crate) async fn replay(
    store: &Store,
    claims: &Claims,
    event: &WebhookEvent,
    payload: Value,
) -> ProcessResult {
    match webhook_events::recorded(event, payload) {
        Some(recorded) => {
            let parsed = webhooks::parse(&recorded);
            process_as(store, claims, &event.id, &parsed, LockWait::ForHolder).await
        }
        None => ProcessResult::Unrouted,
    }
}

#[tracing::instrument(name = "event", skip_all, fields(name = event.source.as_str()))]
async fn process_as(
    store: &Store,
    claims: &Claims,
    id: &str,
    event: &Event,
    wait: LockWait,
) -> ProcessResult {
    let mut done = attempt(store, claims, id, event, wait).await;
    if matches!(&done, Err(EffectError::Database(error)) if error.is_conflict()) {
        done = attempt(store, claims, id, event, wait).await;
    }
    let reason = match done {
        Ok(processed) => return processed,
        // Only then is it worth to wait: what can't be done whoever asks would be tried for ever.
        Err(EffectError::Database(error)) if error.is_away() => return ProcessResult::Later,
        // A lock ends; what takes too long whoever asks would be tried for ever.
        Err(EffectError::Database(error)) if error.is_locked() && !is_overdue(store, claims, id).await => {
            return ProcessResult::Locked;
        }
        Err(unfit) => unfit.to_string(),
    };
    tracing::warn!(event = id, reason, "an event's effects failed");
    match webhook_events::fail(store, claims, id, &reason).await {
        Ok(()) => ProcessResult::Failed(reason),
        Err(_) => ProcessResult::Later,
    }
}

/// Whether an event has been tried for long enough; unknown counts as no.
async fn is_overdue(store: &Store, claims: &Claims, id: &str) -> bool {
    webhook_events::is_overdue(store, claims, id, PATIENCE)
        .await
        .unwrap_or_default()
}

/// Seconds from its record for which an event that meets locks is tried again.
const PATIENCE: f64 = 900.0;

async fn attempt(
    store: &Store,
    claims: &Claims,
    id: &str,
    event: &Event,
    wait: LockWait,
) -> Result<ProcessResult, EffectError> {
    store
        .run_as(claims, Access::Write, async |tx| {
            attempt_in(tx, id, event, wait).await
        })
        .await
}

async fn attempt_in(
    tx: &TenantTx<'_>,
    id: &str,
    event: &Event,
    wait: LockWait,
) -> Result<ProcessResult, EffectError> {
    // Locks the event: a second delivery and a replay wait here and then find it done.
    let tx = match event_effects::take(tx, id, wait == LockWait::ForHolder).await? {
        EventClaim::Now(tx) => tx,
        EventClaim::Done => return Ok(ProcessResult::Before),
        EventClaim::Held => return Ok(ProcessResult::Held),
    };
    let end = if event.is_sample {
        EventOutcome::Ignored
    } else {
        crm::apply(&tx, event).await?
    };
    event_effects::finish(&tx, id, end).await?;
    Ok(ProcessResult::Now(end))
}
