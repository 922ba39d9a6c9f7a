//! Spares providers that are down, and callers the wait for them: after [`FAILURES`] in a row a host isn't called for a
//! while, then tried with one call.
//!
//! That nobody can connect says something of the host, for every tenant. That it answers 502, 503 or 504, or not in time, may
//! be the doing of one tenant's requests, so it counts for that tenant alone: nobody closes a provider to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::service::Service;

/// So many in a row open a circuit.
const FAILURES: u32 = 5;
/// Those that lie further apart are not in a row.
const ROW: Duration = Duration::from_mins(1);
/// How long it is open at first; doubled each time that the call which tries fails.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A call that was given up after so long has not been answered in time.
const SLOW: Duration = Duration::from_secs(10);
/// Circuits that are remembered; each is of a host that fails.
const MOST: usize = 10_000;

/// Whose circuit it is: a host's, or a host's for one user.
#[derive(Clone, Eq, Hash, PartialEq)]
struct Party {
    host: String,
    user: Option<String>,
}

/// What is remembered of one that fails; of others nothing is.
struct Circuit {
    failures: u32,
    /// When it failed last, or was tried last.
    last: Instant,
    /// Until when nobody calls; None while the circuit is closed.
    open_until: Option<Instant>,
    open_for: Duration,
    is_tried: bool,
}

/// What is counted of circuits.
#[derive(Clone, Default)]
pub(crate) struct CircuitMetrics {
    opened: Family<ByService, Counter>,
    refused: Family<ByService, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByService {
    service: &'static str,
}

impl CircuitMetrics {
    /// Registers the counters, at zero, so that the first is seen as a change.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for service in Service::all() {
            let service = service.name();
            drop(self.opened.get_or_create(&ByService { service }));
            drop(self.refused.get_or_create(&ByService { service }));
        }
        let (opened, refused) = (self.opened.clone(), self.refused.clone());
        registry.register(
            "relay_circuits_opened",
            "Times that a provider's host was found to be down",
            opened,
        );
        registry.register(
            "relay_calls_refused",
            "Calls that were not made, since the provider is down",
            refused,
        );
    }
}

/// The circuits of this process.
#[derive(Clone, Default)]
pub(super) struct Circuits {
    failing: Arc<Mutex<HashMap<Party, Circuit>>>,
    metrics: CircuitMetrics,
}

/// How a call ended, as far as the provider is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It answered.
    Answered,
    /// It answered that it can't, or not in time.
    Failing,
    /// It can't be reached.
    Unreachable,
    /// It is the caller who was slow, or went away.
    Unknown,
}

/// Leave to make a call; whatever becomes of that is told to it.
pub(super) struct Permit {
    circuits: Circuits,
    /// The host, and the host for the user; of each whether this call tries it.
    parties: [(Party, bool); 2],
    service: Service,
    since: Instant,
    outcome: Outcome,
    /// Whether no answer in time would be the provider's fault.
    is_sent_at_once: bool,
}

impl Circuits {
    pub(super) fn new(metrics: CircuitMetrics) -> Self {
        Self {
            failing: Arc::default(),
            metrics,
        }
    }

