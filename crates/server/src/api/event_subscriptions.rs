//! `/v1/event-subscriptions`: addresses of the caller's own that are told of what happens to their rows, whoever writes them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem_openapi::param::Path;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object, OpenApi};
use seal::SecretText;
use serde::Serialize;
use serde_json::Value;
use store::Store;
use store::rows::api_keys::SealedStore;
use store::rows::event_subscriptions::{
    self, EventSubscription as Row, EventSubscriptionChange, NewEventSubscription,
};
use store::rows::events::EventType;
use store::rows::{Created, event_deliveries};

use super::Tag;
use super::webhook_endpoints::random;
use crate::http::answer::{CreatedResponse, JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::{Field, body, change};
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::{ApiKeyText, EventTypeName, EventTypes, Text, Time};
use crate::sender::ReceiverUrls;

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct EventSubscriptions {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed_store: Arc<SealedStore>,
    pub(crate) receiver_urls: ReceiverUrls,
}

/// Whether anything is sent.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename_all = "lowercase")]
enum SubscriptionStatus {
    /// It is.
    Active,
    /// Nothing is recorded for it or sent to it.
    Disabled,
}

/// Why a subscription is disabled.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename_all = "lowercase")]
enum DisabledReason {
    /// The caller has switched it off.
    Owner,
    /// The receiver answered 410 Gone.
    Gone,
    /// Nothing but failures for five days.
    Failing,
}

impl Field for SubscriptionStatus {
    fn from_value(value: Value) -> Result<Self, String> {
        match value.as_str() {
            Some("active") => Ok(Self::Active),
            Some("disabled") => Ok(Self::Disabled),
            _ => Err("must be active or disabled".to_owned()),
        }
    }
}

/// An address that is told of what happens to the caller's rows.
#[derive(Object, Serialize)]
struct EventSubscription {
    id: String,
    url: String,
    description: Nullable<String>,
    /// Null: all, later ones included.
    event_types: Nullable<Vec<StoredEnum<EventTypeName>>>,
    status: StoredEnum<SubscriptionStatus>,
    /// Null while it is active.
    disabled_reason: Nullable<StoredEnum<DisabledReason>>,
    /// Since when deliveries have been failing, without a success.
    failing_since: Nullable<Time>,
    /// Until when deliveries are signed with the secret before as well.
    previous_secret_expires_at: Nullable<Time>,
    created_at: Time,
    updated_at: Time,
}

/// The caller's subscriptions.
#[derive(Object, Serialize)]
struct EventSubscriptionList {
    data: Vec<EventSubscription>,
}

/// A subscription, this once with the secret that deliveries are signed with.
#[derive(Object, Serialize)]
struct EventSubscriptionWithSecret {
    #[oai(flatten)]
    #[serde(flatten)]
    subscription: EventSubscription,
    /// What verifies deliveries, as Standard Webhooks has it. It can't be shown again.
    secret: ApiKeyText,
}

/// A subscription to make.
#[derive(Object)]
#[oai(rename = "NewEventSubscription")]
struct NewSubscription {
    /// Where events are sent by POST: `https`, at a public address, without a user or password.
    url: Text<1, 2000>,
    #[oai(nullable)]
    description: Option<Text<0, 500>>,
    /// Which events; all, later ones included, if it is missing or null.
    #[oai(nullable)]
    event_types: Option<EventTypes>,
}

body!(NewSubscription { required: url; optional: description, event_types; });

/// What to change in a subscription.
#[derive(Object)]
#[oai(rename = "EventSubscriptionChange")]
struct SubscriptionChange {
    url: Option<Text<1, 2000>>,
    /// `active` switches on again what was disabled.
    status: Option<SubscriptionStatus>,
    #[oai(nullable)]
    description: MaybeUndefined<Text<0, 500>>,
    /// Null is all.
    #[oai(nullable)]
    event_types: MaybeUndefined<EventTypes>,
}

body!(SubscriptionChange { changed: url, status; cleared: description, event_types; });

/// Samples that are being sent.
#[derive(Object, Serialize)]
struct EventTest {
    /// A delivery of each type that the subscription asks for.
    data: Vec<EventSample>,
}

/// A sample that is being sent.
#[derive(Object, Serialize)]
struct EventSample {
    event_type: StoredEnum<EventTypeName>,
    /// `GET /v1/event-deliveries/{id}` tells what becomes of it.
    delivery_id: String,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::EventSubscriptions")]
impl EventSubscriptions {
    /// List the caller's event subscriptions, newest first.
    #[oai(
        path = "/event-subscriptions",
        method = "get",
        operation_id = "listEventSubscriptions"
    )]
    async fn list(&self, caller: Caller) -> Result<JsonResponse<EventSubscriptionList>, Problem> {
        let rows = event_subscriptions::list(&self.store, &caller.0).await?;
        Ok(JsonResponse(EventSubscriptionList {
            data: rows.into_iter().map(Into::into).collect(),
        }))
    }

    /// Have events sent to an address. The secret that they are signed with is shown this once.
    #[oai(
        path = "/event-subscriptions",
        method = "post",
        operation_id = "createEventSubscription"
    )]
    async fn create(
        &self,
        caller: Caller,
        body: JsonBody<NewSubscription>,
    ) -> Result<CreatedResponse<EventSubscriptionWithSecret>, Problem> {
        let JsonBody(new) = body;
        let url = self.receiver(&new.url)?;
        let event_types = new.event_types.map(|types| types.0);
        let event_types: Option<Vec<&str>> =
            event_types.map(|types| types.into_iter().map(EventType::as_str).collect());
        let secret = new_secret()?;
        let wanted = NewEventSubscription {
            id: &uuid::Uuid::new_v4().to_string(),
            url: &url,
            description: new.description.as_ref().map(|text| text.0.as_str()),
            event_types: event_types.as_deref(),
        };
        let made = self
            .sealed_store
            .create_event_subscription(&caller.0, &wanted, &secret)
            .await?
            .ok_or_else(|| Problem::conflict("There are 20 event subscriptions; delete one first"))?;
        let row = shown(made, secret);
        CreatedResponse::new(
            "/v1/event-subscriptions",
            Some(Created { row, new: true }),
            |row: &EventSubscriptionWithSecret| &row.subscription.id,
        )
    }

    /// Get an event subscription.
    #[oai(
        path = "/event-subscriptions/:id",
        method = "get",
        operation_id = "getEventSubscription"
    )]
    async fn get(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<EventSubscription>, Problem> {
        let row = self.find(&caller, &id.0.0).await?;
        Ok(JsonResponse(row.into()))
    }

    /// Change an event subscription, or switch it off and on.
    #[oai(
        path = "/event-subscriptions/:id",
        method = "patch",
        operation_id = "updateEventSubscription"
    )]
    async fn update(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
        body: JsonBody<SubscriptionChange>,
    ) -> Result<JsonResponse<EventSubscription>, Problem> {
        let JsonBody(input) = body;
        let wanted = EventSubscriptionChange {
            url: input.url.as_ref().map(|url| self.receiver(url)).transpose()?,
            description: change(input.description),
            event_types: change(input.event_types),
            active: input.status.map(|status| status == SubscriptionStatus::Active),
        };
        let row = self
            .sealed_store
            .update_event_subscription(&caller.0, &id.0.0, &wanted)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(row.into()))
    }

    /// Delete an event subscription, with what was to be sent to it and what is known of its deliveries. Of hundreds of
    /// thousands of those not all may go within `REQUEST_TIMEOUT`: the next call goes on.
    #[oai(
        path = "/event-subscriptions/:id",
        method = "delete",
        operation_id = "deleteEventSubscription"
    )]
    async fn delete(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<NoContent, Problem> {
        if event_subscriptions::delete(&self.store, &caller.0, &id.0.0).await? {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }

    /// Exchange the secret. For a day deliveries are signed with both, so that none is refused meanwhile.
    #[oai(
        path = "/event-subscriptions/:id/rotate-secret",
        method = "post",
        operation_id = "rotateEventSecret"
    )]
    async fn rotate_secret(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<EventSubscriptionWithSecret>, Problem> {
        let secret = new_secret()?;
        let row = self
            .sealed_store
            .rotate_event_secret(&caller.0, &id.0.0, &secret)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(shown(row, secret)))
    }

    /// Send a sample of each type that the subscription asks for.
    #[oai(
        path = "/event-subscriptions/:id/test",
        method = "post",
        operation_id = "testEventSubscription"
    )]
    async fn test(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<JsonResponse<EventTest>, Problem> {
        let row = self.find(&caller, &id.0.0).await?;
        let all = || EventType::ALL.map(|known| known.as_str().to_owned()).to_vec();
        let wanted = row.event_types.unwrap_or_else(all);
        let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let sent = event_deliveries::send_samples(&self.store, &caller.0, &row.id, &names).await?;
        if sent.is_empty() {
            return Err(Problem::conflict(
                "The subscription is disabled; switch it on first",
            ));
        }
        let sample = |(event_type, delivery_id): (String, String)| EventSample {
            event_type: event_type.into(),
            delivery_id,
        };
        Ok(JsonResponse(EventTest {
            data: wanted.into_iter().zip(sent).map(sample).collect(),
        }))
    }
}

