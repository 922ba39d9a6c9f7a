//! Records who has used which sealed key: after the answer, in the background, several of a token's in one statement.
//!
//! No call waits for it. What waits to be written is lost if the process is killed, and what comes while [`MOST`] wait, which
//! takes a database that is away: both are of a moment, and the second is counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use identity::Claims;
use poem::http::Method;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use reqwest::{StatusCode, Url};
use store::Store;
use store::rows::key_uses::{self, NewKeyUse};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::relay::{Service, decoded};

/// Uses that wait at most.
const MOST: usize = 10_000;
/// Of those so many are taken at a time.
const BATCH: usize = 500;
/// Tokens whose uses are written at the same time.
const WRITERS: usize = 4;
/// How often they are written, if the database doesn't take them.
const TRIES: u32 = 20;
/// Before the second time; doubled each time, up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// How long a service that stops writes what is left.
const LAST: Duration = Duration::from_secs(2);

/// A use, and whose.
type Used = (Claims, NewKeyUse);

/// What is counted of uses.
#[derive(Clone, Default)]
pub(crate) struct KeyUseMetrics {
    recorded: Counter,
    lost: Counter,
}

impl KeyUseMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let (recorded, lost) = (self.recorded.clone(), self.lost.clone());
        registry.register(
            "key_uses_recorded",
            "Uses of sealed keys that were recorded",
            recorded,
        );
        registry.register(
            "key_uses_lost",
            "Uses of sealed keys that could not be recorded",
            lost,
        );
    }
}

/// Takes uses to be recorded.
#[derive(Clone)]
pub(crate) struct KeyUses {
    queue: mpsc::Sender<Used>,
    metrics: KeyUseMetrics,
}

/// Uses that wait to be written.
pub(crate) struct KeyUseQueue {
    queue: mpsc::Receiver<Used>,
    metrics: KeyUseMetrics,
}

/// A place for uses, and what writes them.
pub(crate) fn queue(metrics: &KeyUseMetrics) -> (KeyUses, KeyUseQueue) {
    let (sender, receiver) = mpsc::channel(MOST);
    let uses = KeyUses {
        queue: sender,
        metrics: metrics.clone(),
    };
    let queue = KeyUseQueue {
        queue: receiver,
        metrics: metrics.clone(),
    };
    (uses, queue)
}

/// A use that goes on. Dropped, it is recorded as far as it came.
pub(crate) struct PendingKeyUse {
    uses: KeyUses,
    claims: Claims,
    used: NewKeyUse,
    since: Instant,
    sent: Arc<AtomicU64>,
    is_answered: bool,
}

impl KeyUses {
    /// A key of the caller's is about to be sent to an address, of whose path is kept what isn't secret.
    pub(crate) fn begin(
        &self,
        claims: &Claims,
        service: Service,
        method: &Method,
        url: &Url,
        is_secret: impl Fn(&[u8]) -> bool,
    ) -> PendingKeyUse {
        #[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
        let now = chrono::Utc::now();
        PendingKeyUse {
            uses: self.clone(),
            claims: claims.clone(),
            used: NewKeyUse {
                sent_at: now,
                service: service.name(),
                method: method.as_str().chars().take(20).collect(),
                host: url.host_str().unwrap_or_default().to_owned(),
                path: shown(url.path(), is_secret),
                status: None,
                duration_ms: 0,
                bytes_out: 0,
                bytes_in: 0,
            },
            since: Instant::now(),
            sent: Arc::default(),
            is_answered: false,
        }
    }
}

impl PendingKeyUse {
    /// Counts the bytes of the body that is sent.
    pub(crate) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    /// The provider's answer begins.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.used.status = Some(i32::from(status.as_u16()));
        self.timed();
    }

    /// So many bytes of its body are here.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.used.bytes_in += i64::try_from(bytes).unwrap_or(i64::MAX);
    }

    fn timed(&mut self) {
        self.is_answered = true;
        let elapsed = self.since.elapsed().as_millis();
        self.used.duration_ms = i32::try_from(elapsed).unwrap_or(i32::MAX);
    }
}

impl Drop for PendingKeyUse {
    fn drop(&mut self) {
        if !self.is_answered {
            self.timed();
        }
        let sent = self.sent.load(Ordering::Relaxed);
        self.used.bytes_out = i64::try_from(sent).unwrap_or(i64::MAX);
        let used = (self.claims.clone(), self.used.clone());
        if self.uses.queue.try_send(used).is_err() {
            self.uses.metrics.lost.inc();
        }
    }
}

