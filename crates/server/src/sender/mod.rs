//! Sends tenants' events to the receivers that they subscribed: signed, retried, and only what the owner may see.
//!
//! ```text
//! triggers ─► mako.event_deliveries ─► worker.rs: take ─► leases.rs: hold ─► payload.rs: read as the owner
//!              └ NOTIFY ─► wake.rs       └ note ◄─ attempt.rs: sign ─► post.rs ─► the receiver    (schedule.rs: and again)
//! ```

mod attempt;
mod leases;
mod measurements;
mod payload;
mod post;
mod receiver_url;
mod schedule;
mod wake;
mod worker;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use store::Store;
use store::rows::api_keys::SealedStore;
use store::rows::event_outbox::{self, TakenDelivery};

use attempt::Prepared;
pub(crate) use measurements::SenderMetrics;
use post::Poster;
pub(crate) use receiver_url::ReceiverUrls;
pub(crate) use worker::{PLACES, SenderWorker};

/// Sends events.
pub(crate) struct Sender {
    store: Arc<Store>,
    sealed_store: Arc<SealedStore>,
    receiver_urls: ReceiverUrls,
    poster: Poster,
    metrics: Arc<SenderMetrics>,
}

impl Sender {
    pub(crate) fn new(
        store: Arc<Store>,
        sealed_store: Arc<SealedStore>,
        receiver_urls: ReceiverUrls,
        metrics: Arc<SenderMetrics>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self {
            store,
            sealed_store,
            receiver_urls,
            poster: Poster::new()?,
            metrics,
        })
    }

    /// Reads what one tenant's deliveries tell, as their owner; those that are gone by now are left out.
    async fn read(&self, taken: &[TakenDelivery]) -> Result<Vec<Prepared>, store::Error> {
        let Some(Ok(claims)) = taken.first().map(TakenDelivery::claims) else {
            return Ok(Vec::new());
        };
        let ids: Vec<&str> = taken.iter().map(|delivery| delivery.id.as_str()).collect();
        let due = self.sealed_store.due_deliveries(&claims, &ids).await?;
        let said = payload::read(&self.store, &claims, &due).await?;
        let prepared = due.into_iter().zip(said).map(|(due, data)| Prepared {
            user_id: claims.user_id().to_owned(),
            due,
            data,
        });
        Ok(prepared.collect())
    }

    /// Measures what waits to be sent.
    async fn count_waiting(&self, now: DateTime<Utc>) {
        match event_outbox::backlog(&self.store).await {
            Ok(backlog) => {
                self.metrics.waiting.set(backlog.waiting);
                let overdue = backlog.due_since.map(|since| now - since);
                let overdue = overdue.and_then(|overdue| overdue.to_std().ok());
                self.metrics
                    .overdue
                    .set(overdue.unwrap_or_default().as_secs_f64());
            }
            Err(error) => tracing::debug!(%error, "what waits to be sent can't be counted now"),
        }
    }
}
