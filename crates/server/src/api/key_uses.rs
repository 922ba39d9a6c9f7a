//! `/v1/key-uses`: who has used which of the caller's keys, and for what.

use std::sync::Arc;

use poem_openapi::param::Query;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::key_uses::{self, KeyUse as Row, KeyUseFilter};

use super::Tag;
use super::paging::{Count, Limit, Listing, page};
use crate::http::answer::JsonResponse;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::{FilterTime, Time};
use crate::relay::Service;

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct KeyUses(pub(crate) Arc<Store>);

/// A key of the caller's was sent to its provider.
#[derive(Object, Serialize)]
struct KeyUse {
    id: String,
    service: StoredEnum<Service>,
    method: String,
    host: String,
    /// Without the query; a part that may be a secret, or that names a person, is `*`.
    path: String,
    /// What the provider answered; null if it didn't.
    status: Nullable<i32>,
    /// Milliseconds until its answer began.
    duration_ms: i32,
    /// Of the body that was sent.
    bytes_out: i64,
    /// Of the body that came back, as far as it was read.
    bytes_in: i64,
    /// The app whose token was used, if it was one's.
    client_id: Nullable<String>,
    /// The caller's access token that was used, if it was one; it may be revoked since.
    access_token_id: Nullable<String>,
    /// Whether a back end acted for the caller.
    service_token: bool,
    /// When the key was sent.
    created_at: Time,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::KeyUses")]
impl KeyUses {
    /// List uses of the caller's keys, newest first: relayed calls, renewals of access, questions to Twilio. Each is here a
    /// moment after its answer, for as long as the operator's `RETENTION_DAYS` say.
    #[expect(clippy::too_many_arguments, reason = "one for each query parameter")]
    #[oai(path = "/key-uses", method = "get", operation_id = "listKeyUses")]
    async fn list(
        &self,
        caller: Caller,
        /// Of this service's key.
        service: Query<Option<Service>>,
        /// At this time or later; without a zone it is read as UTC.
        created_after: Query<Option<FilterTime>>,
        /// Before this time; without a zone it is read as UTC.
        created_before: Query<Option<FilterTime>>,
        /// Rows at most, 1 to 200; 50 if not given.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
        /// `exact` also counts all rows that the filters let through.
        count: Query<Option<Count>>,
    ) -> Result<JsonResponse<Listing<KeyUse>>, Problem> {
        let page = page(limit.0, cursor.0.as_deref(), count.0)?;
        let filter = KeyUseFilter {
            service: service.0.map(|service| service.name().to_owned()),
            created_after: created_after.0.map(Into::into),
            created_before: created_before.0.map(Into::into),
        };
        let uses = key_uses::list(&self.0, &caller.0, &filter, &page).await?;
        Ok(JsonResponse(Listing::new(uses)))
    }
}

impl From<Row> for KeyUse {
    fn from(used: Row) -> Self {
        Self {
            id: used.id,
            service: used.service.into(),
            method: used.method,
            host: used.host,
            path: used.path,
            status: used.status.into(),
            duration_ms: used.duration_ms,
            bytes_out: used.bytes_out,
            bytes_in: used.bytes_in,
            client_id: used.client_id.into(),
            access_token_id: used.access_token_id.into(),
            service_token: used.service_token,
            created_at: used.created_at.into(),
        }
    }
}
