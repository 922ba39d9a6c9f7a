//! Keeps deliveries while the database is down: in files, sealed, each on the disk before its answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use prometheus_client::metrics::gauge::Gauge;
use seal::{SecretText, Slot};
use serde::{Deserialize, Serialize};
use store::rows::api_keys::SealedStore;
use webhooks::{Delivery, Source};

use super::IncomingDelivery;
use super::quota::{QuotaHolder, SpoolQuota};

/// A folder of deliveries.
#[derive(Clone)]
pub(crate) struct Spool {
    folder: Arc<Path>,
    next: Arc<AtomicU64>,
    quota: Arc<SpoolQuota>,
    depth: Gauge,
    aside: Gauge,
    writable: Arc<AtomicBool>,
}

/// A delivery as it waits. Holds credentials of the sender's: written sealed only.
#[derive(Deserialize, Serialize)]
struct SpooledFile {
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
    pub(crate) fn open(folder: &Path, depth: Gauge, aside: Gauge) -> Result<Self, String> {
        let unusable =
            |error: std::io::Error| format!("SPOOL_DIR {} can't be used: {error}", folder.display());
        make_private(folder).map_err(unusable)?;
        try_to_write(folder).map_err(unusable)?;
        let (mut waiting, mut put_aside, quota) = (0, 0, SpoolQuota::default());
        for entry in std::fs::read_dir(folder).map_err(unusable)? {
            let entry = entry.map_err(unusable)?;
            let path = entry.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                // Written by a process that ended before the file was whole: never acknowledged.
                Some("part" | PROBE) => std::fs::remove_file(&path).map_err(unusable)?,
                Some(state @ ("sealed" | ASIDE)) => {
                    if state == ASIDE {
                        put_aside += 1;
                    } else {
                        waiting += 1;
                    }
                    let size = entry.metadata().map_err(unusable)?.len();
                    quota.count(&share_of(&path), size);
                }
                _ => {}
            }
        }
        depth.set(waiting);
        aside.set(put_aside);
        Ok(Self {
            folder: folder.into(),
            next: Arc::default(),
            quota: Arc::new(quota),
            depth,
            aside,
            writable: Arc::new(AtomicBool::new(true)),
        })
    }

    /// Looks whether the folder still takes files, before the outage that needs it does.
    pub(super) fn probe(&self) {
        let found = try_to_write(&self.folder);
        let before = self.writable.swap(found.is_ok(), Ordering::Relaxed);
        match found {
            Err(error) if before => tracing::error!(%error, "SPOOL_DIR can't be written to"),
            Ok(()) if !before => tracing::info!("SPOOL_DIR can be written to again"),
            _ => {}
        }
    }

    /// Whether the folder took a file when it was looked at last.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Relaxed)
    }

    /// Keeps a delivery, if its share has room; when this returns it is on the disk.
    pub(super) async fn put(
        &self,
        sealed_store: &SealedStore,
        incoming: &IncomingDelivery,
        share: &QuotaHolder,
        addresses_known: bool,
    ) -> std::io::Result<()> {
        let delivery = &incoming.delivery;
        let waiting = SpooledFile {
            source: delivery.source().as_str().to_owned(),
            method: delivery.method().to_owned(),
            url: delivery.url().to_owned(),
            headers: delivery
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: STANDARD.encode(delivery.body()),
            endpoint_key: incoming.endpoint_key.clone(),
            at: incoming.at,
        };
        // By time, so that names sort in the order of arrival; the counter tells those of one moment apart.
        let name = format!(
            "{:020}-{:06}-{}-{}",
            incoming.at.timestamp_micros(),
            self.next.fetch_add(1, Ordering::Relaxed),
            uuid::Uuid::new_v4().simple(),
            share.name()
        );
        let text = SecretText::new(serde_json::to_string(&waiting)?);
        let sealed = sealed_store
            .seal(&slot(&name), &text)
            .ok_or_else(|| std::io::Error::other("it can't be sealed"))?;
        let (folder, size) = (Arc::clone(&self.folder), sealed.len() as u64);
        if !self.quota.take(share, size, addresses_known) {
            return Err(std::io::Error::other("the spool has no room for it"));
        }
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, sealed.as_bytes()))
            .await
            .map_err(std::io::Error::other)
            .flatten();
        match written {
            Ok(()) => drop(self.depth.inc()),
            Err(_) => self.quota.give_back(share, size),
        }
        written
    }

    /// The files that wait, in the order in which they came.
    pub(super) fn waiting(&self) -> std::io::Result<Vec<PathBuf>> {
        let files = files(&self.folder, "sealed")?;
        let count = |files: usize| i64::try_from(files).unwrap_or(i64::MAX);
        self.depth.set(count(files.len()));
        self.aside.set(count(self::files(&self.folder, ASIDE)?.len()));
        Ok(files)
    }

    /// The delivery in a file; None if it can't be opened, and then it is put aside.
    pub(super) async fn read(
        &self,
        sealed_store: &SealedStore,
        file: &Path,
    ) -> std::io::Result<Option<IncomingDelivery>> {
        let name = file
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let incoming = match std::fs::read_to_string(file) {
            Ok(sealed) => match sealed_store.open(&slot(name), &sealed).await {
                Some(text) => read_incoming(text.expose()),
                None => None,
            },
            // Another process was faster.
            Err(_) if std::fs::symlink_metadata(file).is_err() => return Ok(None),
            // Not text, no file, not to be read: whatever it is, it must not keep the others waiting.
            Err(_) => None,
        };
        if incoming.is_none() {
            tracing::error!(file = name, "a spooled delivery can't be opened; it is put aside");
            self.put_aside(file)?;
        }
        Ok(incoming)
    }

    /// The delivery was taken, or proves nothing.
    pub(super) fn remove(&self, file: &Path) -> std::io::Result<()> {
        let size = std::fs::symlink_metadata(file)?.len();
        std::fs::remove_file(file)?;
        self.depth.dec();
        self.quota.give_back(&share_of(file), size);
        Ok(())
    }

    /// The delivery can't be taken as things are: an operator who has mended them has it tried again (`retry`).
    /// It still counts as used space.
    pub(super) fn put_aside(&self, file: &Path) -> std::io::Result<()> {
        std::fs::rename(file, file.with_extension(ASIDE))?;
        self.depth.dec();
        self.aside.inc();
        Ok(())
    }
}

