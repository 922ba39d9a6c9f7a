//! API keys: the tenant's keys for other services. Sealed before they are written, opened only to be used.
//!
//! The listing runs as `authenticated`, which has no right on the sealed column; everything else as
//! `mako_sealer`, under the same tenant floor.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use identity::Claims;
use seal::{SecretText, Slot};
use tokio_postgres::Row;

use super::oauth::Grant;
use super::values::Timestamp;
use crate::error::Error;
use crate::query::{Query, query};
use crate::sealing::{API_KEYS, SealingKeys};
use crate::tenant_tx::Store;

/// A row of `public.api_keys` without the key.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct ApiKey {
    pub service_name: String,
    pub is_active: bool,
    pub hint: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub last_ok_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    pub oauth: bool,
    pub expires_at: Option<DateTime<Utc>>,
    pub scopes: Option<Vec<String>>,
    pub account: Option<String>,
    /// Its time is over, and nothing renews it.
    pub is_expired: bool,
}

/// A key that was taken to be used now.
pub struct TakenKey {
    /// The key; of a grant the access token, written as a key is.
    pub secret: SecretText,
    /// Whether it is of a grant, not a key that the user saved.
    pub oauth: bool,
    /// What it needs before it is used.
    pub need: Need,
    /// Whether somebody is renewing it at this moment.
    pub is_leased: bool,
    /// Which one: a key that is saved in its place has a later time.
    pub saved_at: DateTime<Utc>,
    last_error: Option<String>,
    /// The provider took it within the last minute.
    is_fresh: bool,
}

/// What a key needs before it is used. Keys need nothing; access tokens have a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// To be renewed, by whoever gets the lease.
    Renewal,
    /// To be waited for: its time is over, and somebody is renewing it.
    Patience,
    /// What can't be had now: its time is over, and the provider has failed to renew it a moment ago.
    Recovery,
    /// A new authorisation: its time is over, and nothing renews it.
    Authorization,
}

impl Need {
    /// As `api_keys/take` has it.
    fn named(name: &str) -> Self {
        match name {
            "usable" => Self::Nothing,
            "due" => Self::Renewal,
            "awaited" => Self::Patience,
            "failing" => Self::Recovery,
            _ => Self::Authorization,
        }
    }
}

/// Why a saved key can't be used. Says nothing of the key.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyError {
    /// There is none, or it isn't the caller's.
    #[error("no key is saved")]
    Absent,
    /// The caller has disconnected the service.
    #[error("the service is disconnected")]
    Inactive,
    /// No key of the ring opens it: it was moved here, damaged, or sealed by a key that isn't configured.
    #[error("the saved key can't be opened")]
    Unreadable,
    /// The operating system gave no random bytes.
    #[error("the key can't be sealed")]
    Unsealable,
    /// The database.
    #[error(transparent)]
    Database(#[from] Error),
}

static LIST: Query = query!(Read "api_keys/list" []);
static SAVE: Query = query!(Sealer Write "api_keys/save" [TEXT, TEXT, TEXT, TEXT]);
static DEACTIVATE: Query = query!(Sealer Write "api_keys/deactivate" [TEXT]);
static PURGE: Query = query!(Sealer Write "api_keys/purge" [TEXT]);
static TAKE: Query = query!(Sealer Read "api_keys/take" [TEXT]);
static NOTE_USE: Query = query!(Sealer Write "api_keys/note_use" [TEXT]);
static RECORD_OUTCOME: Query = query!(Sealer Write "api_keys/record_outcome" [TEXT, TEXT, TIMESTAMPTZ]);
static FIND: Query = query!(Sealer Read "api_keys/find" [TEXT]);
static RESEAL: Query = query!(Sealer Write "api_keys/reseal" [TEXT, TEXT, TEXT, TEXT, TEXT]);
pub(crate) static QUERIES: &[&Query] = &[
    &LIST,
    &SAVE,
    &DEACTIVATE,
    &PURGE,
    &TAKE,
    &NOTE_USE,
    &RECORD_OUTCOME,
    &FIND,
    &RESEAL,
];

/// A key as it is stored.
pub(crate) struct StoredKey {
    pub(crate) sealed: String,
    pub(crate) fingerprint: String,
    pub(crate) hint: Option<String>,
}

