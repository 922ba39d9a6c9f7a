//! Whether the database still is what `mako prove` has proven, while the service runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use prove::{NotProven, Proof};
use tokio::task::JoinSet;

/// What a database that isn't the proven one any more does to the service.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OnDrift {
    /// It isn't ready.
    Unready,
    /// It is told.
    Warn,
}

/// What is known of the proof; the same for whoever has a clone.
#[derive(Clone, Default)]
pub(crate) struct ProofState {
    /// Why it doesn't hold any more.
    drift: Arc<Mutex<Option<String>>>,
    is_only_told: bool,
}

impl ProofState {
    fn new(on_drift: OnDrift) -> Self {
        Self {
            drift: Arc::default(),
            is_only_told: on_drift == OnDrift::Warn,
        }
    }

    /// Whether the database is another than the proven one.
    pub(crate) fn has_drifted(&self) -> bool {
        self.drift().is_some()
    }

    /// Why requests should go elsewhere.
    pub(crate) fn why_unready(&self) -> Option<String> {
        self.drift().filter(|_| !self.is_only_told)
    }

    fn drift(&self) -> Option<String> {
        self.drift.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says it once, when it begins and when it ends.
    fn set(&self, drift: Option<String>) {
        let mut known = self.drift.lock().unwrap_or_else(PoisonError::into_inner);
        match &drift {
            Some(why) if *known != drift => tracing::error!(%why, "what was proven doesn't hold any more"),
            None if known.is_some() => tracing::info!("the database is the proven one again"),
            _ => {}
        }
        *known = drift;
    }
}

/// A report that the service must be able to rely on.
pub(crate) struct RequiredProof {
    file: PathBuf,
    target: store::Target,
}

impl RequiredProof {
    pub(crate) fn new(file: PathBuf, target: store::Target) -> Self {
        Self { file, target }
    }

    /// Where the report is.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Refuses a database that isn't the one that the report proved, or has changed since.
    pub(crate) async fn check(&self) -> Result<(), Unproven> {
        let report = std::fs::read_to_string(&self.file).map_err(Unproven::refused)?;
        let proof = Proof::parse(&report).map_err(Unproven::refused)?;
        let client = store::admin::observer(&self.target)
            .await
            .map_err(Unproven::Unknown)?;
        match proof.holds(&client).await {
            Ok(()) => Ok(()),
            Err(NotProven::Error(error)) => Err(Unproven::Unasked(error)),
            Err(error) => Err(Unproven::refused(error)),
        }
    }

    /// Looks again and again, until what is answered is dropped; the report may be replaced meanwhile.
    pub(crate) fn keep_checking(self, every: Duration, on_drift: OnDrift) -> (ProofState, JoinSet<()>) {
        let state = ProofState::new(on_drift);
        let (told, mut checks) = (state.clone(), JoinSet::new());
        checks.spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                match self.check().await {
                    Ok(()) => told.set(None),
                    Err(Unproven::Refused(why)) => told.set(Some(why)),
                    // A database that is away says nothing about its policies; /ready looks at it by itself.
                    Err(error) => tracing::warn!(%error, "whether the proof holds isn't known"),
                }
            }
        });
        (state, checks)
    }
}

/// Why a proof isn't relied on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unproven {
    /// There is none for this database as it is.
    #[error("{0}")]
    Refused(String),
    /// The database can't be reached.
    #[error(transparent)]
    Unknown(store::admin::AdminError),
    /// The database didn't say.
    #[error(transparent)]
    Unasked(prove::Error),
}

impl Unproven {
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    fn refused(why: impl ToString) -> Self {
        Self::Refused(why.to_string())
    }
}