/// Writes uses until it is told to finish.
pub(crate) struct KeyUseWriter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl KeyUseQueue {
    /// Starts to write.
    pub(crate) fn write_to(self, store: Arc<Store>) -> KeyUseWriter {
        let (stop, stopped) = oneshot::channel();
        KeyUseWriter {
            stop,
            task: tokio::spawn(self.write(store, stopped)),
        }
    }

    async fn write(mut self, store: Arc<Store>, mut stopped: oneshot::Receiver<()>) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                taken = self.queue.recv_many(&mut batch, BATCH) => if taken == 0 { return },
                _ = &mut stopped, if !self.queue.is_closed() => self.queue.close(),
            }
            self.write_batch(&store, &batch).await;
            batch.clear();
        }
    }

    async fn write_batch(&self, store: &Store, batch: &[Used]) {
        let mut by_token: HashMap<&str, Vec<&Used>> = HashMap::new();
        for used in batch {
            by_token.entry(used.0.payload()).or_default().push(used);
        }
        let tokens = futures_util::stream::iter(by_token.into_values());
        let written = tokens.for_each_concurrent(WRITERS, async |uses| {
            self.write_uses(store, &uses).await;
        });
        written.await;
    }

    /// Writes uses of one token, which are those of one user.
    async fn write_uses(&self, store: &Store, uses: &[&Used]) {
        let Some((claims, _)) = uses.first() else { return };
        let mut tries = 0;
        while let Err(error) = key_uses::record(store, claims, uses.iter().map(|(_, used)| used)).await {
            tries += 1;
            if !error.is_passing() || tries == TRIES {
                tracing::warn!(%error, uses = uses.len(), "uses of keys are not recorded");
                self.metrics.lost.inc_by(uses.len() as u64);
                return;
            }
            tokio::time::sleep((PAUSE * 2_u32.pow(tries - 1)).min(LONGEST)).await;
        }
        self.metrics.recorded.inc_by(uses.len() as u64);
    }
}

impl KeyUseWriter {
    /// Writes what is left, as far as that is soon done.
    pub(crate) async fn finish(self) {
        drop(self.stop);
        if tokio::time::timeout(LAST, self.task).await.is_err() {
            tracing::warn!("the last uses of keys are not recorded");
        }
    }
}

/// What of a path is kept: words and ids. A part is `*` that may be a secret, since providers put tokens into paths
/// and longer ones than any id, or that names a person: an e-mail address, a number.
fn shown(path: &str, is_secret: impl Fn(&[u8]) -> bool) -> String {
    let part = |part: &str| {
        let plain = decoded(part).unwrap_or_default();
        let names_somebody = plain.contains(&b'@') || plain.starts_with(b"+");
        if plain.len() > LONGEST_ID || names_somebody || is_secret(&plain) {
            "*".to_owned()
        } else {
            part.to_owned()
        }
    };
    let parts: Vec<_> = path.split('/').map(part).collect();
    parts.join("/").chars().take(LONGEST_PATH).collect()
}

/// Of a UUID; the eight providers have none longer.
const LONGEST_ID: usize = 36;
/// As `mako.key_uses` takes it.
const LONGEST_PATH: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_path_words_and_ids_are_kept_and_neither_secrets_nor_people() {
        for (path, kept) in [
            (
                "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Calls.json",
                None,
            ),
            ("/assistant/0190c6f2-7f4e-7d1c-8000-000000000000", None),
            ("/services/data/v61.0/query/", None),
            ("/a%20b/c+d", None),
            (
                "/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe",
                Some("/*/getMe"),
            ),
            ("/hooks/abc-the-key-def/x", Some("/hooks/*/x")),
            ("/hooks/abc-%74he-key-def/x", Some("/hooks/*/x")),
            (
                "/contacts/v1/contact/email/jane%40example.com/profile",
                Some("/contacts/v1/contact/email/*/profile"),
            ),
            ("/v2/PhoneNumbers/+14155552671", Some("/v2/PhoneNumbers/*")),
            ("/v2/PhoneNumbers/%2B14155552671", Some("/v2/PhoneNumbers/*")),
        ] {
            let is_secret = |part: &[u8]| part.windows(7).any(|piece| piece == b"the-key");
            assert_eq!(shown(path, is_secret), kept.unwrap_or(path), "{path}");
        }
        let long = "/abc".repeat(100);
        assert_eq!(shown(&long, |_| false), long[..LONGEST_PATH]);
    }
}
