//! `/v1/event-deliveries`: what is told to the caller's receivers, and what became of it.

use std::sync::Arc;

use poem_openapi::param::{Path, Query};
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::event_deliveries::{
    self, EventAttempt as AttemptRow, EventDelivery as Row, EventDeliveryFilter, Retry,
};
use store::rows::event_subscriptions;

use super::Tag;
use super::paging::{Count, Limit, Listing, page};
use crate::http::answer::JsonResponse;
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::body;
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::{EventTypeName, FilterTime, Text, Time};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct EventDeliveries(pub(crate) Arc<Store>);

/// What became of a delivery.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename_all = "lowercase")]
enum DeliveryStatus {
    /// It has not been sent yet.
    Pending,
    /// It failed, and will be tried again.
    Failed,
    /// The receiver has it.
    Delivered,
    /// It failed, and is tried again only if the caller asks for it.
    Dead,
    /// The caller didn't see the row any more when it was to be sent: nothing was.
    Withheld,
}

impl DeliveryStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Withheld => "withheld",
        }
    }
}

/// An event that a receiver of the caller's is told of.
#[derive(Object, Serialize)]
struct EventDelivery {
    /// Sent as `webhook-id`, the same at each attempt.
    id: String,
    subscription_id: String,
    event_type: StoredEnum<EventTypeName>,
    /// Of the row that it is about, which is read when it is sent.
    row_id: String,
    /// Which fields an update changed.
    changed: Nullable<Vec<String>>,
    /// Whether it is a sample.
    is_test: bool,
    status: StoredEnum<DeliveryStatus>,
    /// How often it was sent.
    attempts: i32,
    /// What went wrong last.
    last_error: Nullable<String>,
    /// From when on it is sent next; null once nothing is left to do.
    next_attempt_at: Nullable<Time>,
    finished_at: Nullable<Time>,
    /// When it happened.
    created_at: Time,
}

/// An attempt to deliver.
#[derive(Object, Serialize)]
struct EventAttempt {
    attempted_at: Time,
    duration_ms: i32,
    /// What the receiver answered, if it did.
    status_code: Nullable<i32>,
    /// What went wrong.
    error: Nullable<String>,
    /// How the receiver's answer began.
    response_start: Nullable<String>,
}

/// A delivery with its attempts.
#[derive(Object, Serialize)]
struct EventDeliveryDetails {
    #[oai(flatten)]
    #[serde(flatten)]
    delivery: EventDelivery,
    /// Each attempt, in their order; those before a retry included.
    history: Vec<EventAttempt>,
}

/// What to send again.
#[derive(Object)]
#[oai(rename = "EventRetry")]
struct RetryInput {
    /// Id of the subscription.
    subscription: Text<1, 200>,
    /// What happened at this time or later.
    since: Time,
    /// What happened before this time.
    until: Time,
}

body!(RetryInput { required: subscription, since, until; });

/// What is being sent again.
#[derive(Object, Serialize)]
struct EventRetried {
    /// Deliveries that had failed or were dead.
    retried: i32,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::EventDeliveries")]
impl EventDeliveries {
    /// List deliveries, newest first.
    #[expect(clippy::too_many_arguments, reason = "one for each query parameter")]
    #[oai(
        path = "/event-deliveries",
        method = "get",
        operation_id = "listEventDeliveries"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// To this subscription.
        subscription: Query<Option<Text<0, 200>>>,
        /// Exactly this status.
        status: Query<Option<DeliveryStatus>>,
        /// Exactly this type.
        event_type: Query<Option<EventTypeName>>,
        /// Of what happened at this time or later; without a zone it is read as UTC.
        created_after: Query<Option<FilterTime>>,
        /// Of what happened before this time; without a zone it is read as UTC.
        created_before: Query<Option<FilterTime>>,
        /// Rows at most, 1 to 200; 50 if not given.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
        /// `exact` also counts all rows that the filters let through.
        count: Query<Option<Count>>,
    ) -> Result<JsonResponse<Listing<EventDelivery>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let filter = EventDeliveryFilter {
            subscription_id: subscription.0.map(Into::into),
            status: status.0.map(|status| status.name().to_owned()),
            event_type: event_type.0.map(|known| known.0.as_str().to_owned()),
            created_after: created_after.0.map(Into::into),
            created_before: created_before.0.map(Into::into),
        };
        let deliveries = event_deliveries::list(&self.0, &caller.0, &filter, &page).await?;
        Ok(JsonResponse(Listing::new(deliveries)))
    }

    /// Get a delivery and how each attempt went.
    #[oai(
        path = "/event-deliveries/:id",
        method = "get",
        operation_id = "getEventDelivery"
    )]
    async fn get(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<EventDeliveryDetails>, Problem> {
        self.details(&caller, &id.0.0).await
    }

    /// Send a delivery again, whatever became of it, with the same id.
    #[oai(
        path = "/event-deliveries/:id/retry",
        method = "post",
        operation_id = "retryEventDelivery"
    )]
    async fn retry(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<EventDeliveryDetails>, Problem> {
        match event_deliveries::retry(&self.0, &caller.0, &id.0.0).await? {
            Retry::Begun => self.details(&caller, &id.0.0).await,
            Retry::Refused => Err(Problem::conflict(
                "The delivery is being sent at this moment, or its subscription is disabled",
            )),
            Retry::Absent => Err(Problem::not_found()),
        }
    }

    /// Send again what a subscription didn't get in a span of time, the oldest 10,000 of it.
    #[oai(
        path = "/event-deliveries/retry",
        method = "post",
        operation_id = "retryEventDeliveries"
    )]
    async fn retry_many(
        &self,
        caller: Caller,
        body: JsonBody<RetryInput>,
    ) -> Result<JsonResponse<EventRetried>, Problem> {
        let JsonBody(RetryInput {
            subscription,
            since,
            until,
        }) = body;
        let subscription = event_subscriptions::find(&self.0, &caller.0, &subscription.0)
            .await?
            .ok_or_else(Problem::not_found)?;
        if subscription.status != "active" {
            return Err(Problem::conflict(
                "The subscription is disabled; switch it on first",
            ));
        }
        let retried =
            event_deliveries::retry_many(&self.0, &caller.0, &subscription.id, since.0, until.0).await?;
        Ok(JsonResponse(EventRetried { retried }))
    }
}

impl EventDeliveries {
    async fn details(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<JsonResponse<EventDeliveryDetails>, Problem> {
        let delivery = event_deliveries::find(&self.0, &caller.0, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        let attempts = event_deliveries::attempts(&self.0, &caller.0, id).await?;
        Ok(JsonResponse(EventDeliveryDetails {
            delivery: delivery.into(),
            history: attempts.into_iter().map(Into::into).collect(),
        }))
    }
}

impl From<Row> for EventDelivery {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            subscription_id: row.subscription_id,
            event_type: row.event_type.into(),
            row_id: row.row_id,
            changed: row.changed.into(),
            is_test: row.is_test,
            status: row.status.into(),
            attempts: row.attempts,
            last_error: row.last_error.into(),
            next_attempt_at: row.next_attempt_at.map(Time).into(),
            finished_at: row.finished_at.map(Time).into(),
            created_at: row.created_at.into(),
        }
    }
}

impl From<AttemptRow> for EventAttempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            attempted_at: row.attempted_at.into(),
            duration_ms: row.duration_ms,
            status_code: row.status_code.into(),
            error: row.error.into(),
            response_start: row.response_start.into(),
        }
    }
}
