//! Event subscriptions: addresses of the tenant's own that are told of what happens to their rows.
//!
//! The secret that deliveries are signed with is sealed together with the one before.

use chrono::{DateTime, Utc};
use identity::Claims;
use seal::SecretText;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use zeroize::{Zeroize as _, Zeroizing};

use super::api_keys::{KeyError, SealedStore};
use super::table::ColumnChange as _;
use super::values::Change;
use crate::error::Error;
use crate::query::{Query, query};
use crate::sealing::EVENT_SECRETS;
use crate::tenant_tx::Store;

/// A row of `mako.event_subscriptions`, without tenant and secret.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct EventSubscription {
    pub id: String,
    pub url: String,
    pub description: Option<String>,
    pub event_types: Option<Vec<String>>,
    pub previous_secret_expires_at: Option<DateTime<Utc>>,
    pub status: String,
    pub disabled_reason: Option<String>,
    pub failing_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a subscription is made of, but for its secret.
#[derive(Clone, Copy, Debug)]
pub struct NewEventSubscription<'a> {
    /// Its id, random: the secret is sealed to it.
    pub id: &'a str,
    /// Where events are sent.
    pub url: &'a str,
    /// What the tenant calls it.
    pub description: Option<&'a str>,
    /// Which events; None is all.
    pub event_types: Option<&'a [&'a str]>,
}

/// What to change in a subscription.
#[derive(Clone, Debug, Default)]
pub struct EventSubscriptionChange {
    /// Where events are sent.
    pub url: Option<String>,
    /// What the tenant calls it.
    pub description: Change<String>,
    /// Which events; cleared is all.
    pub event_types: Change<Vec<String>>,
    /// Whether anything is recorded for it and sent to it.
    pub active: Option<bool>,
}

/// What is sealed of a subscription. No `Debug`.
#[derive(Deserialize, Serialize)]
pub(crate) struct Secrets {
    secret: String,
    previous: Option<String>,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.secret.zeroize();
        self.previous.zeroize();
    }
}

/// Subscriptions that one user may have.
pub const MOST: i64 = 20;
/// For how many seconds deliveries are signed with the secret before as well: a day.
const OVERLAP: f64 = 86_400.0;
/// Deliveries that are removed in one transaction: a tenth of a second's work, far from any `STATEMENT_TIMEOUT`.
const REMOVED_AT_ONCE: i32 = 5_000;
/// How often a secret is changed from what others have made of it meanwhile.
const TRIES: usize = 10;

static LIST: Query = query!(Read "event_subscriptions/list" []);
static FIND: Query = query!(Read "event_subscriptions/find" [TEXT]);
static EMPTY: Query = query!(Write "event_subscriptions/empty" [TEXT, INT4]);
static DELETE: Query = query!(Write "event_subscriptions/delete" [TEXT]);
static CREATE: Query =
    query!(Sealer Write "event_subscriptions/create" [TEXT, TEXT, TEXT, TEXT_ARRAY, TEXT, INT8]);
static UPDATE: Query = query!(Sealer Write "event_subscriptions/update" [TEXT, BOOL, TEXT, BOOL, TEXT, BOOL, TEXT_ARRAY, BOOL, TEXT]);
static SECRET: Query = query!(Sealer Read "event_subscriptions/secret" [TEXT]);
static ROTATE_SECRET: Query =
    query!(Sealer Write "event_subscriptions/rotate_secret" [TEXT, TEXT, TEXT, FLOAT8]);
pub(crate) static QUERIES: &[&Query] = &[
    &LIST,
    &FIND,
    &EMPTY,
    &DELETE,
    &CREATE,
    &UPDATE,
    &SECRET,
    &ROTATE_SECRET,
];

/// The caller's subscriptions, newest first.
pub async fn list(store: &Store, claims: &Claims) -> Result<Vec<EventSubscription>, Error> {
    let rows = store.run(claims, &LIST, &[]).await?;
    Ok(rows.iter().map(EventSubscription::from).collect())
}

/// One of the caller's subscriptions.
pub async fn find(store: &Store, claims: &Claims, id: &str) -> Result<Option<EventSubscription>, Error> {
    let rows = store.run(claims, &FIND, &[&id]).await?;
    Ok(rows.first().map(EventSubscription::from))
}

/// Switches a subscription off, and removes it with what was to be sent to it, its deliveries a batch at a time; false if
/// there is none. If it ends midway, the next call goes on.
pub async fn delete(store: &Store, claims: &Claims, id: &str) -> Result<bool, Error> {
    loop {
        let rows = store.run(claims, &EMPTY, &[&id, &REMOVED_AT_ONCE]).await?;
        let removed: i32 = rows.first().map_or(0, |row| row.get(0));
        if removed < REMOVED_AT_ONCE {
            break;
        }
    }
    Ok(!store.run(claims, &DELETE, &[&id]).await?.is_empty())
}

