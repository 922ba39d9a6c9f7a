//! How is the service put together? Routes, the document, and the edge around them.

use std::collections::HashMap;
use std::sync::Arc;

use poem::endpoint::make_sync;
use poem::{Endpoint, EndpointExt as _, Response, Route, get};
use poem_openapi::OpenApiService;
use reqwest::Url;
use store::rows::api_keys::Vault;
use store::{SealingKeys, Store};

use crate::api::api_keys::ApiKeys;
use crate::api::automation_logs::AutomationLogs;
use crate::api::call_logs::CallLogs;
use crate::api::contacts::Contacts;
use crate::api::dashboard::Dashboard;
use crate::api::leads::Leads;
use crate::api::me::Me;
use crate::api::relay::Relays;
use crate::commands::Failure;
use crate::config::{Auth, Config};
use crate::http::caller::Doorkeeper;
use crate::http::edge::Edge;
use crate::http::guard::{Bounds, Methods};
use crate::http::operations::{Measurements, Operations};
use crate::jwks::HttpFetch;
use crate::relay::{Relay, Service};

/// What the operations work with.
struct Parts {
    store: Arc<Store>,
    vault: Arc<Vault>,
    relay: Arc<Relay>,
    measurements: Arc<Measurements>,
}

impl Parts {
    fn new(store: &Arc<Store>, sealing: SealingKeys, bases: HashMap<Service, Url>) -> Result<Self, Failure> {
        Ok(Self {
            store: Arc::clone(store),
            vault: Arc::new(Vault::new(Arc::clone(store), sealing)),
            relay: Arc::new(Relay::new(bases)?),
            measurements: Arc::new(Measurements::new()),
        })
    }
}

/// The OpenAPI document, as `openapi/openapi.json` holds it.
pub(crate) fn document(store: &Arc<Store>, sealing: SealingKeys) -> Result<String, Failure> {
    let mut document = spec(&service(&Parts::new(store, sealing, HashMap::new())?));
    document.push('\n');
    Ok(document)
}

/// poem-openapi writes a wildcard as poem does; in a document it is a parameter like any other.
fn spec(service: &OpenApiService<impl poem_openapi::OpenApi, ()>) -> String {
    service.spec().replace("/*param1", "/{path}")
}

/// The whole service over a store.
pub(crate) fn app(
    store: &Arc<Store>,
    config: Config,
) -> Result<impl Endpoint<Output = Response> + use<>, Failure> {
    let parts = Parts::new(store, config.sealing, config.relay_bases)?;
    let service = service(&parts);
    let document = spec(&service);
    let methods = Methods::of(&serde_json::from_str(&document).unwrap_or_default());
    let docs = service.swagger_ui();
    let doorkeeper = Arc::new(doorkeeper(
        config.auth,
        config.public_base_url.as_deref(),
        &config.cors_allowed_origins,
    )?);
    let json = get(make_sync(move |_| {
        Response::builder()
            .content_type("application/json")
            .body(document.clone())
    }));
    let routes = Route::new()
        .at("/openapi.json", json)
        .nest("/docs", get(docs))
        .nest("/", service)
        .data(doorkeeper);
    let bounds = Bounds {
        body_limit: config.body_limit,
        timeout: config.request_timeout,
        methods,
    };
    Ok(Edge::new(
        routes,
        bounds,
        config.cors_allowed_origins,
        parts.measurements,
    ))
}

/// Every operation; one path belongs to one API, or poem-openapi loses operations.
fn service(parts: &Parts) -> OpenApiService<impl poem_openapi::OpenApi + use<>, ()> {
    let store = || Arc::clone(&parts.store);
    let vault = || Arc::clone(&parts.vault);
    let operations = Operations {
        store: store(),
        vault: vault(),
        measurements: Arc::clone(&parts.measurements),
    };
    let apis = (
        operations,
        Me(store()),
        Leads(store()),
        Contacts(store()),
        CallLogs(store()),
        AutomationLogs(store()),
        Dashboard(store()),
        ApiKeys {
            store: store(),
            vault: vault(),
        },
        Relays {
            vault: vault(),
            relay: Arc::clone(&parts.relay),
        },
    );
    OpenApiService::new(apis, "Mako", env!("CARGO_PKG_VERSION"))
        .description(
            "A thin service in front of Postgres row-level security: every request runs in a transaction \
             that carries the caller's claims, and Postgres decides which rows there are.",
        )
        .license(
            // OpenAPI 3.0 knows no `identifier`.
            poem_openapi::LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"),
        )
}

fn doorkeeper(auth: Auth, base: Option<&str>, origins: &[String]) -> Result<Doorkeeper, Failure> {
    let own = base
        .and_then(|base| Url::parse(base).ok())
        .map(|url| url.origin().ascii_serialization());
    let fetch = auth.jwks_url.map(HttpFetch::new).transpose()?;
    Ok(Doorkeeper {
        authenticator: identity::Authenticator::new(
            identity::Verifier::new(auth.verifier)?,
            fetch.map(identity::jwks::Cache::new),
        ),
        cookie: auth.cookie,
        own_origin: own,
        allowed_origins: origins.to_vec(),
    })
}