impl EventSubscriptions {
    async fn find(&self, caller: &Caller, id: &str) -> Result<Row, Problem> {
        let row = event_subscriptions::find(&self.store, &caller.0, id).await?;
        row.ok_or_else(Problem::not_found)
    }

    /// An address that events may go to, as it is stored.
    fn receiver(&self, url: &Text<1, 2000>) -> Result<String, Problem> {
        let parsed = self.receiver_urls.parse(&url.0);
        let parsed = parsed.map_err(|refused| Problem::invalid(format!("url: {refused}")))?;
        Ok(parsed.into())
    }
}

/// As Standard Webhooks writes it: 32 random bytes.
fn new_secret() -> Result<SecretText, Problem> {
    Ok(SecretText::new(format!("whsec_{}", STANDARD.encode(random()?))))
}

fn shown(row: Row, secret: SecretText) -> EventSubscriptionWithSecret {
    EventSubscriptionWithSecret {
        subscription: row.into(),
        secret: secret.into(),
    }
}

impl From<Row> for EventSubscription {
    fn from(row: Row) -> Self {
        let types = |types: Vec<String>| types.into_iter().map(Into::into).collect();
        Self {
            id: row.id,
            url: row.url,
            description: row.description.into(),
            event_types: row.event_types.map(types).into(),
            status: row.status.into(),
            disabled_reason: row.disabled_reason.map(Into::into).into(),
            failing_since: row.failing_since.map(Time).into(),
            previous_secret_expires_at: row.previous_secret_expires_at.map(Time).into(),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}