impl StoredKey {
    /// Seals a key with the current master key.
    pub(crate) fn seal(keys: &SealingKeys, slot: &Slot<'_>, secret: &SecretText) -> Result<Self, KeyError> {
        let ring = keys.ring();
        Ok(Self {
            sealed: ring.seal(slot, secret).map_err(|_| KeyError::Unsealable)?,
            fingerprint: ring.fingerprint(slot, secret),
            hint: hint(secret),
        })
    }
}

/// The last four characters, and none of a key so short that they would tell much of it.
pub(crate) fn hint(secret: &SecretText) -> Option<String> {
    let length = secret.expose().chars().count();
    // The end of a JSON text, as grants and service accounts' keys are, tells one from another no better.
    let is_json = secret.expose().starts_with('{');
    (length >= 20 && !is_json).then(|| secret.expose().chars().skip(length - 4).collect())
}

/// Which services the caller has keys for.
pub async fn list(store: &Store, claims: &Claims) -> Result<Vec<ApiKey>, Error> {
    let rows = store.run(claims, &LIST, &[]).await?;
    Ok(rows.iter().map(ApiKey::from).collect())
}

/// Disconnects a service without destroying its key; false if none is saved.
pub async fn deactivate(store: &Store, claims: &Claims, service: &str) -> Result<bool, Error> {
    Ok(!store.run(claims, &DEACTIVATE, &[&service]).await?.is_empty())
}

/// Destroys a key; false if none is saved.
pub async fn purge(store: &Store, claims: &Claims, service: &str) -> Result<bool, Error> {
    Ok(!store.run(claims, &PURGE, &[&service]).await?.is_empty())
}

/// The store together with the sealing keys: only who holds it can save, use and check keys.
pub struct SealedStore {
    store: Arc<Store>,
    keys: SealingKeys,
}

impl SealedStore {
    /// A store's vault.
    #[must_use]
    pub fn new(store: Arc<Store>, keys: SealingKeys) -> Self {
        Self { store, keys }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn keys(&self) -> &SealingKeys {
        &self.keys
    }

    /// Seals a text that isn't a tenant's, such as a delivery that waits on the disk; None without random bytes.
    #[must_use]
    pub fn seal(&self, slot: &Slot<'_>, text: &SecretText) -> Option<String> {
        self.keys.ring().seal(slot, text).ok()
    }

    /// Opens what [`SealedStore::seal`] sealed for the same slot.
    pub async fn open(&self, slot: &Slot<'_>, sealed: &str) -> Option<SecretText> {
        Some(self.keys.open(slot, sealed).await.ok()?.secret)
    }

    /// Ids of master keys that stored values need and the ring lacks.
    pub async fn missing_keys(&self) -> Result<Vec<String>, Error> {
        Ok(self.keys.unknown(self.store.sealing_keys_in_use().await?))
    }

    /// Saves the caller's key for a service, in place of the one before, and connects the service.
    pub async fn save(
        &self,
        claims: &Claims,
        service: &str,
        secret: &SecretText,
    ) -> Result<ApiKey, KeyError> {
        let StoredKey {
            sealed,
            fingerprint,
            hint,
        } = StoredKey::seal(&self.keys, &API_KEYS.slot(claims.user_id(), service), secret)?;
        let rows = self
            .store
            .run_provisioned(claims, &SAVE, &[&service, &sealed, &fingerprint, &hint])
            .await?;
        rows.first().map(ApiKey::from).ok_or(KeyError::Absent)
    }

    /// The caller's key for a service, to be used now. `last_used_at` moves, by at least a second: calls by one key wait
    /// neither for each other nor for the disk.
    pub async fn take(&self, claims: &Claims, service: &str) -> Result<TakenKey, KeyError> {
        let rows = self.store.run(claims, &TAKE, &[&service]).await?;
        let row = rows.first().ok_or(KeyError::Absent)?;
        if !row.get::<_, bool>(1) {
            return Err(KeyError::Inactive);
        }
        if row.get(8) {
            self.store.run(claims, &NOTE_USE, &[&service]).await?;
        }
        let (opened, oauth) = (self.open_key(claims, service, row.get(0)).await?, row.get(5));
        let secret = if oauth {
            Grant::read(&opened).ok_or(KeyError::Unreadable)?.key()
        } else {
            opened
        };
        Ok(TakenKey {
            secret,
            oauth,
            need: Need::named(row.get(6)),
            is_leased: row.get::<_, Option<bool>>(7) == Some(true),
            saved_at: row.get(2),
            last_error: row.get(3),
            is_fresh: row.get::<_, Option<bool>>(4) == Some(true),
        })
    }

    /// Remembers what the provider's status says of the key that was taken: 401 and 403 refuse it, any other takes it.
    /// Written when that is news, and once a minute otherwise.
    pub async fn record_outcome(
        &self,
        claims: &Claims,
        service: &str,
        key: &TakenKey,
        status: u16,
    ) -> Result<(), Error> {
        let refusal = matches!(status, 401 | 403).then(|| format!("The provider answered {status}"));
        if refusal == key.last_error && (refusal.is_some() || key.is_fresh) {
            return Ok(());
        }
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&service, &refusal, &key.saved_at];
        self.store.run(claims, &RECORD_OUTCOME, &params).await?;
        Ok(())
    }

