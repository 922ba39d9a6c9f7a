//! The way of a delivery: authenticate, verify, redact, parse, record, route, apply, reply.

use chrono::{DateTime, Utc};
use identity::Verified;
use store::rows::api_keys::KeyError;
use store::rows::router::{self, FoundEndpoint, NewEvent, RecordedEvent};
use store::rows::webhook_endpoints::key_hash;
use tokio::time::{Instant, timeout_at};
use webhooks::{
    Answer, Auth, Delivery, Event, Freshness, Recorded, Records, RoutingHint, Secret, Source,
    VerificationError, Zone,
};

use super::process::{GRACE, LockWait, ProcessResult, process};
use super::{EventProgress, IncomingDelivery, ReceiveError, Received, Receiver};

/// A delivery that has proved itself, and what it says.
pub(super) struct Recognised {
    source: Source,
    /// The endpoint that it came in on; None on the platform's address.
    endpoint: Option<String>,
    pub(super) records: Records,
    arrived_at: DateTime<Utc>,
}

impl Recognised {
    /// What is recorded of one of its events.
    pub(super) fn new_event<'a>(&'a self, event: &'a Event) -> NewEvent<'a> {
        let call = |hint: &'a RoutingHint| match hint {
            RoutingHint::Call(id) => Some(id.as_str()),
            _ => None,
        };
        NewEvent {
            endpoint: self.endpoint.as_deref(),
            dedupe_key: &event.dedupe_key,
            event_type: &event.event_type,
            // The sender may write the tenant's number in another way than it was verified.
            numbers: event
                .tenant_numbers()
                .flat_map(webhooks::PhoneNumber::spellings)
                .collect(),
            call_id: event.call.provider.as_deref(),
            calls: event.hints.iter().filter_map(call).collect(),
            arrived_at: self.arrived_at,
        }
    }
}

/// How a delivery is to prove itself.
struct Proof {
    endpoint: Option<FoundEndpoint>,
    auth: Auth,
    secrets: Vec<Secret>,
    zone: Zone,
}

impl Receiver {
    /// Takes a delivery all the way, or says at which step it ended.
    pub(crate) async fn take(
        &self,
        incoming: IncomingDelivery,
        until: Instant,
    ) -> Result<Received, ReceiveError> {
        let recognised = self.recognise(incoming, until).await?;
        self.act_on(&recognised, until).await
    }

    /// Authenticate, verify, redact: before it has proved itself, nothing is done for a delivery.
    pub(super) async fn recognise(
        &self,
        incoming: IncomingDelivery,
        until: Instant,
    ) -> Result<Recognised, ReceiveError> {
        let IncomingDelivery {
            delivery,
            endpoint_key,
            at,
        } = incoming;
        let source = delivery.source();
        let proof = within(until, false, self.authenticate(source, endpoint_key.as_deref())).await?;
        let verified = self.verify(delivery, &proof, at)?;
        Ok(Recognised {
            source,
            endpoint: proof.endpoint.map(|endpoint| endpoint.id),
            records: webhooks::redact(&verified, proof.zone)?,
            arrived_at: at,
        })
    }

    /// Parse, record, route, apply, reply. All of a list are recorded before the first is acted on: what is cut short,
    /// the background worker finishes.
    pub(super) async fn act_on(
        &self,
        recognised: &Recognised,
        until: Instant,
    ) -> Result<Received, ReceiveError> {
        let parsed = recognised.records.each.iter();
        let parsed: Vec<_> = parsed.map(|record| (record, webhooks::parse(record))).collect();
        let routed = within(until, true, self.record_and_route(recognised, &parsed)).await?;
        let events = self.apply(&parsed, routed, until).await;
        Ok(Received {
            answer: reply(recognised, parsed, &events),
            events,
        })
    }

    /// How the delivery is to prove itself: by the endpoint's own way and secrets, or the platform's.
    async fn authenticate(&self, source: Source, key: Option<&str>) -> Result<Proof, ReceiveError> {
        let Some(key) = key else {
            return Ok(Proof {
                endpoint: None,
                auth: Auth::default_of(source),
                secrets: self.platform.get(&source).cloned().unwrap_or_default(),
                zone: Zone::default(),
            });
        };
        let hash = key_hash(key);
        let found = router::find_endpoint(&self.store, source, &hash)
            .await
            .map_err(|error| down_or_not(error, false))?;
        let endpoint = found.ok_or(ReceiveError::NoEndpoint)?;
        self.addresses.add(hash);
        let contents = self.sealed_store.open_endpoint(source.as_str(), &endpoint).await;
        let contents = contents.map_err(|error| match error {
            KeyError::Database(error) => down_or_not(error, false),
            _ => ReceiveError::Sealed,
        })?;
        Ok(Proof {
            auth: Auth::from_json(source, &endpoint.auth).map_err(|_| ReceiveError::Sealed)?,
            secrets: Secret::list(&contents.secrets).map_err(|_| ReceiveError::Sealed)?,
            zone: endpoint.timezone.parse().map_err(|_| ReceiveError::Sealed)?,
            endpoint: Some(endpoint),
        })
    }

