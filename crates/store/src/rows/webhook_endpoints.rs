//! Webhook endpoints: addresses of the tenant's own, each with a key in it and secrets to verify deliveries with.
//!
//! Key and secrets are sealed together, as [`Contents`]; to find the endpoint of a delivery, the hash of the key
//! suffices.

use chrono::{DateTime, Utc};
use identity::Claims;
use ring::digest::{SHA256, digest};
use seal::SecretText;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use zeroize::Zeroizing;

use super::api_keys::{KeyError, SealedStore};
use super::router::FoundEndpoint;
use crate::error::Error;
use crate::query::{Query, query};
use crate::sealing::WEBHOOK_SECRETS;
use crate::tenant_tx::Store;

/// What is sealed of an endpoint. No `Debug`.
#[derive(Deserialize, Serialize)]
pub struct Contents {
    /// The key in its address.
    pub key: String,
    /// Secrets, comma-separated while they are being exchanged.
    pub secrets: String,
}

impl Drop for Contents {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.key.zeroize();
        self.secrets.zeroize();
    }
}

/// An endpoint of the caller's.
pub struct Endpoint {
    /// The provider.
    pub source: String,
    /// Key and secrets; None if they can't be opened.
    pub contents: Option<Contents>,
    /// How deliveries prove themselves.
    pub auth: Value,
    /// Which zone dates without one are in.
    pub timezone: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Key and secrets as they are stored: sealed anew, and so another, with every change.
    sealed: Option<String>,
}

static LIST: Query = query!(Sealer Read "webhook_endpoints/list" []);
static ADD: Query = query!(Sealer Write "webhook_endpoints/add" [TEXT, TEXT, TEXT, JSONB, TEXT]);
static CHANGE: Query = query!(Sealer Write "webhook_endpoints/change" [TEXT, TEXT, TEXT, JSONB, TEXT, TEXT]);
static REMOVE: Query = query!(Write "webhook_endpoints/remove" [TEXT]);
pub(crate) static QUERIES: &[&Query] = &[&LIST, &ADD, &CHANGE, &REMOVE];

/// What stands in `endpoint_key_hash` for a key: SHA-256 in hex. The keys are random, so that none can be guessed.
#[must_use]
pub fn key_hash(key: &str) -> String {
    hex::encode(digest(&SHA256, key.as_bytes()))
}

/// Removes an endpoint; false if there is none.
pub async fn remove(store: &Store, claims: &Claims, source: &str) -> Result<bool, Error> {
    Ok(!store.run(claims, &REMOVE, &[&source]).await?.is_empty())
}

impl SealedStore {
    /// The caller's endpoints.
    pub async fn endpoints(&self, claims: &Claims) -> Result<Vec<Endpoint>, Error> {
        let mut endpoints = Vec::new();
        for row in self.store().run(claims, &LIST, &[]).await? {
            endpoints.push(self.endpoint(claims.user_id(), &row).await);
        }
        Ok(endpoints)
    }

    /// Saves the caller's endpoint for a source as it is made of what was there `before`; without a time zone it keeps its
    /// own. None: by now something else is there.
    pub async fn save_endpoint(
        &self,
        claims: &Claims,
        source: &str,
        before: Option<&Endpoint>,
        contents: &Contents,
        auth: &Value,
        timezone: Option<&str>,
    ) -> Result<Option<Endpoint>, KeyError> {
        let text = serde_json::to_string(contents).map_err(|_| KeyError::Unsealable)?;
        let slot = WEBHOOK_SECRETS.slot(claims.user_id(), source);
        let sealed = self
            .keys()
            .ring()
            .seal(&slot, &SecretText::new(text))
            .map_err(|_| KeyError::Unsealable)?;
        let hash = key_hash(&contents.key);
        let rows = match before {
            None => {
                let params: [&(dyn ToSql + Sync); 5] = [&source, &hash, &sealed, auth, &timezone];
                self.store().run_provisioned(claims, &ADD, &params).await?
            }
            Some(before) => {
                let params: [&(dyn ToSql + Sync); 6] =
                    [&source, &hash, &sealed, auth, &timezone, &before.sealed];
                self.store().run(claims, &CHANGE, &params).await?
            }
        };
        match rows.first() {
            Some(row) => Ok(Some(self.endpoint(claims.user_id(), row).await)),
            None => Ok(None),
        }
    }

    /// Key and secrets of an endpoint that a delivery has come in on.
    pub async fn open_endpoint(&self, source: &str, endpoint: &FoundEndpoint) -> Result<Contents, KeyError> {
        let sealed = endpoint.sealed_secret.as_deref().ok_or(KeyError::Absent)?;
        self.contents(&endpoint.user_id, source, sealed)
            .await
            .ok_or(KeyError::Unreadable)
    }

    async fn endpoint(&self, user: &str, row: &Row) -> Endpoint {
        let source: String = row.get(0);
        let sealed: Option<String> = row.get(1);
        let contents = match &sealed {
            Some(sealed) => self.contents(user, &source, sealed).await,
            None => None,
        };
        Endpoint {
            source,
            contents,
            auth: row.get(2),
            created_at: row.get(3),
            updated_at: row.get(4),
            timezone: row.get(5),
            sealed,
        }
    }

    async fn contents(&self, user: &str, source: &str, sealed: &str) -> Option<Contents> {
        let opened = self
            .keys()
            .open(&WEBHOOK_SECRETS.slot(user, source), sealed)
            .await
            .ok()?;
        let text = Zeroizing::new(opened.secret.expose().to_owned());
        serde_json::from_str(&text).ok()
    }
}
