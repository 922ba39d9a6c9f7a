//! Hands out deliveries that are due, and notes what became of them: the router's statements, run as nobody; what is sent
//! is read as the tenant whose it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{Claims, Rejected, Verified};
use seal::SecretText;
use serde_json::{Value, json};
use tokio_postgres::Row;

use super::api_keys::SealedStore;
use super::events::EventType;
use crate::error::Error;
use crate::query::{Query, RouterQuery, query, router_query};
use crate::tenant_tx::Store;

/// How much to take, see `mako.take_event_deliveries()`.
#[derive(Clone, Copy, Debug)]
pub struct TakeLimits {
    /// Deliveries at most.
    pub total: i32,
    /// Of one tenant under way at most.
    pub per_user: i32,
    /// Of one subscription under way at most.
    pub per_subscription: i32,
    /// For how long they are the taker's.
    pub lease: Duration,
}

/// A delivery that is the taker's to send until its lease ends; [`renew`] and [`finish`] know it by that.
#[derive(Clone, Debug)]
pub struct TakenDelivery {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    leased_until: DateTime<Utc>,
    proof: Verified<()>,
}

impl TakenDelivery {
    fn new(row: &Row) -> Self {
        Self {
            user_id: row.get(0),
            id: row.get(1),
            leased_until: row.get(2),
            proof: proof(),
        }
    }

    /// The identity of the tenant whose delivery it is: as them the row is read.
    pub fn claims(&self) -> Result<Claims, Rejected> {
        Claims::on_behalf_of(&self.user_id, &self.proof)
    }
}

/// What a delivery says and to whom; the row that it is about is read apart ([`super::events::subjects`]).
#[derive(Clone)]
pub struct DueDelivery {
    /// Its id, the same at each attempt.
    pub id: String,
    /// What happened; None: what a newer version knows.
    pub event_type: Option<EventType>,
    /// To which row.
    pub row_id: String,
    /// Which columns an update changed.
    pub changed: Option<Vec<String>>,
    /// Whether a sample is to be sent.
    pub is_test: bool,
    /// How often it was sent before.
    pub attempts: i32,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// To whom.
    pub receiver: Arc<EventReceiver>,
}

/// Where the deliveries of a subscription go. No `Debug`: it holds secrets.
pub struct EventReceiver {
    /// Id of the subscription.
    pub subscription_id: String,
    /// Its address.
    pub url: String,
    /// What deliveries are signed with, each: one secret, or two while they are being exchanged; none if they can't be opened.
    pub secrets: Vec<SecretText>,
}

/// An attempt to deliver.
#[derive(Clone, Debug)]
pub struct DeliveryAttempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub duration: Duration,
    /// What the receiver answered, if it did.
    pub status_code: Option<u16>,
    /// What went wrong, in our words and without values; 200 characters are kept.
    pub error: Option<String>,
    /// How the answer began; 2,048 characters are kept.
    pub response_start: Option<String>,
}

/// What became of a delivery.
#[derive(Clone, Debug)]
pub enum DeliveryOutcome {
    /// The receiver has it.
    Delivered(DeliveryAttempt),
    /// It is to be tried again after this time.
    Failed(DeliveryAttempt, Duration),
    /// It isn't tried again.
    Dead(DeliveryAttempt),
    /// Nor is anything else: the receiver says that it is gone.
    Gone(DeliveryAttempt),
    /// The tenant no longer sees the row: nothing was sent.
    Withheld,
    /// Nothing was sent, and somebody else may.
    Released,
}

/// What waits to be sent.
#[derive(Clone, Copy, Debug)]
pub struct EventBacklog {
    /// Deliveries.
    pub waiting: i64,
    /// Since when the one that has waited longest could have been sent; None if none could.
    pub due_since: Option<DateTime<Utc>>,
}

pub(crate) static TAKE: RouterQuery =
    router_query!("router/take_event_deliveries" [TEXT, INT4, INT4, INT4, FLOAT8]);
pub(crate) static RENEW: RouterQuery = router_query!("router/renew_event_leases" [JSONB, FLOAT8]);
pub(crate) static FINISH: RouterQuery = router_query!("router/note_event_outcomes"[JSONB]);
pub(crate) static FORGET: RouterQuery = router_query!("router/forget_event_deliveries" [INT4, INT4]);
pub(crate) static BACKLOG: RouterQuery = router_query!("router/event_backlog"[]);
static DUE: Query = query!(Sealer Read "event_deliveries/due" [TEXT_ARRAY]);
pub(crate) static QUERIES: &[&Query] = &[&DUE];

/// Takes deliveries that are due, in turns of tenants that begin after `after`: the last one of the call before.
pub async fn take(store: &Store, after: &str, limits: &TakeLimits) -> Result<Vec<TakenDelivery>, Error> {
    let TakeLimits {
        total,
        per_user,
        per_subscription,
        lease,
    } = limits;
    let lease = lease.as_secs_f64();
    let rows = store
        .route(&TAKE, &[&after, total, per_user, per_subscription, &lease])
        .await?;
    Ok(rows.iter().map(TakenDelivery::new).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "only the functions of policies/ write deliveries, from the rows that the tenant owns"
)]
fn proof() -> Verified<()> {
    Verified::assert_verified(())
}

