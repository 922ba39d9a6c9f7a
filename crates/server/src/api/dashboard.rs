//! `/v1/dashboard`: numbers over the caller's rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use poem_openapi::param::Query;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::dashboard;

use super::Tag;
use crate::http::answer::JsonResponse;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::schema::StoredEnum;
use crate::http::values::{BoundedInteger, Time};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Dashboard(pub(crate) Arc<Store>);

/// What there is, and what the last days brought.
#[derive(Object, Serialize)]
struct DashboardStats {
    total_leads: i64,
    total_calls: i64,
    total_contacts: i64,
    /// How many leads have each status.
    leads_by_status: BTreeMap<String, i64>,
    period: DashboardPeriod,
    /// As many days before `period`.
    previous: DashboardPeriod,
}

/// What some days brought.
#[derive(Object, Serialize)]
struct DashboardPeriod {
    days: i32,
    leads: i64,
    calls: i64,
    /// By text, chat or e-mail.
    messages: i64,
    /// Leads of these days that have an appointment.
    booked: i64,
    /// Leads of these days that became customers, of all leads of these days; 0 to 1.
    conversion_rate: f64,
}

/// A row of buckets, oldest first.
#[derive(Object, Serialize)]
struct DashboardTimeseries {
    data: Vec<DashboardBucket>,
}

/// A day, week or month.
#[derive(Object, Serialize)]
struct DashboardBucket {
    /// Its first moment, in UTC.
    start: Time,
    calls: i64,
    leads: i64,
}

/// How far leads get.
#[derive(Object, Serialize)]
struct DashboardFunnel {
    stages: Vec<DashboardStage>,
    /// Converted leads of all leads; 0 to 1.
    conversion_rate: f64,
}

/// A stage of the funnel.
#[derive(Object, Serialize)]
struct DashboardStage {
    /// `booked` counts meetings too.
    status: StoredEnum<Stage>,
    count: i64,
    /// Of all leads; 0 to 1.
    share: f64,
}

/// What happened lately.
#[derive(Object, Serialize)]
struct DashboardActivity {
    data: Vec<DashboardEvent>,
}

/// Something that happened.
#[derive(Object, Serialize)]
struct DashboardEvent {
    kind: EventKind,
    /// Of the lead, call or automation log.
    id: String,
    title: String,
    at: Time,
}

/// What sort of thing happened.
#[derive(Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum EventKind {
    Lead,
    Booking,
    Call,
    Message,
    Automation,
}

/// How far a lead can get.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase", rename = "DashboardStageName")]
enum Stage {
    New,
    Qualified,
    Contacted,
    Booked,
    Proposal,
    Converted,
}

/// The length of a bucket.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
enum Interval {
    Month,
    Week,
    Day,
}

/// The stages that the funnel shows, in their order; other statuses only count as leads.
const STAGES: [&str; 6] = ["new", "qualified", "contacted", "booked", "proposal", "converted"];

#[OpenApi(prefix_path = "/v1/dashboard", tag = "Tag::Dashboard")]
impl Dashboard {
    /// Totals, and the last days beside the days before.
    #[oai(path = "/stats", method = "get", operation_id = "getDashboardStats")]
    async fn stats(
        &self,
        caller: Caller,
        /// Length of the period, 1 to 366; 30 if not given.
        days: Query<Option<BoundedInteger<1, 366>>>,
    ) -> Result<JsonResponse<DashboardStats>, Problem> {
        let days = BoundedInteger::or(days.0, 30);
        let stats = dashboard::stats(&self.0, &caller.0, days).await?;
        Ok(JsonResponse(DashboardStats {
            total_leads: stats.total_leads,
            total_calls: stats.total_calls,
            total_contacts: stats.total_contacts,
            leads_by_status: stats.leads_by_status.into_iter().collect(),
            period: DashboardPeriod::new(days, &stats.period),
            previous: DashboardPeriod::new(days, &stats.previous),
        }))
    }

    /// Calls and leads over time, empty buckets included.
    #[oai(path = "/timeseries", method = "get", operation_id = "getDashboardTimeseries")]
    async fn timeseries(
        &self,
        caller: Caller,
        /// Length of a bucket; a month if not given.
        interval: Query<Option<Interval>>,
        /// How many buckets, the current one included, 1 to 366; 6 if not given.
        points: Query<Option<BoundedInteger<1, 366>>>,
    ) -> Result<JsonResponse<DashboardTimeseries>, Problem> {
        let interval = match interval.0.unwrap_or(Interval::Month) {
            Interval::Month => "month",
            Interval::Week => "week",
            Interval::Day => "day",
        };
        let points = BoundedInteger::or(points.0, 6);
        let buckets = dashboard::timeseries(&self.0, &caller.0, interval, points).await?;
        let data = buckets
            .into_iter()
            .map(|bucket| DashboardBucket {
                start: bucket.start.into(),
                calls: bucket.calls,
                leads: bucket.leads,
            })
            .collect();
        Ok(JsonResponse(DashboardTimeseries { data }))
    }

    /// Leads by stage.
    #[oai(path = "/funnel", method = "get", operation_id = "getDashboardFunnel")]
    async fn funnel(&self, caller: Caller) -> Result<JsonResponse<DashboardFunnel>, Problem> {
        let counts: BTreeMap<String, i64> =
            dashboard::funnel(&self.0, &caller.0).await?.into_iter().collect();
        let total = counts.values().sum();
        let count = |status: &str| counts.get(status).copied().unwrap_or_default();
        let stages = STAGES.map(|status| DashboardStage {
            status: status.to_owned().into(),
            count: count(status),
            share: share(count(status), total),
        });
        Ok(JsonResponse(DashboardFunnel {
            stages: stages.into(),
            conversion_rate: share(count("converted"), total),
        }))
    }

    /// What happened lately, newest first.
    #[oai(path = "/activity", method = "get", operation_id = "getDashboardActivity")]
    async fn activity(
        &self,
        caller: Caller,
        /// Entries at most, 1 to 100; 20 if not given.
        limit: Query<Option<BoundedInteger<1, 100>>>,
    ) -> Result<JsonResponse<DashboardActivity>, Problem> {
        let activity = dashboard::activity(&self.0, &caller.0, BoundedInteger::or(limit.0, 20)).await?;
        let data = activity.into_iter().map(Into::into).collect();
        Ok(JsonResponse(DashboardActivity { data }))
    }
}

impl DashboardPeriod {
    fn new(days: i32, period: &dashboard::Period) -> Self {
        Self {
            days,
            leads: period.leads,
            calls: period.calls,
            messages: period.messages,
            booked: period.booked,
            conversion_rate: share(period.converted, period.leads),
        }
    }
}

impl From<dashboard::Activity> for DashboardEvent {
    fn from(activity: dashboard::Activity) -> Self {
        let kind = match activity.kind {
            dashboard::Kind::Lead => EventKind::Lead,
            dashboard::Kind::Booking => EventKind::Booking,
            dashboard::Kind::Call => EventKind::Call,
            dashboard::Kind::Message => EventKind::Message,
            dashboard::Kind::Automation => EventKind::Automation,
        };
        Self {
            kind,
            id: activity.id,
            title: activity.title,
            at: activity.at.into(),
        }
    }
}

/// A part of a whole, 0 to 1; nothing of nothing is 0.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
