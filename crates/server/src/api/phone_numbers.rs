//! `/v1/phone-numbers`: numbers that the caller's webhooks come in on. A claim routes nothing until the provider, asked
//! with the caller's own key, or an admin confirms it.

use std::sync::Arc;

use poem::http::{HeaderMap, Method, StatusCode};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use store::Store;
use store::rows::api_keys::{KeyError, SealedStore};
use store::rows::phone_numbers::{self, ClaimedNumber, NewNumber};

use super::paging::{Count, Limit, Listing, page};
use super::relay::sent;
use super::webhook_endpoints::SourceName;
use crate::http::answer::{CreatedResponse, JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::body;
use crate::http::groups::Tag;
use crate::http::idempotency::IdempotencyKey;
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::{RoutableNumber, Text, Time};
use crate::relay::{Relay, RelayRequest, Service};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct PhoneNumbers {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed_store: Arc<SealedStore>,
    pub(crate) relay: Arc<Relay>,
}

/// A number that the caller has claimed.
#[derive(Object, Serialize)]
struct PhoneNumber {
    id: String,
    /// E.164, or a short code of 3 to 8 digits.
    phone: String,
    provider: StoredEnum<SourceName>,
    label: Nullable<String>,
    /// When the provider or an admin confirmed it; until then nothing is routed by it.
    verified_at: Nullable<Time>,
    created_at: Time,
}

/// A number to claim.
#[derive(Object)]
#[oai(rename = "PhoneNumberClaim")]
struct Claim {
    phone: RoutableNumber,
    /// `twilio` if not given.
    provider: Option<SourceName>,
    #[oai(nullable)]
    label: Option<Text<0, 200>>,
}

body!(Claim { required: phone; changed: provider; optional: label; });

#[OpenApi(prefix_path = "/v1", tag = "Tag::PhoneNumbers")]
impl PhoneNumbers {
    /// List the caller's numbers, newest first.
    #[oai(path = "/phone-numbers", method = "get", operation_id = "listPhoneNumbers")]
    async fn list(
        &self,
        caller: Caller,
        /// Rows at most, 1 to 200; 50 if not given.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
        /// `exact` also counts all rows.
        count: Query<Option<Count>>,
    ) -> Result<JsonResponse<Listing<PhoneNumber>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let numbers = phone_numbers::list(&self.store, &caller.0, &page).await?;
        Ok(JsonResponse(Listing::new(numbers)))
    }

    /// Claim a number. Others may claim it too; events go to whom it is verified for.
    #[oai(path = "/phone-numbers", method = "post", operation_id = "claimPhoneNumber")]
    async fn claim(
        &self,
        caller: Caller,
        /// Repeat a request with the same key, and it is answered with the row that the first one made.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: IdempotencyKey,
        body: JsonBody<Claim>,
    ) -> Result<CreatedResponse<PhoneNumber>, Problem> {
        let JsonBody(claim) = body;
        let label = claim.label.map(|label| label.0);
        let new = NewNumber {
            phone: &claim.phone.0,
            provider: claim.provider.unwrap_or(SourceName::Twilio).name(),
            label: label.as_deref(),
        };
        let key = idempotency_key.as_deref();
        let made = phone_numbers::claim(&self.store, &caller.0, &new, key).await?;
        CreatedResponse::new("/v1/phone-numbers", made, |number: &PhoneNumber| &number.id)
    }

    /// Get a number.
    #[oai(path = "/phone-numbers/:id", method = "get", operation_id = "getPhoneNumber")]
    async fn get(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<PhoneNumber>, Problem> {
        Ok(JsonResponse(self.find(&caller, &id.0.0).await?.into()))
    }

    /// Give a number up. Nothing is routed to the caller by it any more.
    #[oai(
        path = "/phone-numbers/:id",
        method = "delete",
        operation_id = "releasePhoneNumber"
    )]
    async fn release(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<NoContent, Problem> {
        if phone_numbers::release(&self.store, &caller.0, &id.0.0).await? {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }

    /// Ask Twilio, with the caller's saved key, whether the account owns the number.
    #[oai(
        path = "/phone-numbers/:id/verify",
        method = "post",
        operation_id = "verifyPhoneNumber"
    )]
    async fn verify(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<PhoneNumber>, Problem> {
        let id = id.0.0;
        let number = self.find(&caller, &id).await?;
        if number.verified_at.is_some() {
            return Ok(JsonResponse(number.into()));
        }
        if number.provider != "twilio" {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "MK_NOT_VERIFIABLE",
                "Only Twilio can be asked whether an account owns a number",
            )
            .hint("An admin confirms it with `mako numbers assign`"));
        }
        if !self.twilio_says_so(&caller, &number.phone).await? {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "MK_NOT_OWNED",
                "Twilio says that the account of the saved key doesn't have this number",
            )
            .hint("Save the key of the account that owns it (PUT /v1/api-keys/twilio), or ask an admin"));
        }
        match phone_numbers::confirm(&self.store, &caller.0, &id).await {
            Ok(true) => Ok(JsonResponse(self.find(&caller, &id).await?.into())),
            Ok(false) => Err(Problem::not_found()),
            Err(error) if error.sqlstate() == Some("23505") => Err(Problem::conflict(
                "The number is verified for somebody else; an admin can reassign it",
            )),
            Err(error) => Err(error.into()),
        }
    }
}

