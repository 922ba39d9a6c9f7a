//! Takes a provider's delivery: verified, recorded once, routed, and acted on as the user whose it is.
//!
//! ```text
//! route.rs ─► Receiver::receive ─► pipeline.rs: authenticate, verify, redact, parse, record, route, apply, reply
//!                 └ database down ─► spool.rs ─► drain.rs ─► batch.rs    └ process.rs ─► crm
//! (background.rs: what was left undone)
//! ```

mod background;
mod batch;
mod drain;
mod live;
mod measurements;
mod pipeline;
mod process;
mod quota;
mod route;
pub(crate) mod spool;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use store::Store;
use store::rows::api_keys::SealedStore;
use store::rows::router::RecordedEvent;
use store::rows::webhook_endpoints::key_hash;
use tokio::time::Instant;
use webhooks::{Answer, Delivery, Secret, Source, Unparsable, VerificationError};

pub(crate) use background::{BackgroundWorker, process_waiting};
pub(crate) use live::LiveDeliveries;
pub(crate) use measurements::WebhookMetrics;
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
    /// What the spool makes way for.
    pub(crate) live: LiveDeliveries,
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

impl Receiver {
    /// Takes a delivery; what can't be recorded now, or isn't by `until`, waits in the spool, if there is one.
    pub(crate) async fn receive(
        &self,
        incoming: IncomingDelivery,
        until: Instant,
    ) -> Result<Received, ReceiveError> {
        let _live = self.live.begin();
        let source = incoming.delivery.source();
        let spare = self.spool.is_some().then(|| incoming.clone());
        let taken = self.take(incoming, until).await;
        let Err(ReceiveError::Down(error, verified)) = taken else {
            return taken;
        };
        let (Some(spool), Some(incoming)) = (&self.spool, spare) else {
            return Err(ReceiveError::Down(error, verified));
        };
        tracing::warn!(source = source.as_str(), %error, "the database is down: a delivery goes to the spool");
        match self.keep(spool, &incoming, verified).await {
            Ok(()) => Ok(Received {
                answer: Answer::to_unread(source),
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
}
