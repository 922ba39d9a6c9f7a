//! Does what was left undone: drains the spool, processes events that wait, sums up counts, and forgets what is old.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use store::Store;
use store::rows::router;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;

use super::drain::drain;
use super::process::{GRACE, LockWait, process};
use super::{ProcessResult, Receiver};

/// How often waiting events and the spool are looked at.
const OFTEN: Duration = Duration::from_secs(1);
/// How often the addresses of endpoints are.
const NOW_AND_THEN: Duration = Duration::from_secs(10);
/// How often old payloads are.
const SELDOM: Duration = Duration::from_hours(1);
/// Addresses that are held in memory, at 100 bytes each; those beyond count as strangers' during an outage.
const ADDRESSES: i32 = 100_000;
/// Events and payloads at a time.
const BATCH: i32 = 200;
/// Lines of counts, and uses of keys, at a time.
const LINES: i32 = 10_000;

/// Background work; it stops when this is dropped.
pub(crate) struct BackgroundWorker {
    _tasks: JoinSet<()>,
}

impl BackgroundWorker {
    /// Starts to keep; payloads and uses of keys are forgotten after so many days.
    pub(crate) fn start(receiver: &Arc<Receiver>, retention_days: i32) -> Self {
        let mut tasks = JoinSet::new();
        let it = Arc::clone(receiver);
        tasks.spawn(every("catch_up", OFTEN, async move || {
            drain(&it).await;
            catch_up(&it).await;
        }));
        let it = Arc::clone(receiver);
        tasks.spawn(every("fold_stats", OFTEN, async move || {
            fold_stats(&it.store).await;
        }));
        let it = Arc::clone(receiver);
        tasks.spawn(every("learn_addresses", NOW_AND_THEN, async move || {
            learn_addresses(&it).await;
        }));
        let it = Arc::clone(receiver);
        tasks.spawn(every("forget_payloads", SELDOM, async move || {
            forget(&it.store, retention_days).await;
        }));
        Self { _tasks: tasks }
    }
}

async fn every(name: &'static str, period: Duration, mut work: impl AsyncFnMut()) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work().instrument(tracing::info_span!("background", name)).await;
    }
}

/// Asks which addresses there are, for the outage in which nobody can be asked.
async fn learn_addresses(receiver: &Receiver) {
    if receiver.spool.is_none() {
        return;
    }
    match router::endpoint_keys(&receiver.store, ADDRESSES).await {
        Ok(hashes) => {
            let count = i64::try_from(hashes.len()).unwrap_or(i64::MAX);
            receiver.measurements.addresses.set(count);
            receiver.addresses.replace(hashes);
        }
        // What was known stays.
        Err(error) => tracing::debug!(%error, "the addresses of endpoints can't be read now"),
    }
}

/// Processes what was recorded and routed but not processed: after a crash, an outage, or an assignment of a number.
async fn catch_up(receiver: &Receiver) {
    // The database may be down; there will be another time.
    while let Ok(batch) = process_waiting(&receiver.store, GRACE.as_secs_f64()).await {
        receiver.measurements.failed_later(batch.failed);
        if batch.events == 0 || batch.later > 0 {
            return;
        }
    }
}

/// What became of some events that waited.
pub(crate) struct Batch {
    /// All of them.
    pub(crate) events: u64,
    /// Those whose effects failed.
    pub(crate) failed: u64,
    /// Those that couldn't be done now.
    pub(crate) later: u64,
}

/// Processes events that have waited for longer than `seconds`, as many as one statement finds.
pub(crate) async fn process_waiting(store: &Store, seconds: f64) -> Result<Batch, store::Error> {
    let mut batch = Batch {
        events: 0,
        failed: 0,
        later: 0,
    };
    // Whose rows are locked: each further event of theirs would wait for the lock as well.
    let mut locked = HashSet::new();
    for event in router::waiting(store, seconds, BATCH).await? {
        batch.events += 1;
        if locked.contains(&event.user_id) {
            batch.later += 1;
            continue;
        }
        let parsed = webhooks::parse(&event.recorded);
        let done = process(
            store,
            &event.id,
            &event.user_id,
            &event.recorded,
            &parsed,
            LockWait::No,
        )
        .await;
        match done {
            ProcessResult::Failed(_) => batch.failed += 1,
            ProcessResult::Locked => {
                locked.insert(event.user_id);
                batch.later += 1;
            }
            ProcessResult::Later | ProcessResult::Held | ProcessResult::Unrouted => batch.later += 1,
            ProcessResult::Before | ProcessResult::Now(_) => {}
        }
    }
    Ok(batch)
}

/// Each write adds lines to `mako.stats`; the fewer there are, the faster they are read. What isn't summed up yet counts
/// all the same, so that it may wait if the database is away.
async fn fold_stats(store: &Store) {
    while let Ok(LINES) = router::fold_stats(store, LINES).await {}
}

/// Empties payloads and removes uses of keys that are older than the retention period.
async fn forget(store: &Store, days: i32) {
    loop {
        let payloads = router::forget_payloads(store, days, BATCH).await;
        let key_uses = router::forget_key_uses(store, days, LINES).await;
        match (payloads, key_uses) {
            (Ok(payloads), Ok(key_uses)) if payloads == BATCH || key_uses == LINES => {}
            (Ok(_), Ok(_)) => return,
            (Err(error), _) | (_, Err(error)) => {
                return tracing::warn!(%error, "what is old can't be forgotten now");
            }
        }
    }
}
