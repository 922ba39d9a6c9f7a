//! Takes a provider's delivery: verified, recorded once, routed, and acted on as the user whose it is.
//!
//! ```text
//! route.rs ─► Receiver::receive: verify ─► redact ─► parse ─► record ─► process.rs ─► effects.rs ─► answer
//!                 └ database down ─► spool.rs                                (keeper.rs: what was left undone)
//! ```

mod effects;
mod keeper;
mod measurements;
mod process;
mod room;
mod route;
pub(crate) mod spool;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::Verified;
use store::Store;
use store::rows::api_keys::{KeyError, Vault};
use store::rows::router::{self, FoundEndpoint, Known, NewEvent};
use store::rows::webhook_endpoints::key_hash;
use tokio::time::{Instant, timeout_at};
use webhooks::{
    Answer, Auth, Clue, Delivery, Event, Recorded, Records, Refused, Secret, Source, Standing, Unparsable,
    Zone,
};

use keeper::GRACE;
pub(crate) use keeper::{Keeper, process_waiting};
pub(crate) use measurements::Inbound;
pub(crate) use process::{Processed, replay};
use process::{Wait, process};
pub(crate) use room::Addresses;
use room::Share;
pub(crate) use route::Hook;
pub(crate) use spool::Spool;

/// Receives deliveries.
pub(crate) struct Receiver {
    pub(crate) store: Arc<Store>,
    pub(crate) vault: Arc<Vault>,
    /// Secrets of the platform's own addresses.
    pub(crate) platform: HashMap<Source, Vec<Secret>>,
    /// What providers were told, without a trailing slash.
    pub(crate) base_url: String,
    /// Where deliveries wait while the database is down.
    pub(crate) spool: Option<Spool>,
    /// The tenants' own addresses that there are: during an outage they go before others.
    pub(crate) addresses: Addresses,
    pub(crate) measurements: Arc<Inbound>,
    /// How long a request may take until its answer starts.
    pub(crate) request_timeout: Duration,
}

/// A delivery and the address that it came in on.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) delivery: Delivery,
    /// The key in the address; None on the platform's.
    pub(crate) endpoint_key: Option<String>,
    /// When it arrived: signed times are compared with this, also if it has been in the spool.
    pub(crate) at: DateTime<Utc>,
}

/// What was done with a delivery.
pub(crate) struct Receipt {
    pub(crate) answer: Answer,
    /// One, or those of a list in its order; none while it is in the spool.
    pub(crate) events: Vec<Receiving>,
}

