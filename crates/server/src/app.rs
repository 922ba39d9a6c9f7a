//! Puts the service together: routes, the document, and the edge around them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::{Endpoint, EndpointExt as _, Response, Route, get, post};
use poem_openapi::OpenApiService;
use reqwest::Url;
use store::rows::api_keys::SealedStore;
use store::{SealingKeys, Store};

use crate::api;
use crate::commands::Failure;
use crate::config::{AuthSettings, Config, WebhookSettings};
use crate::document;
use crate::http::authorization::Authorization;
use crate::http::caller::AuthGate;
use crate::http::edge::Edge;
use crate::http::guard::{Bounds, Methods};
use crate::http::page::StaticPage;
use crate::http::query::QueryParameters;
use crate::http::read_your_writes::ReadYourWrites;
use crate::http::server::{ConnectionMetrics, Draining};
use crate::http::user_limits::UserLimits;
use crate::jwks::HttpFetch;
use crate::key_uses::KeyUseQueue;
use crate::oauth::{CALLBACK, CallbackRoute, Pages};
use crate::proof::ProofState;
use crate::receiver::{Receiver, WebhookRoute};
use crate::sender::{ReceiverUrls, Sender};
use crate::services::{ProviderSettings, Services};

/// The OpenAPI document, as `openapi/openapi.json` holds it.
pub(crate) fn document(store: &Arc<Store>, sealing: SealingKeys) -> Result<String, Failure> {
    let services = Services::new(
        store,
        sealing,
        ProviderSettings::default(),
        WebhookSettings::default(),
        ReceiverUrls::default(),
        Pages::default(),
        Duration::ZERO,
    )?;
    let document = document::mended(&service(&services, &Draining::default(), &ProofState::default()).spec());
    Ok(format!("{document:#}\n"))
}

/// The service, put together.
pub(crate) struct App<E> {
    /// Answers every request.
    pub(crate) endpoint: E,
    /// Receives webhooks.
    pub(crate) receiver: Arc<Receiver>,
    /// Uses of keys that are to be recorded.
    pub(crate) key_use_queue: KeyUseQueue,
    /// Sends events.
    pub(crate) sender: Arc<Sender>,
    /// Counts connections.
    pub(crate) connections: ConnectionMetrics,
}

/// The whole service over a store that listens at `address`.
pub(crate) fn app(
    store: &Arc<Store>,
    config: Config,
    address: SocketAddr,
    draining: &Draining,
    proof: &ProofState,
) -> Result<App<impl Endpoint<Output = Response> + use<>>, Failure> {
    let (pages, read_your_writes) = (pages(&config, address), read_your_writes(&config));
    let services = Services::new(
        store,
        config.sealing,
        ProviderSettings {
            relay_bases: config.relay_bases,
            oauth_clients: config.oauth_clients,
        },
        config.webhooks,
        config.receiver_urls,
        pages,
        config.request_timeout,
    )?;
    let service = service(&services, draining, proof);
    let published = Published::of(&service);
    let measurements = Arc::clone(&services.measurements);
    let rate_limited = &measurements.rate_limited;
    let auth_gate = Arc::new(auth_gate(
        config.auth,
        config.public_base_url.as_deref(),
        &config.cors_allowed_origins,
        published.query_parameters,
        config.authorization,
        Arc::clone(&services.sealed_store),
        UserLimits::new(config.max_connections, config.rate_limit, rate_limited),
    )?);
    let routes = beside_the_api(published.document, published.page, &services)
        .nest("/", service)
        .data(auth_gate);
    let bounds = Bounds {
        body_limit: config.body_limit,
        timeout: config.request_timeout,
        methods: published.methods,
    };
    let (origins, connections) = (config.cors_allowed_origins, measurements.connections.clone());
    Ok(App {
        endpoint: Edge::new(routes, bounds, origins, measurements, read_your_writes),
        receiver: services.receiver,
        key_use_queue: services.key_use_queue,
        sender: services.sender,
        connections,
    })
}

