//! Takes a provider's delivery: verified, recorded once, routed, and acted on as the user whose it is.
//!
//! ```text
//! route.rs ─► Receiver::receive: verify ─► redact ─► parse ─► record ─► process.rs ─► effects.rs ─► answer
//!                 └ database down ─► spool.rs                                (background.rs: what was left undone)
//! ```

mod background;
mod drain;
mod effects;
mod measurements;
mod process;
mod quota;
mod route;
pub(crate) mod spool;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::Verified;
use store::Store;
use store::rows::api_keys::{KeyError, SealedStore};
use store::rows::router::{self, FoundEndpoint, NewEvent, RecordedEvent};
use store::rows::webhook_endpoints::key_hash;
use tokio::time::{Instant, timeout_at};
use webhooks::{
    Answer, Auth, Delivery, Event, Freshness, Recorded, Records, RoutingHint, Secret, Source, Unparsable,
    VerificationError, Zone,
};

pub(crate) use background::{BackgroundWorker, process_waiting};
pub(crate) use measurements::WebhookMetrics;
use process::{GRACE, LockWait, process};
pub(crate) use process::{ProcessResult, replay};
pub(crate) use quota::Addresses;
use quota::QuotaHolder;
pub(crate) use route::WebhookRoute;
pub(crate) use spool::Spool;

/// Receives deliveries.
pub(crate) struct Receiver {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed_store: Arc<SealedStore>,
    /// Secrets of the platform's own addresses.
    pub(crate) platform: HashMap<Source, Vec<Secret>>,
    /// What providers were told, without a trailing slash.
    pub(crate) base_url: String,
    /// Where deliveries wait while the database is down.
    pub(crate) spool: Option<Spool>,
    /// The tenants' own addresses that there are: during an outage they go before others.
    pub(crate) addresses: Addresses,
    pub(crate) measurements: Arc<WebhookMetrics>,
    /// How long a request may take until its answer starts.
    pub(crate) request_timeout: Duration,
}

/// A delivery and the address that it came in on.
#[derive(Clone)]
pub(crate) struct IncomingDelivery {
    pub(crate) delivery: Delivery,
    /// The key in the address; None on the platform's.
    pub(crate) endpoint_key: Option<String>,
    /// When it arrived: signed times are compared with this, also if it has been in the spool.
    pub(crate) at: DateTime<Utc>,
}

/// What was done with a delivery.
pub(crate) struct Received {
    pub(crate) answer: Answer,
    /// One, or those of a list in its order; none while it is in the spool.
    pub(crate) events: Vec<EventProgress>,
}