/// What an operator is shown of a delivery in a spool.
pub(crate) struct SpooledDelivery {
    /// The file's name without its ending.
    pub(crate) name: String,
    /// When the delivery arrived.
    pub(crate) at: Option<DateTime<Utc>>,
    /// Bytes on the disk.
    pub(crate) size: u64,
    /// Whether it was put aside; else it waits.
    pub(crate) aside: bool,
}

/// The deliveries in a folder: those put aside, then those that wait, each in the order of arrival.
pub(crate) fn kept(folder: &Path) -> std::io::Result<Vec<SpooledDelivery>> {
    let of = |ending: &'static str| -> std::io::Result<Vec<SpooledDelivery>> {
        Ok(files(folder, ending)?
            .into_iter()
            .map(|file| {
                let name = file
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let micros = name.split('-').next().and_then(|micros| micros.parse().ok());
                SpooledDelivery {
                    at: micros.and_then(DateTime::from_timestamp_micros),
                    size: std::fs::symlink_metadata(&file).map_or(0, |metadata| metadata.len()),
                    aside: ending == ASIDE,
                    name,
                }
            })
            .collect())
    };
    Ok([of(ASIDE)?, of("sealed")?].into_iter().flatten().collect())
}

/// Has deliveries that were put aside tried again, those named or all; the service takes them within a second.
pub(crate) fn retry(folder: &Path, names: &[String]) -> std::io::Result<usize> {
    let mut moved = 0;
    for file in files(folder, ASIDE)? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        if names.is_empty() || names.iter().any(|wanted| *wanted == name) {
            std::fs::rename(&file, file.with_extension("sealed"))?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// The ending of files that were put aside.
const ASIDE: &str = "aside";

/// The ending of files that only show whether there can be any.
const PROBE: &str = "probe";

/// Files with this ending, in the order of their names.
fn files(folder: &Path, ending: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    files.sort();
    Ok(files)
}

/// Whom a file counts for.
fn share_of(file: &Path) -> QuotaHolder {
    QuotaHolder::of(&file.file_stem().unwrap_or_default().to_string_lossy())
}

/// Makes a file and removes it.
fn try_to_write(folder: &Path) -> std::io::Result<()> {
    let probe = folder
        .join(uuid::Uuid::new_v4().simple().to_string())
        .with_extension(PROBE);
    let written = std::fs::write(&probe, b"probe");
    // On a full disk the file is made all the same.
    let removed = std::fs::remove_file(&probe);
    written.and(removed)
}

fn read_incoming(text: &str) -> Option<IncomingDelivery> {
    let waiting: SpooledFile = serde_json::from_str(text).ok()?;
    let source: Source = waiting.source.parse().ok()?;
    let body = STANDARD.decode(&waiting.body).ok()?;
    Some(IncomingDelivery {
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
    let part = folder.join(name).with_extension("part");
    let written = write_whole(folder, &part, contents);
    if written.is_err() {
        // It was never acknowledged, and would take the room that others need.
        drop(std::fs::remove_file(&part));
    }
    written
}

fn write_whole(folder: &Path, part: &Path, contents: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(part, part.with_extension("sealed"))?;
    std::fs::File::open(folder)?.sync_all()
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}
