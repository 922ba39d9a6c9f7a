//! Takes what is due, sends it and notes what became of it; any number of services do so beside each other.
//!
//! What is taken is leased (`leases.rs`): a service that is killed has said nothing by the end of the lease, and another sends
//! it. So an event may arrive twice, under the same id, and none is lost.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use store::rows::event_outbox::{self, DeliveryOutcome, TakeLimits, TakenDelivery};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::attempt::now;
use super::leases::{Held, LEASE, Leases};
use super::{Sender, wake};

/// How often what is due is looked for, whether or not anything was heard, and what is held is looked through.
const OFTEN: Duration = Duration::from_secs(1);
/// How often what waits is counted.
const NOW_AND_THEN: Duration = Duration::from_secs(10);
/// How often what is old is removed.
const SELDOM: Duration = Duration::from_hours(1);
/// Deliveries that are removed at a time.
const FORGOTTEN: i32 = 200;
/// Events that are sent at the same time; each has a connection.
pub(crate) const PLACES: usize = 256;
/// Of the free places one taking gets this part, and in it one subscription that: the fewer are free, the fewer each gets.
/// However many receivers hang, there are places for others.
const TAKING: usize = 4;
const SHARE: usize = 32;
/// A tenant gets the places of so many subscriptions.
const SUBSCRIPTIONS: usize = 4;
/// Tenants whose events are read from the database at the same time.
const READS: usize = 4;
/// Outcomes that are noted together.
const NOTED: usize = 256;
/// For how long the database may be away until outcomes are given up, and their events sent once more.
const AWAY: Duration = Duration::from_secs(30);
/// After which outcomes are noted that somebody stood in the way of.
const SOON: Duration = Duration::from_millis(100);

/// An event that has been sent, or not; it is held until that is noted.
struct Done {
    held: Held,
    outcome: DeliveryOutcome,
}

/// Background work that sends events; dropping it leaves what is being sent to another.
pub(crate) struct SenderWorker {
    stop: watch::Sender<bool>,
    stopped_at: OnceLock<Instant>,
    taking: JoinHandle<()>,
    helpers: [JoinHandle<()>; 3],
}

impl SenderWorker {
    /// Begins to send; what was finished so many days ago is forgotten.
    pub(crate) fn start(sender: &Arc<Sender>, retention_days: i32) -> Self {
        let (stop, stopped) = watch::channel(false);
        let wake = Arc::new(Notify::new());
        let listening = wake::listen(Arc::clone(&sender.store), Arc::clone(&wake));
        Self {
            stop,
            stopped_at: OnceLock::new(),
            taking: tokio::spawn(run(Arc::clone(sender), wake, stopped)),
            helpers: [
                tokio::spawn(listening),
                tokio::spawn(count(Arc::clone(sender))),
                tokio::spawn(forget(Arc::clone(sender), retention_days)),
            ],
        }
    }

    /// Takes nothing more from now on, and gives back what hasn't been sent.
    pub(crate) fn stop(&self) {
        self.stopped_at.get_or_init(Instant::now);
        self.stop.send_replace(true);
    }

    /// Waits until what has been sent is answered, at most for so long after [`SenderWorker::stop`]. What isn't by then is
    /// sent once more when its lease is over.
    pub(crate) async fn finish(mut self, within: Duration) {
        self.stop();
        let deadline = *self.stopped_at.get_or_init(Instant::now) + within;
        if tokio::time::timeout_at(deadline, &mut self.taking).await.is_err() {
            tracing::warn!("events that are being sent will be sent again");
        }
    }
}

impl Drop for SenderWorker {
    fn drop(&mut self) {
        self.taking.abort();
        for helper in &self.helpers {
            helper.abort();
        }
    }
}

/// Takes what is due whenever there may be some, until it is told to stop; ends when all that it took is noted.
async fn run(sender: Arc<Sender>, wake: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
    let (done, outcomes) = mpsc::unbounded_channel(); // Bounded by the places.
    let leases = Arc::<Leases>::default();
    let noting = note(
        Arc::clone(&sender),
        outcomes,
        Arc::clone(&leases),
        Arc::clone(&wake),
    );
    let noting = tokio::spawn(noting);
    let mut taker = Taker {
        sender,
        leases,
        places: Arc::new(Semaphore::new(PLACES)),
        reads: Arc::new(Semaphore::new(READS)),
        after: String::new(),
        done,
        stopped: stopped.clone(),
    };
    let mut ticks = tokio::time::interval(OFTEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = wake.notified() => {}
            _ = stopped.changed() => break,
        }
        taker.take_all().await;
    }
    drop(taker);
    drop(noting.await);
}

/// Who takes deliveries, by turns of their tenants.
struct Taker {
    sender: Arc<Sender>,
    leases: Arc<Leases>,
    places: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    /// The tenant who was served last.
    after: String,
    done: mpsc::UnboundedSender<Done>,
    stopped: watch::Receiver<bool>,
}