/// What follows from the operations: their document, the page that shows it, and what the edge refuses by it.
struct Published {
    document: String,
    page: String,
    methods: Methods,
    query_parameters: QueryParameters,
}

impl Published {
    fn of<T: poem_openapi::OpenApi>(service: &OpenApiService<T, ()>) -> Self {
        let spec = service.spec();
        let document = document::mended(&spec);
        let methods = Methods::of(&document)
            .with(CALLBACK, "GET")
            .with("/webhooks/{source}", "POST")
            .with("/webhooks/{source}/{endpoint_key}", "POST");
        let query_parameters = QueryParameters::of(&document);
        let document = document.to_string();
        Self {
            page: document::page(&service.swagger_ui_html(), &spec, &document),
            document,
            methods,
            query_parameters,
        }
    }
}

/// Where users come back to from a provider's page.
fn pages(config: &Config, address: SocketAddr) -> Pages {
    let base_url = config.public_base_url.clone();
    Pages {
        base_url: base_url.unwrap_or_else(|| format!("http://{address}")),
        allowed_origins: config.cors_allowed_origins.clone(),
    }
}

/// What callers need where a replica answers.
fn read_your_writes(config: &Config) -> Option<ReadYourWrites> {
    let max_lag = config.replica.as_ref()?.max_lag;
    let base_url = config.public_base_url.as_deref();
    Some(ReadYourWrites::new(config.auth.cookie.clone(), base_url, max_lag))
}

/// The routes that aren't operations of the document.
fn beside_the_api(document: String, page: String, services: &Services) -> Route {
    let json = Arc::new(StaticPage::new("application/json", document));
    let docs = Arc::new(StaticPage::new("text/html; charset=utf-8", page));
    let receive = || post(WebhookRoute(Arc::clone(&services.receiver)));
    Route::new()
        .at("/openapi.json", get(json))
        .at("/docs", get(Arc::clone(&docs)))
        .at("/docs/", get(docs))
        .at("/webhooks/:source", receive())
        .at("/webhooks/:source/:endpoint_key", receive())
        .at(CALLBACK, get(CallbackRoute(Arc::clone(&services.oauth))))
}

/// Every operation; one path belongs to one API, or poem-openapi loses operations.
fn service(
    services: &Services,
    draining: &Draining,
    proof: &ProofState,
) -> OpenApiService<impl poem_openapi::OpenApi + use<>, ()> {
    let apis = api::operations(services, draining, proof);
    described(OpenApiService::new(apis, "Mako", env!("CARGO_PKG_VERSION")))
}

fn described<T>(service: OpenApiService<T, ()>) -> OpenApiService<T, ()> {
    service
        .description(
            "A thin service in front of Postgres row-level security: every request runs in a transaction \
             that carries the caller's claims, and Postgres decides which rows there are.",
        )
        .license(
            // OpenAPI 3.0 knows no `identifier`.
            poem_openapi::LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"),
        )
}

fn auth_gate(
    auth: AuthSettings,
    base: Option<&str>,
    origins: &[String],
    query_parameters: QueryParameters,
    authorization: Authorization,
    sealed_store: Arc<SealedStore>,
    user_limits: UserLimits,
) -> Result<AuthGate, Failure> {
    let own = base
        .and_then(|base| Url::parse(base).ok())
        .map(|url| url.origin().ascii_serialization());
    let fetch = auth.jwks_url.map(HttpFetch::new).transpose()?;
    Ok(AuthGate {
        authenticator: identity::Authenticator::new(
            identity::Verifier::new(auth.verifier)?,
            fetch.map(identity::jwks::Cache::new),
        ),
        cookie: auth.cookie,
        own_origin: own,
        allowed_origins: origins.to_vec(),
        query_parameters,
        authorization,
        sealed_store,
        user_limits,
    })
}
