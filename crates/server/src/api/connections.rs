//! `/v1/connections`: each service, how it is connected, and whether that works, as its provider said last.

use std::sync::Arc;

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::param::Path;
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::api_keys;

use crate::http::answer::{JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::body;
use crate::http::groups::Tag;
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::{Text, Time, WebUrl};
use crate::oauth::{AuthorizeError, OAuth, Unfinished};
use crate::relay::Service;

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) store: Arc<Store>,
    pub(crate) oauth: Arc<OAuth>,
}

/// How a service is connected.
#[derive(Clone, Copy, Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum ConnectionKind {
    /// By a key that the caller saved.
    Key,
    /// By access that the caller granted at the provider.
    #[serde(rename = "oauth")]
    #[oai(rename = "oauth")]
    OAuth,
}

/// Whether it can be used.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum ConnectionStatus {
    /// There is a key, and the provider has not refused it.
    Connected,
    /// The provider refused the key the last time that it was used, or has ended the access.
    Error,
    /// The time of the access is over, and nothing renews it.
    Expired,
    /// There is no key, or the caller has disconnected the service.
    None,
}

/// A service, and whether the caller can use it.
#[derive(Object, Serialize)]
pub(crate) struct Connection {
    service: StoredEnum<Service>,
    kind: ConnectionKind,
    status: ConnectionStatus,
    /// How the provider refused the key; null once it takes one again.
    last_error: Nullable<String>,
    /// When the provider took the key last, to a minute.
    last_ok_at: Nullable<Time>,
    last_used_at: Nullable<Time>,
    /// Until when the access that was granted lasts, unless it is renewed; null for keys, and if the provider doesn't say.
    expires_at: Nullable<Time>,
    /// What was granted, if the provider says so.
    scopes: Nullable<Vec<String>>,
    /// Which account it is at the provider, if the provider says so.
    account: Nullable<String>,
}

/// Every service.
#[derive(Object, Serialize)]
struct ConnectionList {
    data: Vec<Connection>,
}

/// What a page says to begin an authorisation.
#[derive(Object)]
#[oai(rename = "AuthorizationRequest")]
struct AuthorizationInput {
    /// Where the browser goes afterwards, with `service`, `status` (`connected`, `pending` or `error`) and `error` in its query: a
    /// page of an origin of `CORS_ALLOWED_ORIGINS`, or of this service's own.
    return_to: WebUrl,
    /// Another of the provider's hosts to sign in at: `test.salesforce.com`, or a My Domain.
    server: Option<Text<1, 253>>,
}

body!(AuthorizationInput { required: return_to; optional: server; });

/// What a page says to finish an authorisation whose browser came back with `status=pending`.
#[derive(Object)]
#[oai(rename = "AuthorizationCompletion")]
struct CompletionInput {
    /// As it stands in the fragment of the page's address.
    completion: Text<1, 8192>,
}

body!(CompletionInput { required: completion; });

/// An authorisation that was begun.
#[derive(Object, Serialize)]
struct AuthorizationBegun {
    /// At the provider: send the browser there, within ten minutes.
    authorize_url: String,
}

/// The same, and the cookie that the browser comes back with.
struct Begun {
    body: AuthorizationBegun,
    cookie: String,
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        let mut response = JsonResponse(self.body).into_response();
        if let Ok(cookie) = HeaderValue::from_str(&self.cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

impl ApiResponse for Begun {
    fn meta() -> MetaResponses {
        JsonResponse::<AuthorizationBegun>::meta()
    }

    fn register(registry: &mut Registry) {
        <JsonResponse<AuthorizationBegun> as ApiResponse>::register(registry);
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Connections")]
impl Connections {
    /// List every service, and whether the caller's key for it works.
    #[oai(path = "/connections", method = "get", operation_id = "listConnections")]
    async fn list(&self, caller: Caller) -> Result<JsonResponse<ConnectionList>, Problem> {
        let mut keys = api_keys::list(&self.store, &caller.0).await?;
        let connection = |service: Service| {
            let key = keys.iter().position(|key| key.service_name == service.name());
            Connection::new(service.name().to_owned(), key.map(|at| keys.swap_remove(at)))
        };
        let mut data: Vec<_> = Service::all().map(connection).collect();
        // Of a service that was in PROVIDERS_FILE once.
        data.extend(keys.into_iter().map(Connection::from));
        Ok(JsonResponse(ConnectionList { data }))
    }

    /// Begin to connect a service by granting access at its provider. Call it from the page whose browser goes there.
    #[oai(
        path = "/connections/:service/authorize",
        method = "post",
        operation_id = "authorizeConnection"
    )]
    async fn authorize(
        &self,
        caller: Caller,
        service: Path<Service>,
        body: JsonBody<AuthorizationInput>,
    ) -> Result<Begun, Problem> {
        let JsonBody(AuthorizationInput { return_to, server }) = body;
        let server = server.as_ref().map(|Text(server)| server.as_str());
        let begun = self
            .oauth
            .authorize(&caller.0, service.0, &return_to.0, server)
            .await?;
        Ok(Begun {
            body: AuthorizationBegun {
                authorize_url: begun.authorize_url.into(),
            },
            cookie: begun.cookie,
        })
    }

    /// Finish an authorisation of the caller's, where the browser came back with `status=pending`: within a minute, and once.
    #[oai(
        path = "/connections/:service/complete",
        method = "post",
        operation_id = "completeConnection"
    )]
    async fn complete(
        &self,
        caller: Caller,
        service: Path<Service>,
        body: JsonBody<CompletionInput>,
    ) -> Result<NoContent, Problem> {
        let JsonBody(CompletionInput {
            completion: Text(completion),
        }) = body;
        self.oauth.complete(&caller.0, service.0, &completion).await?;
        Ok(NoContent)
    }

