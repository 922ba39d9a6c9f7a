//! `/v1/api-keys`: the caller's keys for other services. They go in, are used by the relay, and never come out, but
//! for a back end that has the project's service key.

use std::sync::Arc;

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::api_keys::{self, KeyError, SealedStore};

use crate::http::answer::{JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::{Backend, Caller};
use crate::http::fields::body;
use crate::http::groups::Tag;
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::{ApiKeyText, Time};
use crate::oauth::OAuth;
use crate::relay::Service;

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct ApiKeys {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed_store: Arc<SealedStore>,
    pub(crate) oauth: Arc<OAuth>,
}

/// A service that the caller has a key for; never the key.
#[derive(Object, Serialize)]
struct ApiKey {
    service_name: StoredEnum<Service>,
    /// False once the caller has disconnected the service.
    is_active: bool,
    /// The last four characters, only of keys of 20 or more.
    hint: Nullable<String>,
    created_at: Time,
    updated_at: Time,
    last_used_at: Nullable<Time>,
}

/// The services that the caller has keys for.
#[derive(Object, Serialize)]
struct ApiKeyList {
    data: Vec<ApiKey>,
}

/// A key to save or to check.
#[derive(Object)]
#[oai(rename = "ApiKeyInput")]
struct KeyInput {
    /// The key as the service shows it; white space around it is cut.
    api_key: ApiKeyText,
}

body!(KeyInput { required: api_key; });

/// Whether a key is the saved one.
#[derive(Object, Serialize)]
#[oai(rename = "ApiKeyMatch")]
struct Verdict {
    matches: bool,
}

/// A key in clear.
#[derive(Object, Serialize)]
#[oai(rename = "RevealedApiKey")]
struct Revealed {
    api_key: ApiKeyText,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::ApiKeys")]
impl ApiKeys {
    /// List the services that have a key.
    #[oai(path = "/api-keys", method = "get", operation_id = "listApiKeys")]
    async fn list(&self, caller: Caller) -> Result<JsonResponse<ApiKeyList>, Problem> {
        let keys = api_keys::list(&self.store, &caller.0).await?;
        Ok(JsonResponse(ApiKeyList {
            data: keys.into_iter().map(Into::into).collect(),
        }))
    }

    /// Save a key, in place of the one before, and connect the service.
    #[oai(path = "/api-keys/:service", method = "put", operation_id = "saveApiKey")]
    async fn save(
        &self,
        caller: Caller,
        service: Path<Service>,
        body: JsonBody<KeyInput>,
    ) -> Result<JsonResponse<ApiKey>, Problem> {
        let JsonBody(KeyInput { api_key }) = body;
        let saved = self
            .sealed_store
            .save(&caller.0, service.0.name(), &api_key.into())
            .await?;
        Ok(JsonResponse(saved.into()))
    }

    /// Disconnect a service; with `purge=true` destroy its key as well.
    #[oai(path = "/api-keys/:service", method = "delete", operation_id = "deleteApiKey")]
    async fn delete(
        &self,
        caller: Caller,
        service: Path<Service>,
        /// Destroy the sealed key instead of keeping it for reconnecting.
        purge: Query<Option<bool>>,
    ) -> Result<NoContent, Problem> {
        let found = if purge.0 == Some(true) {
            self.oauth.revoke(&caller.0, service.0).await?;
            api_keys::purge(&self.store, &caller.0, service.0.name()).await?
        } else {
            api_keys::deactivate(&self.store, &caller.0, service.0.name()).await?
        };
        if found {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }

    /// Check whether a key is the saved one.
    #[oai(
        path = "/api-keys/:service/verify",
        method = "post",
        operation_id = "verifyApiKey"
    )]
    async fn verify(
        &self,
        caller: Caller,
        service: Path<Service>,
        body: JsonBody<KeyInput>,
    ) -> Result<JsonResponse<Verdict>, Problem> {
        let JsonBody(KeyInput { api_key }) = body;
        let matches = self
            .sealed_store
            .matches(&caller.0, service.0.name(), &api_key.into())
            .await?;
        Ok(JsonResponse(Verdict { matches }))
    }

    /// Give a back end the key of the user that it acts for.
    ///
    /// Only with a token whose role is `service_role` and the header `x-mako-user`. Browsers use the relay instead.
    #[oai(
        path = "/api-keys/:service/reveal",
        method = "post",
        operation_id = "revealApiKey"
    )]
    async fn reveal(
        &self,
        backend: Backend,
        service: Path<Service>,
    ) -> Result<JsonResponse<Revealed>, Problem> {
        let key = self.oauth.key(&backend.0, service.0).await?;
        tracing::info!(
            request_id = crate::http::request_id::current(),
            service = service.0.name(),
            "an API key was revealed to a back end"
        );
        Ok(JsonResponse(Revealed {
            api_key: key.secret.into(),
        }))
    }
}

impl From<api_keys::ApiKey> for ApiKey {
    fn from(key: api_keys::ApiKey) -> Self {
        Self {
            service_name: key.service_name.into(),
            is_active: key.is_active,
            hint: key.hint.into(),
            created_at: key.created_at.into(),
            updated_at: key.updated_at.into(),
            last_used_at: key.last_used_at.map(Time).into(),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Absent => Self::not_found(),
            KeyError::Inactive => Self::not_connected(),
            KeyError::Unreadable => Self::new(
                poem::http::StatusCode::CONFLICT,
                "MK_KEY_UNREADABLE",
                "The saved key can't be opened",
            )
            .hint(
                "Save the key again; if many can't be opened, a key is missing from ENCRYPTION_KEYS_RETIRED",
            ),
            KeyError::Unsealable => Self::internal(),
            KeyError::Database(error) => error.into(),
        }
    }
}
