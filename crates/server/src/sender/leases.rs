//! Holds what was taken until what became of it is noted.
//!
//! A lease is short, so that what a service that is gone had taken is soon another's; what takes longer to send is kept by
//! renewing it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::Store;
use store::rows::event_outbox::{self, TakenDelivery};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// For how long a service that isn't heard of keeps what it took.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// What has been held for so long is renewed: by then most has been sent.
const RENEWED: Duration = Duration::from_secs(3);

/// What this service holds, by id.
#[derive(Default)]
pub(super) struct Leases {
    held: Mutex<HashMap<String, Lease>>,
}

struct Lease {
    taken: TakenDelivery,
    since: Instant,
}

impl Lease {
    fn of(taken: TakenDelivery) -> Self {
        Self {
            taken,
            since: Instant::now(),
        }
    }
}

/// A delivery that is held, in a place of its own; dropping it leaves both to others.
pub(super) struct Held {
    id: String,
    leases: Arc<Leases>,
    _place: OwnedSemaphorePermit,
}

impl Leases {
    /// Holds a delivery. None: it is being sent already, since its lease ran out while the database was away; that is
    /// what it has been taken for again.
    pub(super) fn hold(self: &Arc<Self>, taken: &TakenDelivery, place: OwnedSemaphorePermit) -> Option<Held> {
        let before = self.held().insert(taken.id.clone(), Lease::of(taken.clone()));
        before.is_none().then(|| Held {
            id: taken.id.clone(),
            leases: Arc::clone(self),
            _place: place,
        })
    }

    /// Renews what has been held for a while.
    pub(super) async fn renew(&self, store: &Store) {
        let ageing: Vec<TakenDelivery> = {
            let held = self.held();
            let ageing = held.values().filter(|lease| lease.since.elapsed() >= RENEWED);
            ageing.map(|lease| lease.taken.clone()).collect()
        };
        if ageing.is_empty() {
            return;
        }
        match event_outbox::renew(store, &ageing, LEASE).await {
            Ok(renewed) => {
                let mut held = self.held();
                for taken in renewed {
                    if let Some(lease) = held.get_mut(&taken.id) {
                        *lease = Lease::of(taken);
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "what is being sent can't be kept now"),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The delivery, by its lease of now.
    pub(super) fn taken(&self) -> Option<TakenDelivery> {
        let held = self.leases.held();
        held.get(&self.id).map(|lease| lease.taken.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.held().remove(&self.id);
    }
}