/// How far an event has come.
pub(crate) struct Receiving {
    pub(crate) known: Known,
    pub(crate) processed: Processed,
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// There is no endpoint with this key.
    #[error("there is no such endpoint")]
    NoEndpoint,
    /// It proves nothing.
    #[error(transparent)]
    Refused(#[from] Refused),
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
    pub(crate) async fn receive(&self, arrival: Arrival, until: Instant) -> Result<Receipt, NotTaken> {
        let source = arrival.delivery.source();
        let spare = self.spool.is_some().then(|| arrival.clone());
        let taken = self.take_until(arrival, until).await;
        let Err(NotTaken::Down(error, verified)) = taken else {
            return taken;
        };
        let (Some(spool), Some(arrival)) = (&self.spool, spare) else {
            return Err(NotTaken::Down(error, verified));
        };
        tracing::warn!(source = source.as_str(), %error, "the database is down: a delivery goes to the spool");
        match self.keep(spool, &arrival, verified).await {
            Ok(()) => Ok(Receipt {
                answer: provisional(source),
                events: Vec::new(),
            }),
            Err(failure) => {
                tracing::error!(error = %failure, "the spool takes nothing");
                Err(NotTaken::Down(error, verified))
            }
        }
    }

    async fn keep(&self, spool: &Spool, arrival: &Arrival, verified: bool) -> std::io::Result<()> {
        let share = match &arrival.endpoint_key {
            Some(key) if !verified => self.addresses.share(&key_hash(key)),
            _ => Share::Verified,
        };
        spool
            .put(&self.vault, arrival, &share, self.addresses.are_known())
            .await
    }

    /// Verifies, records and processes, or says at which step it ended.
    pub(crate) async fn take(&self, arrival: Arrival) -> Result<Receipt, NotTaken> {
        self.take_until(arrival, Instant::now() + self.request_timeout)
            .await
    }

    /// A database that doesn't answer is one that is away; once its events are recorded, acting on them can wait.
    async fn take_until(&self, arrival: Arrival, until: Instant) -> Result<Receipt, NotTaken> {
        let late =
            |verified| move |_| NotTaken::Down(store::Error::Unavailable("no answer in time"), verified);
        let source = arrival.delivery.source();
        let recognised = timeout_at(until, self.recognise(arrival)).await;
        let recognised = recognised.map_err(late(false))??;
        let taken = timeout_at(until, self.record_all(&recognised)).await;
        let taken = taken.map_err(late(true))??;
        let started = Instant::now();
        let (mut heard, mut events) = (Vec::new(), Vec::new());
        for (recorded, event, known) in taken {
            // Whoever sent a long list hears in time that it is recorded, and the keeper looks at the rest from now on.
            let processed = if started.elapsed() < GRACE && Instant::now() < until {
                let processed = timeout_at(until, self.process(&known, recorded, &event)).await;
                processed.unwrap_or(Processed::Later)
            } else {
                Processed::Later
            };
            heard.push((event, standing(&known)));
            events.push(Receiving { known, processed });
        }
        let answer = match heard.as_slice() {
            [(event, standing)] if !recognised.records.is_list => Answer::to(event, *standing),
            list => Answer::to_list(source, list),
        };
        Ok(Receipt { answer, events })
    }

    async fn recognise(&self, arrival: Arrival) -> Result<Recognised, NotTaken> {
        let source = arrival.delivery.source();
        let proof = self.proof(source, arrival.endpoint_key.as_deref()).await?;
        let verified = webhooks::verify(arrival.delivery, &proof.auth, &proof.secrets, arrival.at)
            .inspect_err(|refused| self.refuse(source, refused))?;
        self.measurements.verified(source);
        Ok(Recognised {
            endpoint: proof.endpoint.map(|endpoint| endpoint.id),
            records: webhooks::redact(&verified, proof.zone)?,
            arrived_at: arrival.at,
        })
    }

    /// All of a list are recorded before the first is acted on: what is cut short then is done by the keeper.
    async fn record_all<'a>(
        &self,
        recognised: &'a Recognised,
    ) -> Result<Vec<(&'a Verified<Recorded>, Event, Known)>, NotTaken> {
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
    async fn proof(&self, source: Source, key: Option<&str>) -> Result<Proof, NotTaken> {
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
        let endpoint = found.ok_or(NotTaken::NoEndpoint)?;
        self.addresses.add(hash);
        let contents = self.vault.open_endpoint(source.as_str(), &endpoint).await;
        let contents = contents.map_err(|error| match error {
            KeyError::Database(error) => down_or_not(error, false),
            _ => NotTaken::Sealed,
        })?;
        Ok(Proof {
            auth: Auth::from_json(source, &endpoint.auth).map_err(|_| NotTaken::Sealed)?,
            secrets: Secret::list(&contents.secrets).map_err(|_| NotTaken::Sealed)?,
            zone: endpoint.timezone.parse().map_err(|_| NotTaken::Sealed)?,
            endpoint: Some(endpoint),
        })
    }

    async fn record(
        &self,
        recognised: &Recognised,
        recorded: &Verified<Recorded>,
        event: &Event,
    ) -> Result<Known, NotTaken> {
        let numbers: Vec<&str> = event
            .tenant_numbers()
            .map(webhooks::PhoneNumber::as_str)
            .collect();
        let calls: Vec<&str> = event
            .clues
            .iter()
            .filter_map(|clue| match clue {
                Clue::Call(id) => Some(id.as_str()),
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
            .ok_or(NotTaken::NoEndpoint)
    }

    /// Acts on a recorded event, if it is known whose it is and nobody has done so before.
    async fn process(&self, known: &Known, recorded: &Verified<Recorded>, event: &Event) -> Processed {
        let Some(user) = known.user_id.as_deref() else {
            if known.is_new {
                self.measurements.unrouted(event.source);
            }
            return Processed::Unrouted;
        };
        // What failed before is for a replay to try again, not for a provider's repetition.
        if known.status != "received" {
            return Processed::Before;
        }
        let processed = process(&self.store, &known.id, user, recorded, event, Wait::ForHolder).await;
        if matches!(processed, Processed::Failed(_)) {
            self.measurements.failed(event.source);
        }
        processed
    }

    fn refuse(&self, source: Source, refused: &Refused) {
        self.measurements.refused(source, refused.reason());
        // Says which address was tried, without its parameters and keys.
        tracing::warn!(source = source.as_str(), %refused, "a delivery was refused");
    }
}

fn standing(known: &Known) -> Standing {
    if known.is_new {
        Standing::First
    } else {
        Standing::Duplicate
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

fn down_or_not(error: store::Error, verified: bool) -> NotTaken {
    if error.is_passing() {
        NotTaken::Down(error, verified)
    } else {
        NotTaken::Database(error)
    }
}
