//! Takes deliveries of the spool together: recorded in one transaction, and of each user several acted on in one.
//!
//! A commit waits for the disk, whatever it commits, and a user's events are acted on one after the other: one by one,
//! they would come no faster than the disk. Each piece of work is short, and before it those who arrive now may pass.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use identity::Verified;
use store::rows::router::{self, RecordedEvent};
use tokio::time::Instant;
use webhooks::{Event, Recorded};

use super::Receiver;
use super::drain::AT_ONCE;
use super::pipeline::Recognised;
use super::process::process_together;

/// A user's events that are acted on in one transaction: their row is locked meanwhile.
const TOGETHER: usize = 8;
/// How long live deliveries may pass before the first piece of work; then as long as the last one took.
const FIRST: Duration = Duration::from_millis(20);

/// An event, and the delivery that it came in.
type Parsed<'a> = (&'a Recognised, &'a Verified<Recorded>, Event);
/// An event and its record.
type Known<'a> = (RecordedEvent, &'a Parsed<'a>);

/// Takes all of them in their order; false: none was acted on, and they must be taken one by one.
pub(super) async fn take_together(
    receiver: &Receiver,
    deliveries: impl Iterator<Item = &Recognised>,
    until: Instant,
) -> bool {
    let parsed: Vec<Parsed<'_>> = deliveries
        .flat_map(|delivery| delivery.records.each.iter().map(move |record| (delivery, record)))
        .map(|(delivery, record)| (delivery, record, webhooks::parse(record)))
        .collect();
    if parsed.is_empty() {
        return true;
    }
    let new: Vec<_> = parsed
        .iter()
        .map(|(delivery, record, event)| (*record, delivery.new_event(event)))
        .collect();
    receiver.live.let_pass(FIRST).await;
    let recorded = tokio::time::timeout_at(until, router::record_all(&receiver.store, &new)).await;
    let recorded = match recorded {
        Ok(Ok(recorded)) => recorded,
        Ok(Err(error)) => {
            tracing::debug!(%error, "deliveries of the spool can't be recorded together");
            return false;
        }
        Err(_) => return false,
    };
    let mut of_users: HashMap<String, Vec<Known<'_>>> = HashMap::new();
    for (known, parsed) in recorded.into_iter().zip(&parsed) {
        receiver.count_recorded(&known, &parsed.2);
        if let Some(user) = known.user_id.clone() {
            of_users.entry(user).or_default().push((known, parsed));
        }
    }
    stream::iter(of_users)
        .for_each_concurrent(AT_ONCE, async |(user, events)| {
            act_on(receiver, &user, &events).await;
        })
        .await;
    true
}

/// Acts on a user's events. What doesn't succeed is in its record, or left to the background worker.
async fn act_on(receiver: &Receiver, user: &str, events: &[Known<'_>]) {
    let mut last_took = FIRST;
    for events in events.chunks(TOGETHER) {
        receiver.live.let_pass(last_took).await;
        let started = Instant::now();
        let ids: Vec<_> = events
            .iter()
            .filter(|(known, _)| known.status == "received")
            .map(|(known, (_, record, event))| (known.id.as_str(), *record, event))
            .collect();
        if process_together(&receiver.store, user, &ids).await.is_err() {
            for (known, (_, record, event)) in events {
                receiver.process(known, record, event).await;
            }
        }
        last_took = started.elapsed();
    }
}
