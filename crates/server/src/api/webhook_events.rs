//! `/v1/webhook-events`: what providers delivered for the caller, and what became of it.

use std::sync::Arc;

use poem::http::StatusCode;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::Any;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use serde_json::Value;
use store::Store;
use store::rows::webhook_events::{self, WebhookEvent as Row, WebhookEventFilter};

use super::Tag;
use super::paging::{Count, Limit, Listing, page};
use super::webhook_endpoints::SourceName;
use crate::http::answer::JsonResponse;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::{FilterTime, Text, Time};
use crate::receiver::{ProcessResult, replay};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct WebhookEvents(pub(crate) Arc<Store>);

/// What became of an event.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename_all = "lowercase")]
enum EventStatus {
    /// Recorded; its effects are being had.
    Received,
    /// Its effects are committed.
    Processed,
    /// Its effects failed; it can be replayed.
    Failed,
    /// There was nothing to do.
    Ignored,
    /// Nobody's yet.
    Unrouted,
}

impl EventStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processed => "processed",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
            Self::Unrouted => "unrouted",
        }
    }
}

/// An event that was delivered for the caller.
#[derive(Object, Serialize)]
struct WebhookEvent {
    id: String,
    source: StoredEnum<SourceName>,
    /// The provider's word.
    event_type: Nullable<String>,
    status: StoredEnum<EventStatus>,
    /// Why it failed.
    error_message: Nullable<String>,
    /// How often its effects were tried.
    attempts: i32,
    created_at: Time,
    processed_at: Nullable<Time>,
}

/// An event with what was delivered.
#[derive(Object, Serialize)]
struct WebhookEventDetails {
    #[oai(flatten)]
    #[serde(flatten)]
    event: WebhookEvent,
    /// What was delivered, without secrets; empty after the retention period.
    #[serde(serialize_with = "any")]
    payload: Any<Value>,
}

fn any<S: serde::Serializer>(payload: &Any<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    payload.0.serialize(serializer)
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::WebhookEvents")]
impl WebhookEvents {
    /// List events, newest first.
    #[expect(clippy::too_many_arguments, reason = "one for each query parameter")]
    #[oai(path = "/webhook-events", method = "get", operation_id = "listWebhookEvents")]
    async fn list(
        &self,
        caller: Caller,
        /// Of this provider.
        source: Query<Option<SourceName>>,
        /// Exactly this status.
        status: Query<Option<EventStatus>>,
        /// Exactly this type, in the provider's words.
        event_type: Query<Option<Text<0, 100>>>,
        /// Recorded at this time or later; without a zone it is read as UTC.
        created_after: Query<Option<FilterTime>>,
        /// Recorded before this time; without a zone it is read as UTC.
        created_before: Query<Option<FilterTime>>,
        /// Rows at most, 1 to 200; 50 if not given.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
        /// `exact` also counts all rows that the filters let through.
        count: Query<Option<Count>>,
    ) -> Result<JsonResponse<Listing<WebhookEvent>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let filter = WebhookEventFilter {
            source: source.0.map(|source| source.name().to_owned()),
            status: status.0.map(|status| status.name().to_owned()),
            event_type: event_type.0.map(Into::into),
            created_after: created_after.0.map(Into::into),
            created_before: created_before.0.map(Into::into),
        };
        let events = webhook_events::list(&self.0, &caller.0, &filter, &page).await?;
        Ok(JsonResponse(Listing::new(events)))
    }

    /// Get an event and what was delivered.
    #[oai(
        path = "/webhook-events/:id",
        method = "get",
        operation_id = "getWebhookEvent"
    )]
    async fn get(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<WebhookEventDetails>, Problem> {
        self.details(&caller, &id.0.0).await
    }

    /// Try again to have the effects of an event that failed; one that is done stays as it is.
    #[oai(
        path = "/webhook-events/:id/replay",
        method = "post",
        operation_id = "replayWebhookEvent"
    )]
    async fn replay(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<WebhookEventDetails>, Problem> {
        let id = id.0.0;
        let (event, payload) = webhook_events::find(&self.0, &caller.0, &id)
            .await?
            .ok_or_else(Problem::not_found)?;
        let done = !matches!(event.status.as_str(), "received" | "failed");
        let empty = payload.as_object().is_some_and(serde_json::Map::is_empty);
        if !done && empty {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "MK_PAYLOAD_GONE",
                "What was delivered has been emptied after the retention period",
            ));
        }
        if !done
            && matches!(
                replay(&self.0, &caller.0, &event, payload).await,
                ProcessResult::Later | ProcessResult::Held | ProcessResult::Locked
            )
        {
            return Err(Problem::unavailable("PGRST001", "The database went away"));
        }
        self.details(&caller, &id).await
    }
}

impl WebhookEvents {
    async fn details(&self, caller: &Caller, id: &str) -> Result<JsonResponse<WebhookEventDetails>, Problem> {
        let (event, payload) = webhook_events::find(&self.0, &caller.0, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(WebhookEventDetails {
            event: event.into(),
            payload: Any(payload),
        }))
    }
}

impl From<Row> for WebhookEvent {
    fn from(event: Row) -> Self {
        Self {
            id: event.id,
            source: event.source.into(),
            event_type: event.event_type.into(),
            status: event.status.into(),
            error_message: event.error_message.into(),
            attempts: event.attempts,
            created_at: event.created_at.into(),
            processed_at: event.processed_at.map(Time).into(),
        }
    }
}
