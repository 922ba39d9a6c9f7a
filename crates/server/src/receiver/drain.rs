//! Empties the spool once the database is back: many deliveries together. Where one of them keeps the others from that, one
//! by one, several at a time, those about the same call, message or person one after the other, as they came.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::Instant;
use webhooks::{PhoneNumber, RoutingHint};

use super::batch::take_together;
use super::pipeline::Recognised;
use super::{ReceiveError, Receiver, Spool};

/// Deliveries or users that are worked on at the same time: so few that whoever arrives now is hardly slower for it.
pub(super) const AT_ONCE: usize = 4;
/// Deliveries that are taken together; the next ones wait until these are done.
const WINDOW: usize = 64;
/// Bytes that they may have on the disk.
const WINDOW_SIZE: u64 = 16 << 20;

/// A delivery of the spool that has proved itself.
struct Opened {
    file: PathBuf,
    recognised: Recognised,
}

/// Takes what the spool holds until the database is down again.
pub(super) async fn drain(receiver: &Receiver) {
    let Some(spool) = &receiver.spool else { return };
    spool.probe();
    for window in windows(spool.waiting().unwrap_or_default()) {
        let down = AtomicBool::new(false);
        let opened: Vec<Option<Opened>> = stream::iter(window)
            .map(|file| open(receiver, spool, file, &down))
            .buffered(AT_ONCE)
            .collect()
            .await;
        take_all(receiver, spool, opened.into_iter().flatten().collect(), &down).await;
        if down.into_inner() {
            return;
        }
    }
}

async fn take_all(receiver: &Receiver, spool: &Spool, opened: Vec<Opened>, down: &AtomicBool) {
    let until = Instant::now() + receiver.request_timeout;
    if take_together(receiver, opened.iter().map(|opened| &opened.recognised), until).await {
        for Opened { file, .. } in &opened {
            settle(spool, file, Ok(()), down);
        }
        return;
    }
    let opened = opened.into_iter();
    let queues = in_order(opened.map(|opened| (subjects(&opened.recognised), opened)));
    stream::iter(queues)
        .for_each_concurrent(AT_ONCE, |queue| take(receiver, spool, queue, down))
        .await;
}

/// The files in parts that fit into memory.
fn windows(files: Vec<PathBuf>) -> Vec<Vec<PathBuf>> {
    let mut windows = vec![Vec::new()];
    let mut size = 0;
    for file in files {
        let more = std::fs::symlink_metadata(&file).map_or(0, |metadata| metadata.len());
        if windows
            .last()
            .is_none_or(|window| window.len() >= WINDOW || size + more > WINDOW_SIZE)
        {
            windows.push(Vec::new());
            size = 0;
        }
        size += more;
        if let Some(window) = windows.last_mut() {
            window.push(file);
        }
    }
    windows
}

/// Reads and verifies a delivery; None if that ends it, or if the database is down.
async fn open(receiver: &Receiver, spool: &Spool, file: PathBuf, down: &AtomicBool) -> Option<Opened> {
    if down.load(Ordering::Relaxed) {
        return None;
    }
    let incoming = match spool.read(&receiver.sealed_store, &file).await {
        Ok(incoming) => incoming?,
        Err(error) => {
            stuck(&file, &error);
            return None;
        }
    };
    let until = Instant::now() + receiver.request_timeout;
    match receiver.recognise(incoming, until).await {
        Ok(recognised) => Some(Opened { file, recognised }),
        Err(failure) => {
            settle(spool, &file, Err(failure), down);
            None
        }
    }
}

/// Queues of what has a subject in common, each in the order in which it came.
fn in_order<T>(items: impl Iterator<Item = (Vec<String>, T)>) -> Vec<Vec<T>> {
    let mut queues: Vec<Vec<(usize, T)>> = Vec::new();
    let mut queue_of: HashMap<String, usize> = HashMap::new();
    for (place, (subjects, item)) in items.enumerate() {
        let mut known: Vec<_> = subjects
            .iter()
            .filter_map(|name| queue_of.get(name).copied())
            .collect();
        known.sort_unstable();
        known.dedup();
        let queue = known.first().copied().unwrap_or(queues.len());
        if queue == queues.len() {
            queues.push(Vec::new());
        }
        // What joins two calls makes one queue of theirs.
        for other in known.into_iter().skip(1) {
            let joined = std::mem::take(&mut queues[other]);
            queues[queue].extend(joined);
            queue_of
                .values_mut()
                .filter(|of| **of == other)
                .for_each(|of| *of = queue);
        }
        queue_of.extend(subjects.into_iter().map(|subject| (subject, queue)));
        queues[queue].push((place, item));
    }
    let sorted = |mut queue: Vec<(usize, T)>| {
        queue.sort_by_key(|(place, _)| *place);
        queue.into_iter().map(|(_, item)| item).collect()
    };
    queues
        .into_iter()
        .filter(|queue| !queue.is_empty())
        .map(sorted)
        .collect()
}