/// What Twilio lists.
#[derive(Default, Deserialize)]
struct IncomingPhoneNumbers {
    #[serde(default)]
    incoming_phone_numbers: Vec<Owned>,
    #[serde(default)]
    short_codes: Vec<Code>,
}

#[derive(Deserialize)]
struct Owned {
    phone_number: String,
}

#[derive(Deserialize)]
struct Code {
    short_code: String,
}

impl PhoneNumbers {
    async fn find(&self, caller: &Caller, id: &str) -> Result<ClaimedNumber, Problem> {
        phone_numbers::find(&self.store, &caller.0, id)
            .await?
            .ok_or_else(Problem::not_found)
    }

    /// twilio.com/docs/phone-numbers/api/incomingphonenumber-resource, /docs/messaging/api/short-code-resource
    async fn twilio_says_so(&self, caller: &Caller, phone: &str) -> Result<bool, Problem> {
        let key = self
            .sealed_store
            .take(&caller.0, Service::twilio().name())
            .await
            .map_err(|error| match error {
                KeyError::Absent => Problem::not_connected(),
                other => other.into(),
            })?;
        let account = key.secret.expose().split(':').next().unwrap_or_default();
        if !account.starts_with("AC") || !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Problem::conflict(
                "The saved Twilio key isn't AccountSid:AuthToken",
            ));
        }
        let ask = owned(account, phone);
        let answer = self.relay.call(&caller.0, ask, sent(&key)).await?;
        self.sealed_store
            .record_outcome(&caller.0, Service::twilio().name(), &key, answer.status.as_u16())
            .await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            return Err(Problem::conflict("Twilio refuses the saved key"));
        }
        if !answer.status.is_success() {
            return Err(Problem::bad_gateway("MK502", "Twilio doesn't answer as expected"));
        }
        let body = answer.body.into_bytes_limit(LIMIT).await;
        let listed: IncomingPhoneNumbers = body
            .ok()
            .and_then(|body| serde_json::from_slice(&body).ok())
            .ok_or_else(|| Problem::bad_gateway("MK502", "Twilio doesn't answer as expected"))?;
        // The filter is Twilio's business; what it lists is compared all the same.
        Ok(listed
            .incoming_phone_numbers
            .iter()
            .any(|owned| owned.phone_number == phone)
            || listed.short_codes.iter().any(|code| code.short_code == phone))
    }
}

/// Asks Twilio for an account's numbers that are this one.
fn owned(account: &str, phone: &str) -> RelayRequest {
    let (resource, filter) = if phone.starts_with('+') {
        (
            "IncomingPhoneNumbers",
            format!("PhoneNumber={}", phone.replace('+', "%2B")),
        )
    } else {
        ("SMS/ShortCodes", format!("ShortCode={phone}"))
    };
    RelayRequest {
        service: Service::twilio(),
        method: Method::GET,
        raw_path: format!("2010-04-01/Accounts/{account}/{resource}.json"),
        query: Some(filter),
        headers: HeaderMap::new(),
        body: None,
    }
}

/// Far more than a list of one number.
const LIMIT: usize = 1024 * 1024;

impl From<ClaimedNumber> for PhoneNumber {
    fn from(number: ClaimedNumber) -> Self {
        Self {
            id: number.id,
            phone: number.phone,
            provider: number.provider.into(),
            label: number.label.into(),
            verified_at: number.verified_at.map(Time).into(),
            created_at: number.created_at.into(),
        }
    }
}