    fn verify(
        &self,
        delivery: Delivery,
        proof: &Proof,
        at: DateTime<Utc>,
    ) -> Result<Verified<Delivery>, ReceiveError> {
        let source = delivery.source();
        let verified = webhooks::verify(delivery, &proof.auth, &proof.secrets, at)
            .inspect_err(|refused| self.refuse(source, refused))?;
        self.measurements.verified(source);
        Ok(verified)
    }

    async fn record_and_route(
        &self,
        recognised: &Recognised,
        parsed: &[(&Verified<Recorded>, Event)],
    ) -> Result<Vec<RecordedEvent>, ReceiveError> {
        let mut routed = Vec::with_capacity(parsed.len());
        for (record, event) in parsed {
            routed.push(self.record(recognised, record, event).await?);
        }
        Ok(routed)
    }

    /// Records an event once, and finds whose it is.
    async fn record(
        &self,
        recognised: &Recognised,
        recorded: &Verified<Recorded>,
        event: &Event,
    ) -> Result<RecordedEvent, ReceiveError> {
        router::record(&self.store, recorded, &recognised.new_event(event))
            .await
            .map_err(|error| down_or_not(error, true))?
            .inspect(|known| self.count_recorded(known, event))
            .ok_or(ReceiveError::NoEndpoint)
    }

    pub(super) fn count_recorded(&self, known: &RecordedEvent, event: &Event) {
        if !known.is_new {
            self.measurements.duplicate(event.source);
        } else if known.user_id.is_none() {
            self.measurements.unrouted(event.source);
        }
    }

    /// Whoever sent a long list hears in time that it is recorded; the background worker processes the rest.
    async fn apply(
        &self,
        parsed: &[(&Verified<Recorded>, Event)],
        routed: Vec<RecordedEvent>,
        until: Instant,
    ) -> Vec<EventProgress> {
        let started = Instant::now();
        let mut events = Vec::with_capacity(routed.len());
        for ((record, event), known) in parsed.iter().zip(routed) {
            let processed = if started.elapsed() < GRACE && Instant::now() < until {
                let processed = timeout_at(until, self.process(&known, record, event)).await;
                processed.unwrap_or(ProcessResult::Later)
            } else {
                ProcessResult::Later
            };
            events.push(EventProgress { known, processed });
        }
        events
    }

    /// Acts on a recorded event, if it is known whose it is and nobody has done so before.
    pub(super) async fn process(
        &self,
        known: &RecordedEvent,
        recorded: &Verified<Recorded>,
        event: &Event,
    ) -> ProcessResult {
        let Some(user) = known.user_id.as_deref() else {
            return ProcessResult::Unrouted;
        };
        // What failed before is for a replay to try again, not for a provider's repetition.
        if known.status != "received" {
            return ProcessResult::Before;
        }
        let processed = process(&self.store, &known.id, user, recorded, event, LockWait::ForHolder).await;
        if matches!(processed, ProcessResult::Failed(_)) {
            self.measurements.failed(event.source);
        }
        processed
    }

    fn refuse(&self, source: Source, refused: &VerificationError) {
        self.measurements.refused(source, refused.reason());
        // Says which address was tried, without its parameters and keys.
        tracing::warn!(source = source.as_str(), %refused, "a delivery was refused");
    }
}

/// What the provider hears of its events.
fn reply(
    recognised: &Recognised,
    parsed: Vec<(&Verified<Recorded>, Event)>,
    events: &[EventProgress],
) -> Answer {
    let freshness = |progress: &EventProgress| {
        if progress.known.is_new {
            Freshness::First
        } else {
            Freshness::Duplicate
        }
    };
    let heard = parsed.into_iter().zip(events);
    let heard: Vec<_> = heard
        .map(|((_, event), progress)| (event, freshness(progress)))
        .collect();
    match heard.as_slice() {
        [(event, freshness)] if !recognised.records.is_list => Answer::to(event, *freshness),
        list => Answer::to_list(recognised.source, list),
    }
}

/// A database that doesn't answer in time is one that is away.
async fn within<T>(
    until: Instant,
    verified: bool,
    asking: impl Future<Output = Result<T, ReceiveError>>,
) -> Result<T, ReceiveError> {
    timeout_at(until, asking)
        .await
        .map_err(|_| ReceiveError::Down(store::Error::Unavailable("no answer in time"), verified))?
}

fn down_or_not(error: store::Error, verified: bool) -> ReceiveError {
    if error.is_passing() {
        ReceiveError::Down(error, verified)
    } else {
        ReceiveError::Database(error)
    }
}
