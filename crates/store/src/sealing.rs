//! With which keys are tenants' secrets sealed and opened? The only place of this crate that opens one.

use std::sync::Arc;

use seal::legacy::LegacyKey;
use seal::{KeyId, KeyRing, OpenError, SecretText, Slot};
use tokio::sync::OnceCell;

/// The key ring, and the way to open what the CRM itself sealed before. No `Debug`: it holds keys.
pub struct SealingKeys {
    ring: KeyRing,
    /// `ENCRYPTION_KEY` and the retired ones as texts: the CRM's passwords.
    passwords: Arc<Vec<SecretText>>,
    legacy: OnceCell<Vec<LegacyKey>>,
}

/// A secret that was opened.
pub(crate) struct Opened {
    pub(crate) secret: SecretText,
    /// Sealed by a retired key or in the CRM's format: to be sealed anew.
    pub(crate) stale: bool,
}

impl SealingKeys {
    /// `passwords` are the same keys as the ring's, as the texts that the CRM derives its key from.
    #[must_use]
    pub fn new(ring: KeyRing, passwords: Vec<SecretText>) -> Self {
        Self {
            ring,
            passwords: Arc::new(passwords),
            legacy: OnceCell::new(),
        }
    }

    /// The ring.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Which of these ids (as `sealed_by` columns hold them) belong to no key of the ring.
    pub(crate) fn unknown(&self, sealed_by: Vec<String>) -> Vec<String> {
        let known = |id: &String| id.parse::<KeyId>().is_ok_and(|id| self.ring.knows(id));
        sealed_by.into_iter().filter(|id| !known(id)).collect()
    }

    /// Opens a stored value, whatever sealed it.
    pub(crate) async fn open(&self, slot: &Slot<'_>, stored: &str) -> Result<Opened, OpenError> {
        if seal::legacy::is_legacy(stored) {
            let keys = self.legacy_keys().await;
            let secret = keys.iter().find_map(|key| key.open(stored).ok()).ok_or(OpenError)?;
            return Ok(Opened { secret, stale: true });
        }
        Ok(Opened {
            secret: self.ring.open(slot, stored)?,
            stale: self.ring.needs_resealing(stored),
        })
    }

    /// Derived when the first legacy value is met, once: scrypt takes tens of milliseconds for each key.
    async fn legacy_keys(&self) -> &[LegacyKey] {
        let derive = async || {
            let passwords = Arc::clone(&self.passwords);
            let derived = tokio::task::spawn_blocking(move || {
                passwords
                    .iter()
                    .map(|password| LegacyKey::derive(password.expose()))
                    .collect()
            });
            derived.await.unwrap_or_default()
        };
        self.legacy.get_or_init(derive).await
    }
}
