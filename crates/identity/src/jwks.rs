//! Keeps the keys that are published now.
//!
//! A cache in front of the JWKS endpoint: keys are at most ten minutes old (Supabase publishes a new key
//! twenty minutes before it signs with it), one request asks and the others go on meanwhile, and neither an
//! outage nor a flood of made-up key ids reaches the endpoint more than it must. The HTTP is the caller's,
//! behind [`Fetch`], and so is the clock.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use crate::keys::KeySet;

/// Age from which keys are fetched anew.
const FRESH: Duration = Duration::from_mins(10);
/// Pause after a fetch that failed.
const RETRY: Duration = Duration::from_secs(5);
/// Pause between fetches for the sake of an unknown key id.
const UNKNOWN: Duration = Duration::from_secs(30);

/// Reads the JWKS document from where it is published.
pub trait Fetch: Send + Sync {
    /// One attempt. It must end by itself, in error after a few seconds, since a request waits for it, and
    /// should refuse a body of more than, say, a megabyte.
    fn fetch(&self) -> impl Future<Output = Result<Vec<u8>, FetchFailed>> + Send;
}

/// The document could not be had. Whoever fetched it has logged why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchFailed;

/// No keys were ever fetched, so nothing can be said about a token: not the sender's fault (503, not 401).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysUnavailable;

/// The last good key set, and when to ask for a newer one.
///
/// If the endpoint fails or answers something else than a key set, the last good one is used until it
/// recovers, however long that takes: signed-in users outlive an outage of their identity provider. To
/// forget keys at once, restart.
pub struct Cache<F> {
    fetcher: F,
    held: RwLock<Held>,
    /// Held by the one request that is asking.
    flight: Mutex<()>,
}

#[derive(Default)]
struct Held {
    keys: Option<Arc<KeySet>>,
    /// When the fetch of `keys` began.
    fetched: Option<SystemTime>,
    /// When the last fetch began. It may have been abandoned half-way by a caller that was dropped.
    attempted: Option<SystemTime>,
    /// Whether the last fetch ended, and in failure.
    failed: bool,
    /// When the last fetch for an unknown key id began.
    unknown: Option<SystemTime>,
}

impl<F: Fetch> Cache<F> {
    /// An empty cache; the first token that needs a key fetches them.
    pub fn new(fetcher: F) -> Self {
        Self {
            fetcher,
            held: RwLock::default(),
            flight: Mutex::new(()),
        }
    }

    /// The keys to verify with.
    ///
    /// # Errors
    /// [`KeysUnavailable`] if there never were any and they can't be had now.
    pub async fn keys(&self, now: SystemTime) -> Result<Arc<KeySet>, KeysUnavailable> {
        let Some(last_good) = self.read(|held| held.keys.clone()) else {
            return self.first_keys(now).await;
        };
        if self.read(|held| held.is_fresh(now) || held.was_attempted(now)) {
            return Ok(last_good);
        }
        // Whoever doesn't get to ask goes on with what there is.
        let Ok(_flight) = self.flight.try_lock() else {
            return Ok(last_good);
        };
        if self.read(|held| held.is_fresh(now) || held.was_attempted(now)) {
            // Someone asked between the look and the lock.
            return Ok(self.read(|held| held.keys.clone()).unwrap_or(last_good));
        }
        Ok(self.fetch(now).await.unwrap_or(last_good))
    }

    /// Keys fetched after `seen`, in which a token's key id was not found; None if there are none to be had
    /// yet. At most one fetch in thirty seconds, whoever asks and however often.
    pub async fn newer_than(&self, seen: &Arc<KeySet>, now: SystemTime) -> Option<Arc<KeySet>> {
        // When a key has just been rotated, everyone comes here at once: they wait for the one answer.
        let _flight = self.flight.lock().await;
        let held = self.read(|held| held.keys.clone());
        if held.as_ref().is_some_and(|held| !Arc::ptr_eq(held, seen)) {
            return held;
        }
        if self.read(|held| within(UNKNOWN, held.unknown, now) || (held.failed && held.was_attempted(now))) {
            return None;
        }
        self.write(|held| held.unknown = Some(now));
        self.fetch(now).await
    }

    /// Whether the last fetch failed, for health reports. The cache works on with the last good keys.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.read(|held| held.failed)
    }

    async fn first_keys(&self, now: SystemTime) -> Result<Arc<KeySet>, KeysUnavailable> {
        let _flight = self.flight.lock().await;
        if let Some(keys) = self.read(|held| held.keys.clone()) {
            return Ok(keys);
        }
        // An attempt that was abandoned tells nothing about the endpoint, so only a failure makes us wait.
        if self.read(|held| held.failed && held.was_attempted(now)) {
            return Err(KeysUnavailable);
        }
        self.fetch(now).await.ok_or(KeysUnavailable)
    }

    /// Asks the endpoint. Only for the holder of `flight`.
    async fn fetch(&self, now: SystemTime) -> Option<Arc<KeySet>> {
        self.write(|held| (held.failed, held.attempted) = (false, Some(now)));
        let keys = match self.fetcher.fetch().await {
            Ok(document) => KeySet::parse(&document).ok().map(Arc::new),
            Err(FetchFailed) => None,
        };
        self.write(|held| match &keys {
            Some(keys) => (held.keys, held.fetched) = (Some(Arc::clone(keys)), Some(now)),
            None => held.failed = true,
        });
        keys
    }

    // Nothing can panic while the lock is held, and a poisoned one would still hold a good set.

    fn read<T>(&self, look: impl FnOnce(&Held) -> T) -> T {
        look(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Held {
    fn is_fresh(&self, now: SystemTime) -> bool {
        within(FRESH, self.fetched, now)
    }

    fn was_attempted(&self, now: SystemTime) -> bool {
        within(RETRY, self.attempted, now)
    }
}

/// Whether `then` is at most `span` away. Before or after: concurrent requests bring times that differ a
/// little, and a clock that was set back must not make old keys fresh for hours.
fn within(span: Duration, then: Option<SystemTime>, now: SystemTime) -> bool {
    then.is_some_and(|then| {
        now.duration_since(then)
            .unwrap_or_else(|earlier| earlier.duration())
            <= span
    })
}

impl<F> fmt::Debug for Cache<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

impl fmt::Display for FetchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the JWKS document could not be fetched")
    }
}

impl std::error::Error for FetchFailed {}

impl fmt::Display for KeysUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keys that tokens are verified with are not available yet")
    }
}

impl std::error::Error for KeysUnavailable {}