impl Taker {
    async fn take_all(&mut self) {
        loop {
            let free = self.places.available_permits();
            if free == 0 || *self.stopped.borrow() {
                return;
            }
            let each = (free / SHARE).max(1);
            let limits = TakeLimits {
                total: count_of((free / TAKING).max(1)),
                per_user: count_of(each * SUBSCRIPTIONS),
                per_subscription: count_of(each),
                lease: LEASE,
            };
            let taken = match event_outbox::take(&self.sender.store, &self.after, &limits).await {
                Ok(taken) => taken,
                Err(error) => return tracing::debug!(%error, "no events can be taken now"),
            };
            match taken.last() {
                Some(last) => self.after.clone_from(&last.user_id),
                None => return,
            }
            self.send_all(taken);
        }
    }

    fn send_all(&self, taken: Vec<TakenDelivery>) {
        let mut tenants: HashMap<String, Vec<(TakenDelivery, Held)>> = HashMap::new();
        for delivery in taken {
            // There are as many as were free before, and nobody else takes any. Without one its lease runs out.
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                continue;
            };
            if let Some(held) = self.leases.hold(&delivery, place) {
                let of = tenants.entry(delivery.user_id.clone()).or_default();
                of.push((delivery, held));
            }
        }
        for deliveries in tenants.into_values() {
            let (sender, reads) = (Arc::clone(&self.sender), Arc::clone(&self.reads));
            let (done, stopped) = (self.done.clone(), self.stopped.clone());
            tokio::spawn(async move { send_tenants(&sender, deliveries, &reads, &done, &stopped).await });
        }
    }
}

/// Sends what one tenant is owed: read together, sent at the same time.
async fn send_tenants(
    sender: &Arc<Sender>,
    deliveries: Vec<(TakenDelivery, Held)>,
    reads: &Semaphore,
    done: &mpsc::UnboundedSender<Done>,
    stopped: &watch::Receiver<bool>,
) {
    let (taken, held): (Vec<_>, Vec<_>) = deliveries.into_iter().unzip();
    let read = {
        let _turn = reads.acquire().await;
        sender.read(&taken).await
    };
    let prepared = match read {
        Ok(prepared) => prepared,
        // They are taken again when their lease is over.
        Err(error) => return tracing::warn!(%error, "events can't be read now"),
    };
    let mut held: HashMap<String, Held> = held
        .into_iter()
        .map(|held| (held.id().to_owned(), held))
        .collect();
    for prepared in prepared {
        let Some(held) = held.remove(&prepared.due.id) else {
            continue;
        };
        let (sender, done, stopped) = (Arc::clone(sender), done.clone(), *stopped.borrow());
        tokio::spawn(async move {
            let outcome = if stopped {
                DeliveryOutcome::Released
            } else {
                sender.attempt(prepared).await
            };
            // Whoever notes outcomes ends after whoever makes them.
            drop(done.send(Done { held, outcome }));
        });
    }
}

/// Notes outcomes, those together that came while others were being noted, and has the next events looked for: some may
/// have waited for these. Keeps what is still being sent; one after the other, since both know a delivery by its lease.
async fn note(
    sender: Arc<Sender>,
    mut outcomes: mpsc::UnboundedReceiver<Done>,
    leases: Arc<Leases>,
    wake: Arc<Notify>,
) {
    let mut ticks = tokio::time::interval(OFTEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut done, mut more) = (Vec::new(), true);
    while more || !done.is_empty() {
        tokio::select! {
            received = outcomes.recv_many(&mut done, NOTED), if more => more = received > 0,
            () = tokio::time::sleep(SOON), if !done.is_empty() => {}
            _ = ticks.tick() => {
                leases.renew(&sender.store).await;
                continue;
            }
        }
        done = note_batch(&sender, done).await;
        wake.notify_one();
    }
}

/// Notes outcomes, also those that came while the database was away for a moment: else they would be sent again. Which of
/// them are to be noted later, since somebody has locked them.
async fn note_batch(sender: &Sender, mut done: Vec<Done>) -> Vec<Done> {
    let given_up = Instant::now() + AWAY;
    loop {
        let outcomes = done
            .iter()
            .filter_map(|done| Some((done.held.taken()?, done.outcome.clone())));
        let outcomes: Vec<_> = outcomes.collect();
        match event_outbox::finish(&sender.store, &outcomes).await {
            Ok(locked) => {
                done.retain(|done| locked.contains(done.held.id()));
                return done;
            }
            Err(error) if error.is_passing() && Instant::now() + OFTEN < given_up => {
                tokio::time::sleep(OFTEN).await;
            }
            Err(error) => {
                tracing::warn!(%error, "what became of events can't be noted: they will be sent again");
                return Vec::new();
            }
        }
    }
}

/// Keeps the measurements of what waits.
async fn count(sender: Arc<Sender>) {
    let mut ticks = tokio::time::interval(NOW_AND_THEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        sender.count_waiting(now()).await;
    }
}

/// Removes what was finished long ago.
async fn forget(sender: Arc<Sender>, days: i32) {
    let mut ticks = tokio::time::interval(SELDOM);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while let Ok(FORGOTTEN) = event_outbox::forget(&sender.store, days, FORGOTTEN).await {}
    }
}

fn count_of(places: usize) -> i32 {
    i32::try_from(places).unwrap_or(i32::MAX)
}