/// Keeps what is still being sent for another lease; those that are still the taker's, as they are now. One that somebody
/// has locked just now is missing too, and keeps the lease that it had.
pub async fn renew(
    store: &Store,
    taken: &[TakenDelivery],
    lease: Duration,
) -> Result<Vec<TakenDelivery>, Error> {
    let leases = taken
        .iter()
        .map(|taken| json!({"user_id": taken.user_id, "id": taken.id, "leased_until": taken.leased_until}));
    let leases = Value::Array(leases.collect());
    let rows = store.route(&RENEW, &[&leases, &lease.as_secs_f64()]).await?;
    Ok(rows.iter().map(TakenDelivery::new).collect())
}

/// Notes what became of deliveries, of those that are still the taker's. The ids of those that somebody else has locked
/// just now: they are to be noted again.
pub async fn finish(
    store: &Store,
    results: &[(TakenDelivery, DeliveryOutcome)],
) -> Result<HashSet<String>, Error> {
    let results = Value::Array(results.iter().map(result).collect());
    let rows = store.route(&FINISH, &[&results]).await?;
    Ok(rows.iter().map(|row| row.get(1)).collect())
}

/// As `mako.note_event_outcomes()` takes it.
fn result((delivery, outcome): &(TakenDelivery, DeliveryOutcome)) -> Value {
    let (name, attempt, retry_in) = match outcome {
        DeliveryOutcome::Delivered(attempt) => ("delivered", Some(attempt), None),
        DeliveryOutcome::Failed(attempt, retry_in) => ("failed", Some(attempt), Some(retry_in.as_secs_f64())),
        DeliveryOutcome::Dead(attempt) => ("dead", Some(attempt), None),
        DeliveryOutcome::Gone(attempt) => ("gone", Some(attempt), None),
        DeliveryOutcome::Withheld => ("withheld", None, None),
        DeliveryOutcome::Released => ("released", None, None),
    };
    let duration = attempt.map(|attempt| i32::try_from(attempt.duration.as_millis()).unwrap_or(i32::MAX));
    // A receiver may answer anything; NUL is no text for Postgres.
    let response_start = attempt.and_then(|attempt| attempt.response_start.as_deref());
    json!({
        "user_id": delivery.user_id,
        "id": delivery.id,
        "leased_until": delivery.leased_until,
        "outcome": name,
        "retry_in_seconds": retry_in,
        "attempted_at": attempt.map(|attempt| attempt.at),
        "duration_ms": duration,
        "status_code": attempt.and_then(|attempt| attempt.status_code),
        "error": attempt.and_then(|attempt| attempt.error.as_deref()),
        "response_start": response_start.map(|text| text.replace('\0', "\u{fffd}")),
    })
}

/// Removes deliveries that were finished more than `days` ago, at most `limit` of them; how many.
pub async fn forget(store: &Store, days: i32, limit: i32) -> Result<i32, Error> {
    let rows = store.route(&FORGET, &[&days, &limit]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// How much waits to be sent, of all tenants.
pub async fn backlog(store: &Store) -> Result<EventBacklog, Error> {
    let rows = store.route(&BACKLOG, &[]).await?;
    let row = rows.first().ok_or(Error::Mismatch("one row"))?;
    Ok(EventBacklog {
        waiting: row.get(0),
        due_since: row.get(1),
    })
}

impl SealedStore {
    /// What the caller's deliveries with these ids say and to whom, in the order of what happened. What was deleted since
    /// is missing.
    pub async fn due_deliveries(&self, claims: &Claims, ids: &[&str]) -> Result<Vec<DueDelivery>, Error> {
        let rows = self.store().run(claims, &DUE, &[&ids]).await?;
        let mut receivers: HashMap<String, Arc<EventReceiver>> = HashMap::new();
        let mut due = Vec::with_capacity(rows.len());
        for row in &rows {
            let subscription: String = row.get(1);
            let receiver = match receivers.get(&subscription) {
                Some(known) => Arc::clone(known),
                None => Arc::new(self.receiver(claims, &subscription, row).await),
            };
            receivers
                .entry(subscription)
                .or_insert_with(|| Arc::clone(&receiver));
            due.push(DueDelivery {
                id: row.get(0),
                event_type: row.get::<_, &str>(2).parse().ok(),
                row_id: row.get(3),
                changed: row.get(4),
                is_test: row.get(5),
                attempts: row.get(6),
                created_at: row.get(7),
                receiver,
            });
        }
        Ok(due)
    }

    async fn receiver(&self, claims: &Claims, subscription: &str, row: &Row) -> EventReceiver {
        let (sealed, overlap): (&str, bool) = (row.get(9), row.get(10));
        let secrets = self
            .signing_secrets(claims.user_id(), subscription, sealed, overlap)
            .await;
        EventReceiver {
            subscription_id: subscription.to_owned(),
            url: row.get(8),
            secrets: secrets.unwrap_or_default(),
        }
    }
}
