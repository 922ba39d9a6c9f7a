//! `/v1/leads`: people who may become customers.

use std::sync::Arc;

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use store::Store;
use store::rows::leads::{self, LeadFilter};

use super::Tag;
use super::paging::{Count, Limit, Listing, page};
use crate::http::answer::{CreatedResponse, JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::idempotency::IdempotencyKey;
use crate::http::problem::Problem;
use crate::http::values::{FilterTime, Phone, Text};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Leads(pub(crate) Arc<Store>);

store::leads!(crate::api::resource::objects);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Leads")]
impl Leads {
    /// List leads, newest first.
    #[expect(clippy::too_many_arguments, reason = "one for each query parameter")]
    #[oai(path = "/leads", method = "get", operation_id = "listLeads")]
    async fn list(
        &self,
        caller: Caller,
        /// Exactly this status.
        status: Query<Option<Text<0, 50>>>,
        /// Exactly this source.
        source: Query<Option<Text<0, 100>>>,
        /// Exactly this sentiment.
        sentiment: Query<Option<Text<0, 50>>>,
        /// This phone number, in any spelling.
        phone: Query<Option<Text<0, 32>>>,
        /// Anywhere in name, phone or summary.
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
    ) -> Result<JsonResponse<Listing<Lead>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let filter = LeadFilter {
            status: status.0.map(Into::into),
            source: source.0.map(Into::into),
            sentiment: sentiment.0.map(Into::into),
            phone: phone.0.map(|typed| Phone::spellings(&typed.0)),
            q: q.0.map(Into::into),
            created_after: created_after.0.map(Into::into),
            created_before: created_before.0.map(Into::into),
        };
        Ok(JsonResponse(Listing::new(
            leads::list(&self.0, &caller.0, &filter, &page).await?,
        )))
    }

    /// Add a lead.
    #[oai(path = "/leads", method = "post", operation_id = "createLead")]
    async fn create(
        &self,
        caller: Caller,
        /// Repeat a request with the same key, and it is answered with the row that the first one made.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: IdempotencyKey,
        body: JsonBody<NewLead>,
    ) -> Result<CreatedResponse<Lead>, Problem> {
        let key = idempotency_key.as_deref();
        let made = leads::create(&self.0, &caller.0, &body.0.into(), key).await?;
        CreatedResponse::new("/v1/leads", made, |lead: &Lead| &lead.id)
    }

    /// Get a lead.
    #[oai(path = "/leads/:id", method = "get", operation_id = "getLead")]
    async fn get(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<JsonResponse<Lead>, Problem> {
        let lead = leads::find(&self.0, &caller.0, &id.0.0)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(lead.into()))
    }

    /// Change a lead.
    #[oai(path = "/leads/:id", method = "patch", operation_id = "updateLead")]
    async fn update(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
        body: JsonBody<LeadChange>,
    ) -> Result<JsonResponse<Lead>, Problem> {
        let lead = leads::update(&self.0, &caller.0, &id.0.0, &body.0.into())
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(lead.into()))
    }

    /// Delete a lead.
    #[oai(path = "/leads/:id", method = "delete", operation_id = "deleteLead")]
    async fn delete(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<NoContent, Problem> {
        if leads::delete(&self.0, &caller.0, &id.0.0).await? {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }
}
