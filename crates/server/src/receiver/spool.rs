//! Where do deliveries wait while the database is down? In files, sealed, each on the disk before its answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use prometheus_client::metrics::gauge::Gauge;
use seal::{SecretText, Slot};
use serde::{Deserialize, Serialize};
use store::rows::api_keys::Vault;
use webhooks::{Delivery, Source};

use super::Arrival;

/// Bytes on the disk at most.
const MOST: u64 = 1024 * 1024 * 1024;
/// While it holds more than this, only what has been verified goes in: the secrets of tenants' own addresses can't be
/// asked for during an outage, and whoever can reach one may send anything.
const MOST_UNVERIFIED: u64 = 64 * 1024 * 1024;

/// A folder of deliveries.
#[derive(Clone)]
pub(crate) struct Spool {
    folder: Arc<Path>,
    next: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    depth: Gauge,
}

/// A delivery as it waits. Holds credentials of the sender's: written sealed only.
#[derive(Deserialize, Serialize)]
struct Waiting {
    source: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    endpoint_key: Option<String>,
    at: DateTime<Utc>,
}

impl Spool {
    /// Opens the folder, and makes it if it isn't there; the text names the fix.
    pub(crate) fn open(folder: &Path, depth: Gauge) -> Result<Self, String> {
        let unusable =
            |error: std::io::Error| format!("SPOOL_DIR {} can't be used: {error}", folder.display());
        make_private(folder).map_err(unusable)?;
        let (mut waiting, mut bytes) = (0, 0);
        for entry in std::fs::read_dir(folder).map_err(unusable)? {
            let entry = entry.map_err(unusable)?;
            let path = entry.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                // Written by a process that ended before the file was whole: never acknowledged.
                Some("part") => std::fs::remove_file(&path).map_err(unusable)?,
                Some("sealed") => {
                    waiting += 1;
                    bytes += entry.metadata().map_err(unusable)?.len();
                }
                _ => {}
            }
        }
        depth.set(waiting);
        Ok(Self {
            folder: folder.into(),
            next: Arc::default(),
            bytes: Arc::new(AtomicU64::new(bytes)),
            depth,
        })
    }

    /// Keeps a delivery; when this returns it is on the disk.
    pub(super) async fn put(&self, vault: &Vault, arrival: &Arrival, verified: bool) -> std::io::Result<()> {
        let most = if verified { MOST } else { MOST_UNVERIFIED };
        if self.bytes.load(Ordering::Relaxed) >= most {
            return Err(std::io::Error::other("the spool is full"));
        }
        let delivery = &arrival.delivery;
        let waiting = Waiting {
            source: delivery.source().as_str().to_owned(),
            method: delivery.method().to_owned(),
            url: delivery.url().to_owned(),
            headers: delivery
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: STANDARD.encode(delivery.body()),
            endpoint_key: arrival.endpoint_key.clone(),
            at: arrival.at,
        };
        // By time, so that names sort in the order of arrival; the counter tells those of one moment apart.
        let name = format!(
            "{:020}-{:06}-{}",
            arrival.at.timestamp_micros(),
            self.next.fetch_add(1, Ordering::Relaxed),
            uuid::Uuid::new_v4().simple()
        );
        let text = SecretText::new(serde_json::to_string(&waiting)?);
        let sealed = vault
            .seal(&slot(&name), &text)
            .ok_or_else(|| std::io::Error::other("it can't be sealed"))?;
        let (folder, size) = (Arc::clone(&self.folder), sealed.len() as u64);
        tokio::task::spawn_blocking(move || write(&folder, &name, sealed.as_bytes()))
            .await
            .map_err(std::io::Error::other)??;
        self.depth.inc();
        self.bytes.fetch_add(size, Ordering::Relaxed);
        Ok(())
    }

    /// The files that wait, in the order in which they came.
    pub(super) fn waiting(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&*self.folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "sealed"))
            .collect();
        files.sort();
        self.depth.set(i64::try_from(files.len()).unwrap_or(i64::MAX));
        Ok(files)
    }

    /// The delivery in a file; None if it can't be opened, and then it is put aside.
    pub(super) async fn read(&self, vault: &Vault, file: &Path) -> std::io::Result<Option<Arrival>> {
        let sealed = std::fs::read_to_string(file)?;
        let name = file
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let arrival = match vault.open(&slot(name), &sealed).await {
            Some(text) => arrival(text.expose()),
            None => None,
        };
        if arrival.is_none() {
            tracing::error!(file = name, "a spooled delivery can't be opened; it is put aside");
            self.put_aside(file)?;
        }
        Ok(arrival)
    }

    /// The delivery was taken, or proves nothing.
    pub(super) fn remove(&self, file: &Path) -> std::io::Result<()> {
        self.leaves(file)?;
        std::fs::remove_file(file)
    }

    /// The delivery can't be taken as things are: an operator who has mended them renames the file to `.sealed`.
    pub(super) fn put_aside(&self, file: &Path) -> std::io::Result<()> {
        self.leaves(file)?;
        std::fs::rename(file, file.with_extension("aside"))
    }

    fn leaves(&self, file: &Path) -> std::io::Result<()> {
        let size = std::fs::metadata(file)?.len();
        self.depth.dec();
        // Another process may have put it there: what isn't counted can't be taken off.
        let less = |bytes: u64| Some(bytes.saturating_sub(size));
        let _before = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        Ok(())
    }
}

fn arrival(text: &str) -> Option<Arrival> {
    let waiting: Waiting = serde_json::from_str(text).ok()?;
    let source: Source = waiting.source.parse().ok()?;
    let body = STANDARD.decode(&waiting.body).ok()?;
    Some(Arrival {
        delivery: Delivery::new(source, &waiting.method, &waiting.url, waiting.headers, body),
        endpoint_key: waiting.endpoint_key,
        at: waiting.at,
    })
}

/// A file's contents open under its own name only.
fn slot(name: &str) -> Slot<'_> {
    Slot {
        table: "spool",
        column: "delivery",
        user: "",
        row: name,
    }
}

/// The file, its name and its contents are on the disk when this returns.
fn write(folder: &Path, name: &str, contents: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let part = folder.join(name).with_extension("part");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&part, part.with_extension("sealed"))?;
    std::fs::File::open(folder)?.sync_all()
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}