impl SealedStore {
    /// Makes a subscription of the caller's; None if they have [`MOST`] already.
    pub async fn create_event_subscription(
        &self,
        claims: &Claims,
        new: &NewEventSubscription<'_>,
        secret: &SecretText,
    ) -> Result<Option<EventSubscription>, KeyError> {
        let secrets = Secrets {
            secret: secret.expose().to_owned(),
            previous: None,
        };
        let sealed = self.seal_secrets(claims.user_id(), new.id, &secrets)?;
        let NewEventSubscription {
            id,
            url,
            description,
            event_types,
        } = new;
        let params: [&(dyn ToSql + Sync); 6] = [id, url, description, event_types, &sealed, &MOST];
        let rows = self.store().run_provisioned(claims, &CREATE, &params).await?;
        Ok(rows.first().map(EventSubscription::from))
    }

    /// Changes a subscription of the caller's; None if there is none. As the sealer: what an address may be is for the
    /// service to say.
    pub async fn update_event_subscription(
        &self,
        claims: &Claims,
        id: &str,
        change: &EventSubscriptionChange,
    ) -> Result<Option<EventSubscription>, Error> {
        let status = change
            .active
            .map(|active| if active { "active" } else { "disabled" }.to_owned());
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&id];
        params.extend(change.url.params());
        params.extend(change.description.params());
        params.extend(change.event_types.params());
        params.extend(status.params());
        let rows = self.store().run(claims, &UPDATE, &params).await?;
        Ok(rows.first().map(EventSubscription::from))
    }

    /// Exchanges the secret of one of the caller's subscriptions; None if there is none. For a day deliveries are signed
    /// with both, then with the new one.
    pub async fn rotate_event_secret(
        &self,
        claims: &Claims,
        id: &str,
        secret: &SecretText,
    ) -> Result<Option<EventSubscription>, KeyError> {
        for _ in 0..TRIES {
            let rows = self.store().run(claims, &SECRET, &[&id]).await?;
            let Some(before) = rows.first().map(|row| row.get::<_, String>(0)) else {
                return Ok(None);
            };
            let previous = self.open_secrets(claims.user_id(), id, &before).await?;
            let secrets = Secrets {
                secret: secret.expose().to_owned(),
                previous: Some(previous.secret.clone()),
            };
            let sealed = self.seal_secrets(claims.user_id(), id, &secrets)?;
            let params: [&(dyn ToSql + Sync); 4] = [&id, &before, &sealed, &OVERLAP];
            let rows = self.store().run(claims, &ROTATE_SECRET, &params).await?;
            if let Some(row) = rows.first() {
                return Ok(Some(row.into()));
            }
        }
        Err(KeyError::Database(Error::Mismatch("a secret that stays")))
    }

    /// What deliveries of a subscription are signed with: its secret and, while they overlap, the one before.
    pub(crate) async fn signing_secrets(
        &self,
        user: &str,
        subscription: &str,
        sealed: &str,
        overlap: bool,
    ) -> Result<Vec<SecretText>, KeyError> {
        let secrets = self.open_secrets(user, subscription, sealed).await?;
        let previous = secrets.previous.iter().filter(|_| overlap);
        let both = std::iter::once(&secrets.secret).chain(previous);
        Ok(both.cloned().map(SecretText::new).collect())
    }

    fn seal_secrets(&self, user: &str, id: &str, secrets: &Secrets) -> Result<String, KeyError> {
        let text = serde_json::to_string(secrets).map_err(|_| KeyError::Unsealable)?;
        let slot = EVENT_SECRETS.slot(user, id);
        self.keys()
            .ring()
            .seal(&slot, &SecretText::new(text))
            .map_err(|_| KeyError::Unsealable)
    }

    async fn open_secrets(&self, user: &str, id: &str, sealed: &str) -> Result<Secrets, KeyError> {
        let slot = EVENT_SECRETS.slot(user, id);
        let opened = self.keys().open(&slot, sealed).await;
        let opened = opened.map_err(|_| KeyError::Unreadable)?;
        let text = Zeroizing::new(opened.secret.expose().to_owned());
        serde_json::from_str(&text).map_err(|_| KeyError::Unreadable)
    }
}

impl From<&Row> for EventSubscription {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            url: row.get(1),
            description: row.get(2),
            event_types: row.get(3),
            previous_secret_expires_at: row.get(4),
            status: row.get(5),
            disabled_reason: row.get(6),
            failing_since: row.get(7),
            created_at: row.get(8),
            updated_at: row.get(9),
        }
    }
}