    /// Disconnect a service, and destroy what it was connected by; access that was granted is revoked where that can be done.
    #[oai(
        path = "/connections/:service",
        method = "delete",
        operation_id = "deleteConnection"
    )]
    async fn delete(&self, caller: Caller, service: Path<Service>) -> Result<NoContent, Problem> {
        self.oauth.revoke(&caller.0, service.0).await?;
        if api_keys::purge(&self.store, &caller.0, service.0.name()).await? {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }
}

impl Connection {
    fn new(service: String, key: Option<api_keys::ApiKey>) -> Self {
        let used = key.filter(|key| key.is_active);
        let status = match &used {
            None => ConnectionStatus::None,
            Some(key) if key.last_error.is_some() => ConnectionStatus::Error,
            Some(key) if key.is_expired => ConnectionStatus::Expired,
            Some(_) => ConnectionStatus::Connected,
        };
        let of = |key: &api_keys::ApiKey| {
            if key.oauth {
                ConnectionKind::OAuth
            } else {
                ConnectionKind::Key
            }
        };
        Self {
            service: service.into(),
            kind: used.as_ref().map_or(ConnectionKind::Key, of),
            status,
            last_ok_at: used.as_ref().and_then(|key| key.last_ok_at).map(Time).into(),
            last_used_at: used.as_ref().and_then(|key| key.last_used_at).map(Time).into(),
            expires_at: used.as_ref().and_then(|key| key.expires_at).map(Time).into(),
            scopes: used.as_ref().and_then(|key| key.scopes.clone()).into(),
            account: used.as_ref().and_then(|key| key.account.clone()).into(),
            last_error: used.and_then(|key| key.last_error).into(),
        }
    }
}

impl From<api_keys::ApiKey> for Connection {
    fn from(key: api_keys::ApiKey) -> Self {
        Self::new(key.service_name.clone(), Some(key))
    }
}

impl From<Unfinished> for Problem {
    fn from(error: Unfinished) -> Self {
        match error {
            Unfinished::Store(error) => error.into(),
            Unfinished::NotBegun => Self::not_begun("This user has not begun this authorisation here"),
            Unfinished::Over => Self::not_begun(
                "This authorisation is finished, or a later one took its place, or it took too long",
            ),
            // The provider's code is good once, so that the same is in vain.
            Unfinished::Declined(_) | Unfinished::Unusable | Unfinished::Token(_) => {
                Self::bad_gateway("MK502", "The provider gives no access for this authorisation")
                    .hint("Begin again: POST /v1/connections/{service}/authorize")
            }
        }
    }
}

impl From<AuthorizeError> for Problem {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::NoApp => Self::new(
                StatusCode::CONFLICT,
                "MK_NO_OAUTH_APP",
                "This service can't be connected by authorisation: no app of it is configured here",
            )
            .hint("Save a key: PUT /v1/api-keys/{service}; or have the operator set OAUTH_<SERVICE>_CLIENT_ID and _CLIENT_SECRET"),
            AuthorizeError::ReturnTo => {
                Self::invalid("return_to: must be at an origin of CORS_ALLOWED_ORIGINS, or at this service's own")
            }
            AuthorizeError::Server => Self::invalid("server: is not one of the provider's hosts"),
            AuthorizeError::Store(error) => error.into(),
        }
    }
}
