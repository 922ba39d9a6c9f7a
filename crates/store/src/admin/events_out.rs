//! What goes out to tenants' receivers, whoever's it is, and what is to be sent again.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{Admin, AdminError};

/// A row of `mako.event_deliveries`, as an admin sees it: what happened and what became of it, and nothing of the row.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct AdminDelivery {
    pub id: String,
    pub user_id: String,
    pub subscription_id: String,
    pub event_type: String,
    pub status: String,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub next_attempt_at: DateTime<Utc>,
}

/// Which deliveries; None filters nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeliveryFilter {
    /// These ids.
    pub ids: Option<Vec<String>>,
    /// Exactly this status.
    pub status: Option<String>,
    /// To this subscription.
    pub subscription: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// Captured at this time or later.
    pub since: Option<DateTime<Utc>>,
}

const COLUMNS: &str =
    "id, user_id, subscription_id, event_type, status, attempts, last_error, created_at, next_attempt_at";
const CONDITION: &str = "($1::text[] is null or id = any ($1)) and ($2::text is null or status = $2)
    and ($3::text is null or subscription_id = $3) and ($4::text is null or user_id = $4)
    and ($5::timestamptz is null or created_at >= $5)";

impl Admin {
    /// Deliveries, newest first.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: i64,
    ) -> Result<Vec<AdminDelivery>, AdminError> {
        let DeliveryFilter {
            ids,
            status,
            subscription,
            user,
            since,
        } = filter;
        let sql = format!(
            "select {COLUMNS} from mako.event_deliveries where {CONDITION} order by created_at desc, id desc limit $6"
        );
        let rows = self
            .client
            .query(&sql, &[ids, status, subscription, user, since, &limit])
            .await
            .map_err(AdminError::at("listing deliveries"))?;
        Ok(rows.iter().map(AdminDelivery::from).collect())
    }

    /// Has the service send deliveries again that are dead, or wait for another attempt; how many. One that is being sent
    /// just now is left alone, and one whose subscription is off stays as it is.
    pub async fn resend_deliveries(&self, filter: &DeliveryFilter) -> Result<u64, AdminError> {
        let DeliveryFilter {
            ids,
            status,
            subscription,
            user,
            since,
        } = filter;
        let sql = format!(
            "with chosen as (
               select user_id as owner, id as delivery from mako.event_deliveries
               where status in ('dead', 'failed') and (leased_until is null or leased_until <= now()) and {CONDITION}
                 and exists (select from mako.event_subscriptions s where s.user_id = event_deliveries.user_id
                   and s.id = event_deliveries.subscription_id and s.status = 'active')
               for update skip locked
             ),
             again as (
               update mako.event_deliveries set status = 'pending', attempts = 0, next_attempt_at = now(), leased_until = null,
                 finished_at = null
               from chosen where user_id = owner and id = delivery
               returning 1
             )
             select count(*) as deliveries, pg_notify('mako_events', '') from again"
        );
        let row = self
            .client
            .query_one(&sql, &[ids, status, subscription, user, since])
            .await
            .map_err(AdminError::at("sending deliveries again"))?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }
}

impl From<&Row> for AdminDelivery {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            user_id: row.get(1),
            subscription_id: row.get(2),
            event_type: row.get(3),
            status: row.get(4),
            attempts: row.get(5),
            last_error: row.get(6),
            created_at: row.get(7),
            next_attempt_at: row.get(8),
        }
    }
}
