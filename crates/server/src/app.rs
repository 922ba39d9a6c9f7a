//! How is the service put together? Routes, the document, and the edge around them.

use std::sync::Arc;

use poem::endpoint::make_sync;
use poem::{Endpoint, EndpointExt as _, Response, Route, get};
use poem_openapi::OpenApiService;
use store::Store;

use crate::api::automation_logs::AutomationLogs;
use crate::api::call_logs::CallLogs;
use crate::api::contacts::Contacts;
use crate::api::dashboard::Dashboard;
use crate::api::leads::Leads;
use crate::api::me::Me;
use crate::commands::Failure;
use crate::config::{Auth, Config};
use crate::http::caller::Doorkeeper;
use crate::http::edge::{Edge, Methods, Settings};
use crate::http::operations::{Measurements, Operations};
use crate::jwks::HttpFetch;

/// The OpenAPI document, as `openapi/openapi.json` holds it.
pub(crate) fn document(store: &Arc<Store>) -> String {
    let mut document = service(store, &Arc::new(Measurements::new())).spec();
    document.push('\n');
    document
}

/// The whole service over a store.
pub(crate) fn app(
    store: &Arc<Store>,
    config: Config,
) -> Result<impl Endpoint<Output = Response> + use<>, Failure> {
    let measurements = Arc::new(Measurements::new());
    let service = service(store, &measurements);
    let document = service.spec();
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
        .nest("/docs", docs)
        .nest("/", service)
        .data(doorkeeper);
    let settings = Settings {
        origins: config.cors_allowed_origins,
        body_limit: config.body_limit,
        timeout: config.request_timeout,
        methods,
    };
    Ok(Edge::new(routes, settings, measurements))
}

/// Every operation; one path belongs to one API, or poem-openapi loses operations.
fn service(
    store: &Arc<Store>,
    measurements: &Arc<Measurements>,
) -> OpenApiService<impl poem_openapi::OpenApi + use<>, ()> {
    let operations = Operations {
        store: Arc::clone(store),
        measurements: Arc::clone(measurements),
    };
    let apis = (
        operations,
        Me(Arc::clone(store)),
        Leads(Arc::clone(store)),
        Contacts(Arc::clone(store)),
        CallLogs(Arc::clone(store)),
        AutomationLogs(Arc::clone(store)),
        Dashboard(Arc::clone(store)),
    );
    OpenApiService::new(apis, "Mako", env!("CARGO_PKG_VERSION"))
        .description(
            "A thin service in front of Postgres row-level security: every request runs in a transaction \
             that carries the caller's claims, and Postgres decides which rows there are.",
        )
        .license(poem_openapi::LicenseObject::new("Apache-2.0").identifier("Apache-2.0"))
}

fn doorkeeper(auth: Auth, base: Option<&str>, origins: &[String]) -> Result<Doorkeeper, Failure> {
    let own = base
        .and_then(|base| reqwest::Url::parse(base).ok())
        .map(|url| url.origin().ascii_serialization());
    let fetch = auth.jwks_url.map(HttpFetch::new).transpose()?;
    Ok(Doorkeeper {
        authenticator: identity::Authenticator::new(
            identity::Verifier::new(auth.verifier)?,
            fetch.map(identity::jwks::Cache::new),
        ),
        cookie: auth.cookie,
        origins: own.into_iter().chain(origins.iter().cloned()).collect(),
    })
}
