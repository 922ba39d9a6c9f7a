//! Keeps the number of connections bounded: who comes when all places are taken gets that of the longest waiting one, or
//! waits a moment if all are being served.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry as Metrics;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing: the next request hasn't begun.
    Idle,
    /// Sending the head of a request.
    Head,
    /// Sending the body of a request, which we wait for.
    Body,
    /// Waiting for an answer, which is ours to give.
    Working,
    /// Leaving an answer, or the end of the connection, unread.
    Stalled,
}

/// A connection, as others see it.
pub(super) struct Connection {
    address: IpAddr,
    phase: AtomicU8,
    /// Milliseconds since `born` at which the phase began.
    since: AtomicU64,
    born: Instant,
    evicted: Notify,
}

impl Connection {
    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Body,
            3 => Phase::Working,
            _ => Phase::Stalled,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let elapsed = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(elapsed, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Changes the phase, if this is the one.
    pub(super) fn change(&self, from: Phase, to: Phase) {
        if self.phase() == from {
            self.enter(to);
        }
    }

    /// When the phase began.
    pub(super) fn since(&self) -> Instant {
        self.born + Duration::from_millis(self.since.load(Ordering::Relaxed))
    }

    /// Completes when its place is needed.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

/// All connections.
pub(super) struct Registry {
    limit: usize,
    limit_per_address: usize,
    open: Mutex<Open>,
    metrics: ConnectionMetrics,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
    by_address: HashMap<IpAddr, usize>,
}

impl Registry {
    pub(super) fn new(limit: usize, limit_per_address: usize, metrics: ConnectionMetrics) -> Self {
        Self {
            limit,
            limit_per_address,
            open: Mutex::default(),
            metrics,
        }
    }

    pub(super) fn metrics(&self) -> &ConnectionMetrics {
        &self.metrics
    }

    pub(super) fn open(&self) -> usize {
        self.lock().connections.len()
    }

    /// A place for a connection; None if everyone who has one is being served, and goes on being served.
    pub(super) async fn enter(&self, address: IpAddr) -> Option<ConnectionSlot> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_enter(address) {
                Ok(slot) => return Some(slot),
                Err(Full::Everywhere) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Err(_) => {
                    self.metrics.refused.inc();
                    return None;
                }
            }
        }
    }

    fn try_enter(&self, address: IpAddr) -> Result<ConnectionSlot, Full> {
        let mut open = self.lock();
        let of_address = open.by_address.get(&address).copied().unwrap_or_default();
        let replaced = if of_address >= self.limit_per_address {
            Some(open.longest_waiting_of(address).ok_or(Full::OfAddress)?)
        } else if open.connections.len() >= self.limit {
            Some(open.longest_waiting().ok_or(Full::Everywhere)?)
        } else {
            None
        };
        if let Some(id) = replaced {
            open.remove(id).inspect(|gone| gone.evicted.notify_one());
            self.metrics.evicted.inc();
        }
        let id = open.next;
        open.next += 1;
        let connection = Arc::new(Connection {
            address,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(0),
            born: Instant::now(),
            evicted: Notify::new(),
        });
        open.connections.insert(id, Arc::clone(&connection));
        *open.by_address.entry(address).or_default() += 1;
        self.metrics.count(open.connections.len());
        Ok(ConnectionSlot { id, connection })
    }

    pub(super) fn leave(&self, place: &ConnectionSlot) {
        let mut open = self.lock();
        open.remove(place.id);
        self.metrics.count(open.connections.len());
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn remove(&mut self, id: u64) -> Option<Arc<Connection>> {
        let gone = self.connections.remove(&id)?;
        if let Some(count) = self.by_address.get_mut(&gone.address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&gone.address);
            }
        }
        Some(gone)
    }

    /// The one of all that has kept us waiting longest. Who has only just come is none: it had no time to ask.
    fn longest_waiting(&self) -> Option<u64> {
        self.longest(|connection| connection.born.elapsed() >= MOMENT)
    }

    /// The one of an address that has kept us waiting longest.
    fn longest_waiting_of(&self, address: IpAddr) -> Option<u64> {
        self.longest(|connection| connection.address == address)
    }

    /// Those that wait for us don't keep us waiting.
    fn longest(&self, counts: impl Fn(&Connection) -> bool) -> Option<u64> {
        self.connections
            .iter()
            .filter(|(_, connection)| connection.phase() != Phase::Working && counts(connection))
            // A client that is silent between requests may be about to send the next one: its turn comes last.
            .min_by_key(|(_, connection)| (connection.phase() == Phase::Idle, connection.since()))
            .map(|(id, _)| *id)
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Full {
    /// All places are of clients that are being served or have only just come.
    Everywhere,
    /// All places of this address are of clients that are being served.
    OfAddress,
}

/// How long a new connection keeps its place, whatever it does.
const MOMENT: Duration = Duration::from_millis(250);
/// How long a new connection waits for a place, and others behind it: served clients are done, as a rule, much sooner.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);

/// A connection's place, to be given back with [`Registry::leave`].
pub(super) struct ConnectionSlot {
    id: u64,
    pub(super) connection: Arc<Connection>,
}

/// What is counted of connections.
#[derive(Clone, Default)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    refused: Counter,
    evicted: Counter,
    accept_failures: Counter,
}

