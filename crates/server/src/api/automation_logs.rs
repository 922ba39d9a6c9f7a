//! `/v1/automation-logs`: what automations did.

use std::sync::Arc;

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use store::Store;
use store::rows::automation_logs::{self, AutomationLogFilter};

use super::Tag;
use super::paging::{Count, Limit, Listing, page};
use crate::http::answer::{CreatedResponse, JsonResponse};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::idempotency::IdempotencyKey;
use crate::http::problem::Problem;
use crate::http::values::{FilterTime, Text};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct AutomationLogs(pub(crate) Arc<Store>);

store::automation_logs!(crate::api::resource::objects);

#[OpenApi(prefix_path = "/v1", tag = "Tag::AutomationLogs")]
impl AutomationLogs {
    /// List what automations did, newest first.
    #[expect(clippy::too_many_arguments, reason = "one for each query parameter")]
    #[oai(
        path = "/automation-logs",
        method = "get",
        operation_id = "listAutomationLogs"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// Exactly this type.
        action_type: Query<Option<Text<0, 100>>>,
        /// Exactly this status.
        status: Query<Option<Text<0, 50>>>,
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
    ) -> Result<JsonResponse<Listing<AutomationLog>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let filter = AutomationLogFilter {
            action_type: action_type.0.map(Into::into),
            status: status.0.map(Into::into),
            created_after: created_after.0.map(Into::into),
            created_before: created_before.0.map(Into::into),
        };
        Ok(JsonResponse(Listing::new(
            automation_logs::list(&self.0, &caller.0, &filter, &page).await?,
        )))
    }

    /// Add something that an automation did.
    #[oai(
        path = "/automation-logs",
        method = "post",
        operation_id = "createAutomationLog"
    )]
    async fn create(
        &self,
        caller: Caller,
        /// Repeat a request with the same key, and it is answered with the row that the first one made.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: IdempotencyKey,
        body: JsonBody<NewAutomationLog>,
    ) -> Result<CreatedResponse<AutomationLog>, Problem> {
        let key = idempotency_key.as_deref();
        let made = automation_logs::create(&self.0, &caller.0, &body.0.into(), key).await?;
        CreatedResponse::new("/v1/automation-logs", made, |log: &AutomationLog| &log.id)
    }

    /// Get something that an automation did.
    #[oai(
        path = "/automation-logs/:id",
        method = "get",
        operation_id = "getAutomationLog"
    )]
    async fn get(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
    ) -> Result<JsonResponse<AutomationLog>, Problem> {
        let log = automation_logs::find(&self.0, &caller.0, &id.0.0)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(log.into()))
    }
}