    /// Whether `secret` is the caller's saved key, without opening that where its fingerprint suffices.
    pub async fn matches(
        &self,
        claims: &Claims,
        service: &str,
        secret: &SecretText,
    ) -> Result<bool, KeyError> {
        let rows = self.store.run(claims, &FIND, &[&service]).await?;
        let row = rows.first().ok_or(KeyError::Absent)?;
        let (sealed, fingerprint): (&str, Option<&str>) = (row.get(0), row.get(1));
        let slot = API_KEYS.slot(claims.user_id(), service);
        if let Some(same) = fingerprint.and_then(|known| self.keys.ring().matches(&slot, secret, known)) {
            return Ok(same);
        }
        // The CRM's bare hash, or a fingerprint under a key that is gone: compared with the key itself.
        let saved = self.open_key(claims, service, sealed).await?;
        let fingerprint = self.keys.ring().fingerprint(&slot, &saved);
        Ok(self.keys.ring().matches(&slot, secret, &fingerprint) == Some(true))
    }

    /// Opens a stored value, and seals it anew if a retired key or the CRM had sealed it.
    pub(crate) async fn open_key(
        &self,
        claims: &Claims,
        service: &str,
        stored: &str,
    ) -> Result<SecretText, KeyError> {
        let slot = API_KEYS.slot(claims.user_id(), service);
        let Ok(opened) = self.keys.open(&slot, stored).await else {
            let sealed_by = seal::key_id(stored).map(|id| id.to_string());
            tracing::error!(service, sealed_by, "a saved key can't be opened");
            return Err(KeyError::Unreadable);
        };
        if opened.stale {
            let StoredKey {
                sealed,
                fingerprint,
                hint,
            } = StoredKey::seal(&self.keys, &slot, &opened.secret)?;
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&service, &stored, &sealed, &fingerprint, &hint];
            // The caller has what they came for; rotation finds the row again if this fails.
            if let Err(error) = self.store.run(claims, &RESEAL, &params).await {
                tracing::warn!(%error, service, "a key could not be sealed anew");
            }
        }
        Ok(opened.secret)
    }
}

impl From<&Row> for ApiKey {
    fn from(row: &Row) -> Self {
        Self {
            service_name: row.get(0),
            is_active: row.get(1),
            hint: row.get(2),
            created_at: row.get(3),
            updated_at: row.get(4),
            last_used_at: row.get(5),
            last_ok_at: row.get(6),
            last_error: row.get(7),
            oauth: row.get(8),
            expires_at: row.get::<_, Option<Timestamp>>(9).map(Into::into),
            scopes: row.get(10),
            account: row.get(11),
            is_expired: row.get::<_, Option<bool>>(12) == Some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_gives_no_hint() {
        let of = |text: &str| hint(&SecretText::new(text.to_owned()));
        assert_eq!(of("0123456789012345678"), None);
        assert_eq!(of(r#"{"access_token":"0123456789"}"#), None);
        assert_eq!(of("0123456789012345wxyz").as_deref(), Some("wxyz"));
        assert_eq!(
            of("0123456789012345éüßñ").as_deref(),
            Some("éüßñ"),
            "characters, not bytes"
        );
    }
}