    /// Leave for a user's call of a host, or how long to wait. `is_sent_at_once`: no body of the caller's is waited for.
    pub(super) fn permit(
        &self,
        service: Service,
        host: &str,
        user: &str,
        is_sent_at_once: bool,
    ) -> Result<Permit, Duration> {
        let of = |user: Option<&str>| Party {
            host: host.to_owned(),
            user: user.map(str::to_owned),
        };
        let parties = [of(None), of(Some(user))];
        let (mut failing, now) = (self.lock(), Instant::now());
        let waits = parties.iter().filter_map(|party| failing.get(party)?.wait(now));
        let closed = waits.max();
        if let Some(wait) = closed {
            let service = service.name();
            self.metrics.refused.get_or_create(&ByService { service }).inc();
            return Err(wait);
        }
        // Of an open one it is the call that tries.
        let parties = parties.map(|party| {
            let open = failing
                .get_mut(&party)
                .filter(|circuit| circuit.open_until.is_some());
            let tries = open.map(|circuit| circuit.is_tried = true).is_some();
            (party, tries)
        });
        drop(failing);
        Ok(Permit {
            circuits: self.clone(),
            parties,
            service,
            since: now,
            outcome: Outcome::Unknown,
            is_sent_at_once,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Party, Circuit>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, (party, tries): &(Party, bool), service: Service) {
        let (mut failing, now) = (self.lock(), Instant::now());
        if failing.len() >= MOST {
            failing.retain(|_, circuit| !circuit.is_past(now));
        }
        if failing.len() >= MOST && !failing.contains_key(party) {
            return;
        }
        let circuit = failing.entry(party.clone()).or_insert_with(|| Circuit::new(now));
        if circuit.fails(now, *tries) {
            tracing::warn!(
                service = service.name(),
                for_all = party.user.is_none(),
                "a provider is down"
            );
            let service = service.name();
            self.metrics.opened.get_or_create(&ByService { service }).inc();
        }
    }
}

impl Circuit {
    fn new(now: Instant) -> Self {
        Self {
            failures: 0,
            last: now,
            open_until: None,
            open_for: FIRST,
            is_tried: false,
        }
    }

    fn is_past(&self, now: Instant) -> bool {
        now.duration_since(self.last) > ROW
    }

    /// How long nobody calls; None if this call may.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let until = self.open_until?;
        if until > now {
            Some(until - now)
        } else if self.is_tried {
            Some(FIRST)
        } else {
            None
        }
    }

    /// One more failure, of the call that `tries` perhaps; whether that opens it.
    fn fails(&mut self, now: Instant, tries: bool) -> bool {
        if self.is_past(now) {
            *self = Self::new(now);
        }
        self.failures += 1;
        self.last = now;
        match self.open_until {
            None if self.failures < FAILURES => return false,
            None => {}
            // Of calls that were under way when it was opened.
            Some(_) if !tries => return false,
            Some(_) => self.open_for = (self.open_for * 2).min(LONGEST),
        }
        self.open_until = Some(now + self.open_for);
        true
    }
}

impl Permit {
    /// How the call ended.
    pub(super) fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let is_slow = self.is_sent_at_once && self.since.elapsed() >= SLOW;
        let [host, user] = &self.parties;
        match self.outcome {
            Outcome::Answered => {
                let mut failing = self.circuits.lock();
                failing.remove(&host.0);
                failing.remove(&user.0);
            }
            Outcome::Unreachable => self.circuits.failed(host, self.service),
            Outcome::Failing => {
                self.circuits.lock().remove(&host.0);
                self.circuits.failed(user, self.service);
            }
            Outcome::Unknown if is_slow => self.circuits.failed(user, self.service),
            Outcome::Unknown => {}
        }
        let mut failing = self.circuits.lock();
        for (party, _) in self.parties.iter().filter(|(_, tries)| *tries) {
            if let Some(circuit) = failing.get_mut(party) {
                circuit.is_tried = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(circuits: &Circuits, user: &str) -> Result<Permit, Duration> {
        circuits.permit(Service::twilio(), "api.example.com", user, true)
    }

    fn fail(circuits: &Circuits, user: &str, outcome: Outcome) {
        permit(circuits, user).expect("it may").ended(outcome);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_cannot_be_reached_is_left_alone_then_tried_by_one_and_opened_for_all_when_it_answers()
     {
        let circuits = Circuits::default();
        for n in 0..FAILURES {
            fail(&circuits, &format!("user {n}"), Outcome::Unreachable);
        }
        assert_eq!(permit(&circuits, "alice").err(), Some(FIRST));
        for longer in [
            FIRST,
            FIRST * 2,
            FIRST * 4,
            FIRST * 8,
            FIRST * 16,
            LONGEST,
            LONGEST,
        ] {
            tokio::time::advance(longer.saturating_sub(Duration::from_millis(1))).await;
            assert!(permit(&circuits, "bob").is_err(), "{longer:?}");
            tokio::time::advance(Duration::from_millis(1)).await;
            let trial = permit(&circuits, "alice").expect("the one that tries");
            assert!(permit(&circuits, "bob").is_err(), "one is enough");
            trial.ended(Outcome::Unreachable);
        }
        tokio::time::advance(LONGEST).await;
        drop(permit(&circuits, "alice").expect("one that is given up"));
        permit(&circuits, "alice")
            .expect("the next may try")
            .ended(Outcome::Answered);
        assert!(permit(&circuits, "bob").is_ok());
        assert!(circuits.lock().is_empty(), "nothing is remembered of what works");
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_tenants_requests_bring_about_closes_the_provider_to_nobody_else() {
        let circuits = Circuits::default();
        for _ in 0..FAILURES {
            fail(&circuits, "alice", Outcome::Failing);
        }
        assert!(permit(&circuits, "alice").is_err());
        assert!(permit(&circuits, "bob").is_ok());
        // A caller's patience is the caller's, unless it was long.
        for _ in 0..FAILURES {
            drop(permit(&circuits, "bob").expect("it may"));
        }
        assert!(permit(&circuits, "bob").is_ok());
        for _ in 0..FAILURES {
            let slow = permit(&circuits, "bob").expect("it may");
            tokio::time::advance(SLOW).await;
            drop(slow);
        }
        assert!(permit(&circuits, "bob").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_are_not_in_a_row_open_nothing() {
        let circuits = Circuits::default();
        for _ in 0..10 {
            for _ in 1..FAILURES {
                fail(&circuits, "alice", Outcome::Unreachable);
            }
            fail(&circuits, "alice", Outcome::Answered);
        }
        for _ in 0..10 {
            fail(&circuits, "alice", Outcome::Unreachable);
            tokio::time::advance(ROW + Duration::from_secs(1)).await;
        }
        assert!(permit(&circuits, "alice").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn of_hosts_that_fail_a_bounded_number_is_remembered() {
        let circuits = Circuits::default();
        for n in 0..MOST + 100 {
            let permit = circuits.permit(Service::twilio(), &format!("{n}.example.com"), "alice", true);
            permit.expect("it may").ended(Outcome::Unreachable);
        }
        assert_eq!(circuits.lock().len(), MOST);
        tokio::time::advance(ROW + Duration::from_secs(1)).await;
        fail(&circuits, "alice", Outcome::Unreachable);
        assert_eq!(circuits.lock().len(), 1);
    }
}