impl ConnectionMetrics {
    pub(crate) fn register(&self, registry: &mut Metrics) {
        registry.register("connections_open", "Connections of clients", self.open.clone());
        registry.register(
            "connections_refused",
            "Connections closed at once: all places were taken by clients being served",
            self.refused.clone(),
        );
        registry.register(
            "connections_evicted",
            "Waiting connections closed because their place was needed",
            self.evicted.clone(),
        );
        registry.register(
            "accept_failures",
            "Times that no connection could be accepted, for want of descriptors or memory",
            self.accept_failures.clone(),
        );
    }

    pub(super) fn accept_failed(&self) {
        self.accept_failures.inc();
    }

    fn count(&self, open: usize) {
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    async fn phases(registry: &Registry, address: IpAddr, phases: &[Phase]) -> Vec<ConnectionSlot> {
        let mut places = Vec::new();
        for phase in phases {
            let place = registry.enter(address).await.expect("there is room");
            place.connection.enter(*phase);
            places.push(place);
        }
        tokio::time::advance(MOMENT).await;
        places
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_last_gets_the_place_of_who_keeps_us_waiting() {
        let registry = Registry::new(2, 2, ConnectionMetrics::default());
        let places = phases(&registry, A, &[Phase::Working, Phase::Stalled]).await;
        assert!(registry.enter(B).await.is_some());
        places[1].connection.evicted().await;
        assert_eq!(registry.open(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_an_answer_unread_goes_before_who_only_keeps_a_connection() {
        let registry = Registry::new(2, 2, ConnectionMetrics::default());
        let places = phases(&registry, A, &[Phase::Idle, Phase::Stalled]).await;
        assert!(registry.enter(B).await.is_some());
        places[1].connection.evicted().await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_being_served_keeps_their_place() {
        let registry = Registry::new(2, 2, ConnectionMetrics::default());
        let _places = phases(&registry, A, &[Phase::Working, Phase::Working]).await;
        assert!(registry.enter(B).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_only_just_come_has_a_moment_to_ask() {
        let registry = Registry::new(2, 2, ConnectionMetrics::default());
        let served = phases(&registry, A, &[Phase::Working]).await;
        let fresh = registry.enter(B).await.expect("there is room");
        assert_eq!(registry.try_enter(B).err(), Some(Full::Everywhere));
        // Whoever is done sooner makes room; nobody who waits is turned away for it.
        let (next, ()) = tokio::join!(registry.enter(B), async {
            tokio::time::sleep(PAUSE * 2).await;
            served[0].connection.enter(Phase::Idle);
        });
        assert!(next.is_some());
        served[0].connection.evicted().await;
        tokio::time::advance(MOMENT).await;
        assert!(registry.try_enter(A).is_ok());
        fresh.connection.evicted().await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_makes_room_among_its_own_and_waits_for_nobody() {
        let registry = Registry::new(10, 2, ConnectionMetrics::default());
        let _theirs = phases(&registry, B, &[Phase::Idle]).await;
        let _ours = phases(&registry, A, &[Phase::Working, Phase::Working]).await;
        assert_eq!(registry.try_enter(A).err(), Some(Full::OfAddress));
        assert!(registry.enter(B).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_was_left_is_free() {
        let registry = Registry::new(1, 1, ConnectionMetrics::default());
        let places = phases(&registry, A, &[Phase::Working]).await;
        registry.leave(&places[0]);
        registry.leave(&places[0]);
        assert!(registry.enter(B).await.is_some());
    }
}
