//! `/v1/connections`: each service, and whether the caller's key for it works, as its provider said last.

use std::sync::Arc;

use poem_openapi::param::Path;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::api_keys;

use super::Tag;
use crate::http::answer::{JsonResponse, NoContent};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::schema::{Nullable, StoredEnum};
use crate::http::values::Time;
use crate::relay::Service;

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Connections(pub(crate) Arc<Store>);

/// How a service is connected.
#[derive(Clone, Copy, Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum ConnectionKind {
    /// By a key that the caller saved.
    Key,
}

/// Whether it can be used.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum ConnectionStatus {
    /// There is a key, and the provider has not refused it.
    Connected,
    /// The provider refused the key the last time that it was used.
    Error,
    /// There is no key, or the caller has disconnected the service.
    None,
}

/// A service, and whether the caller can use it.
#[derive(Object, Serialize)]
struct Connection {
    service: StoredEnum<Service>,
    kind: ConnectionKind,
    status: ConnectionStatus,
    /// How the provider refused the key; null once it takes one again.
    last_error: Nullable<String>,
    /// When the provider took the key last, to a minute.
    last_ok_at: Nullable<Time>,
    last_used_at: Nullable<Time>,
}

/// Every service.
#[derive(Object, Serialize)]
struct ConnectionList {
    data: Vec<Connection>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Connections")]
impl Connections {
    /// List every service, and whether the caller's key for it works.
    #[oai(path = "/connections", method = "get", operation_id = "listConnections")]
    async fn list(&self, caller: Caller) -> Result<JsonResponse<ConnectionList>, Problem> {
        let mut keys = api_keys::list(&self.0, &caller.0).await?;
        let connection = |service: Service| {
            let key = keys.iter().position(|key| key.service_name == service.name());
            Connection::new(service.name().to_owned(), key.map(|at| keys.swap_remove(at)))
        };
        let mut data: Vec<_> = Service::all().map(connection).collect();
        // Of a service that was in PROVIDERS_FILE once.
        data.extend(
            keys.into_iter()
                .map(|key| Connection::new(key.service_name.clone(), Some(key))),
        );
        Ok(JsonResponse(ConnectionList { data }))
    }

    /// Disconnect a service, and destroy what it was connected by.
    #[oai(
        path = "/connections/:service",
        method = "delete",
        operation_id = "deleteConnection"
    )]
    async fn delete(&self, caller: Caller, service: Path<Service>) -> Result<NoContent, Problem> {
        if api_keys::purge(&self.0, &caller.0, service.0.name()).await? {
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
            Some(_) => ConnectionStatus::Connected,
        };
        let (error, ok_at, used_at) = used.map_or((None, None, None), |key| {
            (key.last_error, key.last_ok_at, key.last_used_at)
        });
        Self {
            service: service.into(),
            kind: ConnectionKind::Key,
            status,
            last_error: error.into(),
            last_ok_at: ok_at.map(Time).into(),
            last_used_at: used_at.map(Time).into(),
        }
    }
}
