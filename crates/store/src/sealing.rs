//! Seals and opens tenants' secrets. The only place of this crate that opens one.

use std::collections::BTreeSet;
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

/// A column of sealed values, and what makes a row of its table one of a user's several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealedColumn {
    pub(crate) schema: &'static str,
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// The column that, with `user_id`, names the row.
    pub(crate) row: &'static str,
    /// The column that holds the value's fingerprint, if one does.
    pub(crate) fingerprint: Option<&'static str>,
    /// The column that shows its last characters, if one does.
    pub(crate) hint: Option<&'static str>,
}

impl SealedColumn {
    /// Where a value of this column is sealed to: it opens for this user and this row only.
    pub(crate) fn slot<'a>(&self, user: &'a str, row: &'a str) -> Slot<'a> {
        Slot {
            table: self.table,
            column: self.column,
            user,
            row,
        }
    }
}

/// Tenants' keys for other services.
pub(crate) const API_KEYS: SealedColumn = SealedColumn {
    schema: "public",
    table: "api_keys",
    column: "encrypted_key",
    row: "service_name",
    fingerprint: Some("key_hash"),
    hint: Some("hint"),
};
/// Secrets that deliveries to tenants' own endpoints are verified with.
pub(crate) const WEBHOOK_SECRETS: SealedColumn = SealedColumn {
    schema: "public",
    table: "webhook_endpoints",
    column: "sealed_secret",
    row: "source",
    fingerprint: None,
    hint: None,
};
/// Secrets that what is sent to tenants' receivers is signed with.
pub(crate) const EVENT_SECRETS: SealedColumn = SealedColumn {
    schema: "mako",
    table: "event_subscriptions",
    column: "sealed_secret",
    row: "id",
    fingerprint: None,
    hint: None,
};
/// Every column of sealed values.
pub(crate) const COLUMNS: [SealedColumn; 3] = [API_KEYS, WEBHOOK_SECRETS, EVENT_SECRETS];

/// A secret that was opened.
pub(crate) struct OpenedSecret {
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
        let unknown: BTreeSet<_> = sealed_by.into_iter().filter(|id| !known(id)).collect();
        unknown.into_iter().collect()
    }

    /// Opens a stored value, whatever sealed it.
    pub(crate) async fn open(&self, slot: &Slot<'_>, stored: &str) -> Result<OpenedSecret, OpenError> {
        if seal::legacy::is_legacy(stored) {
            let keys = self.legacy_keys().await;
            let secret = keys
                .iter()
                .find_map(|key| key.open(stored).ok())
                .ok_or(OpenError)?;
            return Ok(OpenedSecret { secret, stale: true });
        }
        Ok(OpenedSecret {
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
