//! Puts the service together: routes, the document, and the edge around them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::{Endpoint, EndpointExt as _, Response, Route, get, post};
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
use crate::api::phone_numbers::PhoneNumbers;
use crate::api::relay::Relays;
use crate::api::webhook_endpoints::WebhookEndpoints;
use crate::api::webhook_events::WebhookEvents;
use crate::commands::Failure;
use crate::config::{Auth, Config, Webhooks};
use crate::document;
use crate::http::caller::Doorkeeper;
use crate::http::edge::Edge;
use crate::http::guard::{Bounds, Methods};
use crate::http::operations::{Measurements, Operations};
use crate::http::page::Page;
use crate::http::query::QueryParameters;
use crate::http::server::{ConnectionMetrics, Draining};
use crate::jwks::HttpFetch;
use crate::receiver::{Addresses, Hook, Receiver, Spool};
use crate::relay::{Relay, Service};

/// What the operations work with.
struct Parts {
    store: Arc<Store>,
    vault: Arc<Vault>,
    relay: Arc<Relay>,
    receiver: Arc<Receiver>,
    measurements: Arc<Measurements>,
}

impl Parts {
    fn new(
        store: &Arc<Store>,
        sealing: SealingKeys,
        relay_bases: HashMap<Service, Url>,
        webhooks: Webhooks,
        base_url: String,
        request_timeout: Duration,
    ) -> Result<Self, Failure> {
        let measurements = Arc::new(Measurements::new());
        let vault = Arc::new(Vault::new(Arc::clone(store), sealing));
        let inbound = Arc::clone(&measurements.inbound);
        let spool = webhooks
            .spool_dir
            .map(|folder| Spool::open(&folder, inbound.spooled.clone(), inbound.put_aside.clone()))
            .transpose()?;
        let receiver = Receiver {
            store: Arc::clone(store),
            vault: Arc::clone(&vault),
            platform: webhooks.secrets,
            base_url,
            spool,
            addresses: Addresses::default(),
            measurements: inbound,
            request_timeout,
        };
        Ok(Self {
            store: Arc::clone(store),
            vault,
            relay: Arc::new(Relay::new(relay_bases, measurements.withheld.clone())?),
            receiver: Arc::new(receiver),
            measurements,
        })
    }
}

/// The OpenAPI document, as `openapi/openapi.json` holds it.
pub(crate) fn document(store: &Arc<Store>, sealing: SealingKeys) -> Result<String, Failure> {
    let parts = Parts::new(
        store,
        sealing,
        HashMap::new(),
        Webhooks::default(),
        String::new(),
        Duration::ZERO,
    )?;
    let document = document::mended(&service(&parts, &Draining::default()).spec());
    Ok(format!("{document:#}\n"))
}

/// The service, put together.
pub(crate) struct App<E> {
    /// Answers every request.
    pub(crate) endpoint: E,
    /// Receives webhooks.
    pub(crate) receiver: Arc<Receiver>,
    /// Counts connections.
    pub(crate) connections: ConnectionMetrics,
}

/// The whole service over a store that listens at `address`.
pub(crate) fn app(
    store: &Arc<Store>,
    config: Config,
    address: SocketAddr,
    draining: &Draining,
) -> Result<App<impl Endpoint<Output = Response> + use<>>, Failure> {
    let base_url = config
        .public_base_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let parts = Parts::new(
        store,
        config.sealing,
        config.relay_bases,
        config.webhooks,
        base_url,
        config.request_timeout,
    )?;
    let service = service(&parts, draining);
    let spec = service.spec();
    let document = document::mended(&spec);
    let methods = Methods::of(&document)
        .with("/webhooks/{source}", "POST")
        .with("/webhooks/{source}/{endpoint_key}", "POST");
    let query_parameters = QueryParameters::of(&document);
    let document = document.to_string();
    let page = document::page(&service.swagger_ui_html(), &spec, &document);
    let doorkeeper = Arc::new(doorkeeper(
        config.auth,
        config.public_base_url.as_deref(),
        &config.cors_allowed_origins,
        query_parameters,
    )?);
    let json = Arc::new(Page::new("application/json", document));
    let docs = Arc::new(Page::new("text/html; charset=utf-8", page));
    let routes = Route::new()
        .at("/openapi.json", get(json))
        .at("/docs", get(Arc::clone(&docs)))
        .at("/docs/", get(docs))
        .at("/webhooks/:source", post(Hook(Arc::clone(&parts.receiver))))
        .at(
            "/webhooks/:source/:endpoint_key",
            post(Hook(Arc::clone(&parts.receiver))),
        )
        .nest("/", service)
        .data(doorkeeper);
    let bounds = Bounds {
        body_limit: config.body_limit,
        timeout: config.request_timeout,
        methods,
    };
    let connections = parts.measurements.connections.clone();
    Ok(App {
        endpoint: Edge::new(routes, bounds, config.cors_allowed_origins, parts.measurements),
        receiver: parts.receiver,
        connections,
    })
}

/// Every operation; one path belongs to one API, or poem-openapi loses operations.
fn service(parts: &Parts, draining: &Draining) -> OpenApiService<impl poem_openapi::OpenApi + use<>, ()> {
    let store = || Arc::clone(&parts.store);
    let vault = || Arc::clone(&parts.vault);
    let operations = Operations {
        store: store(),
        vault: vault(),
        measurements: Arc::clone(&parts.measurements),
        draining: draining.clone(),
        spool: parts.receiver.spool.clone(),
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
        PhoneNumbers {
            store: store(),
            vault: vault(),
            relay: Arc::clone(&parts.relay),
        },
        WebhookEndpoints(Arc::clone(&parts.receiver)),
        WebhookEvents(store()),
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

fn doorkeeper(
    auth: Auth,
    base: Option<&str>,
    origins: &[String],
    query_parameters: QueryParameters,
) -> Result<Doorkeeper, Failure> {
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
        query_parameters,
    })
}