/// The calls, the message and the tenant's customer that a delivery is about.
fn subjects(recognised: &Recognised) -> Vec<String> {
    let mut subjects = Vec::new();
    for recorded in &recognised.records.each {
        let event = webhooks::parse(recorded);
        let customer = event
            .customer
            .as_ref()
            .and_then(|customer| customer.party.number());
        subjects.extend(customer.map(|customer| {
            let parties = event.tenant_numbers().chain([customer]);
            parties.map(PhoneNumber::as_str).collect::<Vec<_>>().join(" ")
        }));
        subjects.extend([event.call.provider, event.call.vapi].into_iter().flatten());
        subjects.extend(event.hints.into_iter().filter_map(|hint| match hint {
            RoutingHint::Call(id) => Some(id),
            _ => None,
        }));
    }
    subjects
}

/// Takes one after the other.
async fn take(receiver: &Receiver, spool: &Spool, queue: Vec<Opened>, down: &AtomicBool) {
    for Opened { file, recognised } in queue {
        if down.load(Ordering::Relaxed) {
            return;
        }
        let until = Instant::now() + receiver.request_timeout;
        let taken = receiver.act_on(&recognised, until).await;
        settle(spool, &file, taken.map(drop), down);
    }
}

/// Removes a delivery that was taken or proves nothing, puts one aside that can't be taken.
fn settle(spool: &Spool, file: &std::path::Path, taken: Result<(), ReceiveError>, down: &AtomicBool) {
    let moved = match taken {
        Ok(()) => spool.remove(file),
        Err(ReceiveError::Down(..)) => {
            down.store(true, Ordering::Relaxed);
            return;
        }
        // One that can't be taken must not keep the others waiting; it was acknowledged, so it is kept. An address
        // without an endpoint may be one whose rows aren't restored yet.
        Err(failure @ (ReceiveError::Database(_) | ReceiveError::Sealed | ReceiveError::NoEndpoint)) => {
            tracing::error!(error = %failure, file = %file.display(), "a spooled delivery is put aside");
            spool.put_aside(file)
        }
        Err(refused) => {
            tracing::warn!(%refused, "a spooled delivery was refused");
            spool.remove(file)
        }
    };
    if let Err(error) = moved {
        stuck(file, &error);
    }
}

fn stuck(file: &std::path::Path, error: &std::io::Error) {
    tracing::error!(%error, file = %file.display(), "a spooled delivery can't be moved on");
}

#[cfg(test)]
mod tests {
    use super::in_order;

    fn queues(items: &[&[&str]]) -> Vec<Vec<usize>> {
        let items = items.iter().enumerate();
        in_order(items.map(|(place, subjects)| (subjects.iter().map(ToString::to_string).collect(), place)))
    }

    #[test]
    fn what_has_nothing_in_common_waits_for_nothing() {
        assert_eq!(queues(&[&["a"], &["b"], &[], &[]]), [[0], [1], [2], [3]]);
    }

    #[test]
    fn what_is_about_the_same_call_stays_in_order() {
        assert_eq!(
            queues(&[&["a"], &["b"], &["a", "x"], &["x"]]),
            [vec![0, 2, 3], vec![1]]
        );
    }

    #[test]
    fn what_joins_two_calls_waits_for_both() {
        assert_eq!(
            queues(&[&["a"], &["b"], &["a"], &["b"], &["b", "a"], &["b"]]),
            [[0, 1, 2, 3, 4, 5]]
        );
        assert_eq!(
            queues(&[&["a"], &["b"], &["c"], &["b", "c"], &["a", "c"], &["b"]]),
            [[0, 1, 2, 3, 4, 5]]
        );
    }
}