/// How far an event has come.
pub(crate) struct EventProgress {
    pub(crate) known: RecordedEvent,
    pub(crate) processed: ProcessResult,
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// There is no endpoint with this key.
    #[error("there is no such endpoint")]
    NoEndpoint,
    /// It proves nothing.
    #[error(transparent)]
    Refused(#[from] VerificationError),
    /// It can't be read.
    #[error(transparent)]
    Unparsable(#[from] Unparsable),
    /// The endpoint's secrets can't be opened, or its settings can't be read.
    #[error("the endpoint's secret can't be opened")]
    Sealed,
    /// The database is down; whether the delivery had been verified by then.
    #[error("{0}")]
    Down(store::Error, bool),
    /// The database refused the record.
    #[error("{0}")]
    Database(store::Error),
}

/// A delivery that has proved itself, and what it says.
struct Recognised {
    source: Source,
    /// The endpoint that it came in on; None on the platform's address.
    endpoint: Option<String>,
    records: Records,
    arrived_at: DateTime<Utc>,
}

/// How a delivery is to prove itself.
struct Proof {
    endpoint: Option<FoundEndpoint>,
    auth: Auth,
    secrets: Vec<Secret>,
    zone: Zone,
}

impl Receiver {
    /// Takes a delivery; what can't be recorded now, or isn't by `until`, waits in the spool, if there is one.
    pub(crate) async fn receive(
        &self,
        incoming: IncomingDelivery,
        until: Instant,
    ) -> Result<Received, ReceiveError> {
        let source = incoming.delivery.source();
        let spare = self.spool.is_some().then(|| incoming.clone());
        let taken = self.take_until(incoming, until).await;
        let Err(ReceiveError::Down(error, verified)) = taken else {
            return taken;
        };
        let (Some(spool), Some(incoming)) = (&self.spool, spare) else {
            return Err(ReceiveError::Down(error, verified));
        };
        tracing::warn!(source = source.as_str(), %error, "the database is down: a delivery goes to the spool");
        match self.keep(spool, &incoming, verified).await {
            Ok(()) => Ok(Received {
                answer: provisional(source),
                events: Vec::new(),
            }),
            Err(failure) => {
                tracing::error!(error = %failure, "the spool takes nothing");
                Err(ReceiveError::Down(error, verified))
            }
        }
    }

    async fn keep(&self, spool: &Spool, incoming: &IncomingDelivery, verified: bool) -> std::io::Result<()> {
        let share = match &incoming.endpoint_key {
            Some(key) if !verified => self.addresses.share(&key_hash(key)),
            _ => QuotaHolder::Verified,
        };
        spool
            .put(&self.sealed_store, incoming, &share, self.addresses.are_known())
            .await
    }

    /// Verifies, records and processes, or says at which step it ended.
    pub(crate) async fn take(&self, incoming: IncomingDelivery) -> Result<Received, ReceiveError> {
        self.take_until(incoming, Instant::now() + self.request_timeout)
            .await
    }

    /// A database that doesn't answer is one that is away; once its events are recorded, acting on them can wait.
    async fn take_until(&self, incoming: IncomingDelivery, until: Instant) -> Result<Received, ReceiveError> {
        let recognised = self.recognise_until(incoming, until).await?;
        self.take_recognised(&recognised, until).await
    }

    async fn recognise_until(
        &self,
        incoming: IncomingDelivery,
        until: Instant,
    ) -> Result<Recognised, ReceiveError> {
        let recognised = timeout_at(until, self.recognise(incoming)).await;
        recognised.map_err(|_| late(false))?
    }

    async fn take_recognised(
        &self,
        recognised: &Recognised,
        until: Instant,
    ) -> Result<Received, ReceiveError> {
        let source = recognised.source;
        let taken = timeout_at(until, self.record_all(recognised)).await;
        let taken = taken.map_err(|_| late(true))??;
        let started = Instant::now();
        let (mut heard, mut events) = (Vec::new(), Vec::new());
        for (recorded, event, known) in taken {
            // Whoever sent a long list hears in time that it is recorded; the background worker processes the rest.
            let processed = if started.elapsed() < GRACE && Instant::now() < until {
                let processed = timeout_at(until, self.process(&known, recorded, &event)).await;
                processed.unwrap_or(ProcessResult::Later)
            } else {
                ProcessResult::Later
            };
            heard.push((event, freshness(&known)));
            events.push(EventProgress { known, processed });
        }
        let answer = match heard.as_slice() {
            [(event, freshness)] if !recognised.records.is_list => Answer::to(event, *freshness),
            list => Answer::to_list(source, list),
        };
        Ok(Received { answer, events })
    }

    async fn recognise(&self, incoming: IncomingDelivery) -> Result<Recognised, ReceiveError> {
        let source = incoming.delivery.source();
        let proof = self.proof(source, incoming.endpoint_key.as_deref()).await?;
        let verified = webhooks::verify(incoming.delivery, &proof.auth, &proof.secrets, incoming.at)
            .inspect_err(|refused| self.refuse(source, refused))?;
        self.measurements.verified(source);
        Ok(Recognised {
            source,
            endpoint: proof.endpoint.map(|endpoint| endpoint.id),
            records: webhooks::redact(&verified, proof.zone)?,
            arrived_at: incoming.at,
        })
    }

    /// All of a list are recorded before the first is acted on: the background worker finishes what is cut short.
    async fn record_all<'a>(
        &self,
        recognised: &'a Recognised,
    ) -> Result<Vec<(&'a Verified<Recorded>, Event, RecordedEvent)>, ReceiveError> {
        let mut taken = Vec::with_capacity(recognised.records.each.len());
        for recorded in &recognised.records.each {
            let event = webhooks::parse(recorded);
            let known = self.record(recognised, recorded, &event).await?;
            if !known.is_new {
                self.measurements.duplicate(event.source);
            }
            taken.push((recorded, event, known));
        }
        Ok(taken)
    }

    /// The endpoint's own way and secrets, or the platform's.
    async fn proof(&self, source: Source, key: Option<&str>) -> Result<Proof, ReceiveError> {
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

    async fn record(
        &self,
        recognised: &Recognised,
        recorded: &Verified<Recorded>,
        event: &Event,
    ) -> Result<RecordedEvent, ReceiveError> {
        // The sender may write the tenant's number in another way than it was verified.
        let numbers: Vec<String> = event
            .tenant_numbers()
            .flat_map(webhooks::PhoneNumber::spellings)
            .collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let calls: Vec<&str> = event
            .hints
            .iter()
            .filter_map(|hint| match hint {
                RoutingHint::Call(id) => Some(id.as_str()),
                _ => None,
            })
            .collect();
        let new = NewEvent {
            endpoint: recognised.endpoint.as_deref(),
            dedupe_key: &event.dedupe_key,
            event_type: &event.event_type,
            numbers: &numbers,
            call_id: event.call.provider.as_deref(),
            calls: &calls,
            arrived_at: recognised.arrived_at,
        };
        router::record(&self.store, recorded, &new)
            .await
            .map_err(|error| down_or_not(error, true))?
            .ok_or(ReceiveError::NoEndpoint)
    }

    /// Acts on a recorded event, if it is known whose it is and nobody has done so before.
    async fn process(
        &self,
        known: &RecordedEvent,
        recorded: &Verified<Recorded>,
        event: &Event,
    ) -> ProcessResult {
        let Some(user) = known.user_id.as_deref() else {
            if known.is_new {
                self.measurements.unrouted(event.source);
            }
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

fn late(verified: bool) -> ReceiveError {
    ReceiveError::Down(store::Error::Unavailable("no answer in time"), verified)
}

fn freshness(known: &RecordedEvent) -> Freshness {
    if known.is_new {
        Freshness::First
    } else {
        Freshness::Duplicate
    }
}

/// What a provider hears of a delivery that nobody has looked at yet.
fn provisional(source: Source) -> Answer {
    match source {
        Source::Twilio => Answer::NoContent,
        Source::Vapi => Answer::Ok,
        Source::Make => Answer::Json(serde_json::json!({"status": "spooled"})),
    }
}

fn down_or_not(error: store::Error, verified: bool) -> ReceiveError {
    if error.is_passing() {
        ReceiveError::Down(error, verified)
    } else {
        ReceiveError::Database(error)
    }
}
