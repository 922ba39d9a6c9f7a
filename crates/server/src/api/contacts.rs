//! `/v1/contacts`: the address book.

use std::sync::Arc;

use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::contact_import;
use store::rows::contacts::{self, ContactChange, ContactFilter, NewContact};

use super::Tag;
use super::browser_contacts::{Import, ImportResult};
use super::paging::{Count, Limit, Listing, page};
use crate::http::answer::{CreatedResponse, JsonResponse, NoContent, Nullable};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::{body, change};
use crate::http::idempotency::IdempotencyKey;
use crate::http::problem::Problem;
use crate::http::values::{Email, FilterTime, Phone, Text, Time};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Contacts(pub(crate) Arc<Store>);

/// An entry of the address book.
#[derive(Object, Serialize)]
struct Contact {
    id: String,
    first_name: String,
    last_name: Nullable<String>,
    email: Nullable<String>,
    /// E.164 where it could be read as that, else as it was typed.
    phone: Nullable<String>,
    company: Nullable<String>,
    job_position: Nullable<String>,
    /// For example active, pending or inactive.
    status: String,
    notes: Nullable<String>,
    plan: Nullable<String>,
    appointment_date: Nullable<Time>,
    business_name: Nullable<String>,
    business_position: Nullable<String>,
    created_at: Time,
    updated_at: Time,
}

/// What a new contact consists of; without a status it is active.
#[derive(Object)]
#[oai(rename = "NewContact")]
struct ContactInput {
    first_name: Text<1, 200>,
    #[oai(nullable)]
    last_name: Option<Text<0, 200>>,
    #[oai(nullable)]
    email: Option<Email>,
    #[oai(nullable)]
    phone: Option<Phone>,
    #[oai(nullable)]
    company: Option<Text<0, 200>>,
    #[oai(nullable)]
    job_position: Option<Text<0, 200>>,
    #[oai(nullable)]
    status: Option<Text<1, 50>>,
    #[oai(nullable)]
    notes: Option<Text<0, 100_000>>,
    #[oai(nullable)]
    plan: Option<Text<0, 200>>,
    #[oai(nullable)]
    appointment_date: Option<Time>,
    #[oai(nullable)]
    business_name: Option<Text<0, 200>>,
    #[oai(nullable)]
    business_position: Option<Text<0, 200>>,
}

body!(ContactInput {
    required: first_name;
    optional: last_name, email, phone, company, job_position, status, notes, plan, appointment_date, business_name,
        business_position;
});

/// What to change in a contact; fields that aren't named stay, null empties.
#[derive(Object)]
#[oai(rename = "ContactChange")]
struct ContactPatch {
    first_name: Option<Text<1, 200>>,
    status: Option<Text<1, 50>>,
    #[oai(nullable)]
    last_name: MaybeUndefined<Text<0, 200>>,
    #[oai(nullable)]
    email: MaybeUndefined<Email>,
    #[oai(nullable)]
    phone: MaybeUndefined<Phone>,
    #[oai(nullable)]
    company: MaybeUndefined<Text<0, 200>>,
    #[oai(nullable)]
    job_position: MaybeUndefined<Text<0, 200>>,
    #[oai(nullable)]
    notes: MaybeUndefined<Text<0, 100_000>>,
    #[oai(nullable)]
    plan: MaybeUndefined<Text<0, 200>>,
    #[oai(nullable)]
    appointment_date: MaybeUndefined<Time>,
    #[oai(nullable)]
    business_name: MaybeUndefined<Text<0, 200>>,
    #[oai(nullable)]
    business_position: MaybeUndefined<Text<0, 200>>,
}

body!(ContactPatch {
    changed: first_name, status;
    cleared: last_name, email, phone, company, job_position, notes, plan, appointment_date, business_name,
        business_position;
});

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
        body: JsonBody<ContactInput>,
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
        body: JsonBody<ContactPatch>,
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

impl From<ContactInput> for NewContact {
    fn from(input: ContactInput) -> Self {
        Self {
            first_name: input.first_name.into(),
            last_name: input.last_name.map(Into::into),
            email: input.email.map(Into::into),
            phone: input.phone.map(Into::into),
            company: input.company.map(Into::into),
            job_position: input.job_position.map(Into::into),
            status: input.status.map(Into::into),
            notes: input.notes.map(Into::into),
            plan: input.plan.map(Into::into),
            appointment_date: input.appointment_date.map(Into::into),
            business_name: input.business_name.map(Into::into),
            business_position: input.business_position.map(Into::into),
        }
    }
}

impl From<ContactPatch> for ContactChange {
    fn from(patch: ContactPatch) -> Self {
        Self {
            first_name: patch.first_name.map(Into::into),
            status: patch.status.map(Into::into),
            last_name: change(patch.last_name),
            email: change(patch.email),
            phone: change(patch.phone),
            company: change(patch.company),
            job_position: change(patch.job_position),
            notes: change(patch.notes),
            plan: change(patch.plan),
            appointment_date: change(patch.appointment_date),
            business_name: change(patch.business_name),
            business_position: change(patch.business_position),
        }
    }
}

impl From<contacts::Contact> for Contact {
    fn from(contact: contacts::Contact) -> Self {
        Self {
            id: contact.id,
            first_name: contact.first_name,
            last_name: contact.last_name.into(),
            email: contact.email.into(),
            phone: contact.phone.into(),
            company: contact.company.into(),
            job_position: contact.job_position.into(),
            status: contact.status,
            notes: contact.notes.into(),
            plan: contact.plan.into(),
            appointment_date: contact.appointment_date.map(Time).into(),
            business_name: contact.business_name.into(),
            business_position: contact.business_position.into(),
            created_at: contact.created_at.into(),
            updated_at: contact.updated_at.into(),
        }
    }
}
