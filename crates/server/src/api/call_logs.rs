//! `/v1/call-logs`: calls that were handled.

use std::sync::Arc;

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use store::Store;
use store::rows::call_logs::{self, CallLogFilter};

use super::Tag;
use super::paging::{Count, Limit, Listing, page};
use crate::http::answer::{CreatedResponse, JsonResponse};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::idempotency::IdempotencyKey;
use crate::http::problem::Problem;
use crate::http::values::{FilterTime, Phone, Seconds, Text, WebUrl};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct CallLogs(pub(crate) Arc<Store>);

store::call_logs!(crate::api::resource::objects);

#[OpenApi(prefix_path = "/v1", tag = "Tag::CallLogs")]
impl CallLogs {
    /// List calls, newest first.
    #[expect(clippy::too_many_arguments, reason = "one for each query parameter")]
    #[oai(path = "/call-logs", method = "get", operation_id = "listCallLogs")]
    async fn list(
        &self,
        caller: Caller,
        /// This phone number, in any spelling.
        phone: Query<Option<Text<0, 32>>>,
        /// Exactly this sentiment.
        sentiment: Query<Option<Text<0, 50>>>,
        /// Anywhere in phone or summary.
        q: Query<Option<Text<0, 200>>>,
        /// Created at this time or later; without a zone it is read as UTC.
        created_after: Query<Option<FilterTime>>,
        /// Created before this time; without a zone it is read as UTC.
        created_before: Query<Option<FilterTime>>,
        /// Rows at most, 1 to 200; 50 if not given.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
        /// `exact` also counts all rows that the filters let through.
        count: Query<Option<Count>>,
    ) -> Result<JsonResponse<Listing<CallLog>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let filter = CallLogFilter {
            phone: phone.0.map(|typed| Phone::spellings(&typed.0)),
            sentiment: sentiment.0.map(Into::into),
            q: q.0.map(Into::into),
            created_after: created_after.0.map(Into::into),
            created_before: created_before.0.map(Into::into),
        };
        Ok(JsonResponse(Listing::new(
            call_logs::list(&self.0, &caller.0, &filter, &page).await?,
        )))
    }

    /// Add a call.
    #[oai(path = "/call-logs", method = "post", operation_id = "createCallLog")]
    async fn create(
        &self,
        caller: Caller,
        /// Repeat a request with the same key, and it is answered with the row that the first one made.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: IdempotencyKey,
        body: JsonBody<NewCallLog>,
    ) -> Result<CreatedResponse<CallLog>, Problem> {
        let key = idempotency_key.as_deref();
        let made = call_logs::create(&self.0, &caller.0, &body.0.into(), key).await?;
        CreatedResponse::new("/v1/call-logs", made, |call: &CallLog| &call.id)
    }

    /// Get a call.
    #[oai(path = "/call-logs/:id", method = "get", operation_id = "getCallLog")]
    async fn get(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<JsonResponse<CallLog>, Problem> {
        let call = call_logs::find(&self.0, &caller.0, &id.0.0)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(call.into()))
    }
}
