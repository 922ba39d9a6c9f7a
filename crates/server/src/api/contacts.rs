//! `/v1/contacts`: the address book.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use store::Store;
use store::rows::contact_import;
use store::rows::contacts::{self, ContactFilter};

use super::Tag;
use super::browser_contacts::{Import, ImportResult};
use super::paging::{Count, Limit, Listing, page};
use crate::http::answer::{CreatedResponse, JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::idempotency::IdempotencyKey;
use crate::http::problem::Problem;
use crate::http::values::{Email, FilterTime, Phone, Text, Time};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Contacts(pub(crate) Arc<Store>);

store::contacts!(crate::api::resource::objects);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Contacts")]
impl Contacts {
    /// List contacts, newest first.
    #[expect(clippy::too_many_arguments, reason = "one for each query parameter")]
    #[oai(path = "/contacts", method = "get", operation_id = "listContacts")]
    async fn list(
        &self,
        caller: Caller,
        /// Exactly this status.
        status: Query<Option<Text<0, 50>>>,
        /// Exactly this company.
        company: Query<Option<Text<0, 200>>>,
        /// This phone number, in any spelling.
        phone: Query<Option<Text<0, 32>>>,
        /// This e-mail address, in any case.
        email: Query<Option<Text<0, 320>>>,
        /// Anywhere in name, e-mail, phone, company or notes.
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
    ) -> Result<JsonResponse<Listing<Contact>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let filter = ContactFilter {
            status: status.0.map(Into::into),
            company: company.0.map(Into::into),
            phone: phone.0.map(|typed| Phone::spellings(&typed.0)),
            email: email.0.map(Into::into),
            q: q.0.map(Into::into),
            created_after: created_after.0.map(Into::into),
            created_before: created_before.0.map(Into::into),
        };
        Ok(JsonResponse(Listing::new(
            contacts::list(&self.0, &caller.0, &filter, &page).await?,
        )))
    }

    /// Add a contact.
    #[oai(path = "/contacts", method = "post", operation_id = "createContact")]
    async fn create(
        &self,
        caller: Caller,
        /// Repeat a request with the same key, and it is answered with the row that the first one made.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: IdempotencyKey,
        body: JsonBody<NewContact>,
    ) -> Result<CreatedResponse<Contact>, Problem> {
        let key = idempotency_key.as_deref();
        let made = contacts::create(&self.0, &caller.0, &body.0.into(), key).await?;
        CreatedResponse::new("/v1/contacts", made, |contact: &Contact| &contact.id)
    }

    /// Take over the contacts that a browser kept; repeating an import doubles nobody.
    #[oai(path = "/contacts/import", method = "post", operation_id = "importContacts")]
    async fn import(
        &self,
        caller: Caller,
        body: JsonBody<Import>,
    ) -> Result<JsonResponse<ImportResult>, Problem> {
        let (accepted, rejected) = body.0.sorted();
        let outcome = contact_import::import(&self.0, &caller.0, accepted).await?;
        Ok(JsonResponse(ImportResult::new(outcome, rejected)))
    }

    /// Get a contact.
    #[oai(path = "/contacts/:id", method = "get", operation_id = "getContact")]
    async fn get(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<JsonResponse<Contact>, Problem> {
        let contact = contacts::find(&self.0, &caller.0, &id.0.0)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(contact.into()))
    }

    /// Change a contact.
    #[oai(path = "/contacts/:id", method = "patch", operation_id = "updateContact")]
    async fn update(
        &self,
        caller: Caller,
        id: Path<Text<1, 200>>,
        body: JsonBody<ContactChange>,
    ) -> Result<JsonResponse<Contact>, Problem> {
        let contact = contacts::update(&self.0, &caller.0, &id.0.0, &body.0.into())
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(contact.into()))
    }

    /// Delete a contact.
    #[oai(path = "/contacts/:id", method = "delete", operation_id = "deleteContact")]
    async fn delete(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<NoContent, Problem> {
        if contacts::delete(&self.0, &caller.0, &id.0.0).await? {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }
}
