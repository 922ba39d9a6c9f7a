//! The dashboard: numbers over the caller's rows, each answer one round trip.

use chrono::{DateTime, Utc};
use identity::Claims;
use tokio_postgres::Row;

use super::values::time;
use crate::error::Error;
use crate::query::{Query, ReplicaQuery, replica_query};
use crate::tenant_tx::Store;

/// What there is altogether, and in two periods of equal length.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Leads of all time.
    pub total_leads: i64,
    /// Calls of all time.
    pub total_calls: i64,
    /// Contacts of all time.
    pub total_contacts: i64,
    /// Status and how many leads have it.
    pub leads_by_status: Vec<(String, i64)>,
    /// The last days.
    pub period: Period,
    /// As many days before those.
    pub previous: Period,
}

/// What happened in a period.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Period {
    /// Leads that came in.
    pub leads: i64,
    /// Calls that were handled.
    pub calls: i64,
    /// Messages by text, chat or e-mail.
    pub messages: i64,
    /// Leads of the period that have an appointment.
    pub booked: i64,
    /// Leads of the period that became customers.
    pub converted: i64,
}

/// One bucket of a time series.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Its first moment.
    pub start: DateTime<Utc>,
    /// Calls in it.
    pub calls: i64,
    /// Leads in it.
    pub leads: i64,
}

/// What sort of thing happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A lead came in.
    Lead,
    /// A lead came in that has an appointment.
    Booking,
    /// A call was handled.
    Call,
    /// A message went by text, chat or e-mail.
    Message,
    /// An automation did something else.
    Automation,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Activity {
    /// What sort of thing it is.
    pub kind: Kind,
    /// The row.
    pub id: String,
    /// A line for people.
    pub title: String,
    /// When.
    pub at: DateTime<Utc>,
}

static STATS: ReplicaQuery = replica_query!("dashboard/stats"[INT4]);
static TIMESERIES: ReplicaQuery = replica_query!("dashboard/timeseries" [TEXT, INT4]);
static FUNNEL: ReplicaQuery = replica_query!("dashboard/funnel" []);
static ACTIVITY: ReplicaQuery = replica_query!("dashboard/activity"[INT8]);
pub(crate) static QUERIES: &[&Query] = &[&STATS.0, &TIMESERIES.0, &FUNNEL.0, &ACTIVITY.0];

/// Totals, and the last `days` days beside the `days` before.
pub async fn stats(store: &Store, claims: &Claims, days: i32) -> Result<Stats, Error> {
    let rows = store.read(claims, &STATS, &[&days]).await?;
    let [current, previous] = rows.as_slice() else {
        return Err(Error::Mismatch("two rows"));
    };
    let (statuses, counts): (Vec<String>, Vec<i64>) = (current.get(3), current.get(4));
    Ok(Stats {
        total_leads: current.get(0),
        total_calls: current.get(1),
        total_contacts: current.get(2),
        leads_by_status: statuses.into_iter().zip(counts).collect(),
        period: current.into(),
        previous: previous.into(),
    })
}

/// The last `points` buckets of an `interval`: `day`, `week` or `month`, in UTC, oldest first.
pub async fn timeseries(
    store: &Store,
    claims: &Claims,
    interval: &str,
    points: i32,
) -> Result<Vec<Bucket>, Error> {
    let rows = store.read(claims, &TIMESERIES, &[&interval, &points]).await?;
    Ok(rows
        .iter()
        .map(|row| Bucket {
            start: row.get(0),
            calls: row.get(1),
            leads: row.get(2),
        })
        .collect())
}

/// Stages in lower case and how many leads are there, in no order; a meeting counts as booked.
pub async fn funnel(store: &Store, claims: &Claims) -> Result<Vec<(String, i64)>, Error> {
    Ok(store.read(claims, &FUNNEL, &[]).await?.iter().map(pair).collect())
}

/// The newest things that happened.
pub async fn activity(store: &Store, claims: &Claims, limit: i64) -> Result<Vec<Activity>, Error> {
    let rows = store.read(claims, &ACTIVITY, &[&limit]).await?;
    let activity = |row: &Row| Activity {
        kind: kind(row.get(0)),
        id: row.get(1),
        title: row.get(2),
        at: time(row, 3),
    };
    Ok(rows.iter().map(activity).collect())
}

/// As `dashboard/activity` names them.
fn kind(name: &str) -> Kind {
    match name {
        "lead" => Kind::Lead,
        "booking" => Kind::Booking,
        "call" => Kind::Call,
        "message" => Kind::Message,
        _ => Kind::Automation,
    }
}

fn pair(row: &Row) -> (String, i64) {
    (row.get(0), row.get(1))
}

impl From<&Row> for Period {
    fn from(row: &Row) -> Self {
        Self {
            leads: row.get(5),
            calls: row.get(6),
            messages: row.get(7),
            booked: row.get(8),
            converted: row.get(9),
        }
    }
}
