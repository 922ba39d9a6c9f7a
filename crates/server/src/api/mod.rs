//! The API, one file for each resource: each turns a request into a call of `store` and rows into JSON.

mod access_tokens;
mod api_keys;
pub(crate) mod automation_logs;
mod browser_contacts;
pub(crate) mod call_logs;
pub(crate) mod connections;
pub(crate) mod contacts;
mod dashboard;
mod event_deliveries;
mod event_subscriptions;
mod key_uses;
pub(crate) mod leads;
mod me;
mod paging;
mod phone_numbers;
mod relay;
mod resource;
mod webhook_endpoints;
mod webhook_events;
mod webhook_test;

use std::sync::Arc;

use crate::http::groups::Tag;
use crate::http::operations::Operations;
use crate::http::server::Draining;
use crate::proof::ProofState;
use crate::services::Services;

/// Every operation; one path belongs to one API, or poem-openapi loses operations.
pub(crate) fn operations(
    services: &Services,
    draining: &Draining,
    proof: &ProofState,
) -> impl poem_openapi::OpenApi + use<> {
    let operations = Operations {
        store: Arc::clone(&services.store),
        sealed_store: Arc::clone(&services.sealed_store),
        measurements: Arc::clone(&services.measurements),
        draining: draining.clone(),
        proof: proof.clone(),
        spool: services.receiver.spool.clone(),
    };
    (operations, crm(services), keys(services), events(services))
}

/// The caller and their rows.
fn crm(services: &Services) -> impl poem_openapi::OpenApi + use<> {
    let store = || Arc::clone(&services.store);
    (
        me::Me(store()),
        leads::Leads(store()),
        contacts::Contacts(store()),
        call_logs::CallLogs(store()),
        automation_logs::AutomationLogs(store()),
        dashboard::Dashboard(store()),
    )
}

/// What is sealed, and calls with it.
fn keys(services: &Services) -> impl poem_openapi::OpenApi + use<> {
    let store = || Arc::clone(&services.store);
    let sealed_store = || Arc::clone(&services.sealed_store);
    let oauth = || Arc::clone(&services.oauth);
    (
        access_tokens::AccessTokens {
            store: store(),
            sealed_store: sealed_store(),
        },
        api_keys::ApiKeys {
            store: store(),
            sealed_store: sealed_store(),
            oauth: oauth(),
        },
        connections::Connections {
            store: store(),
            oauth: oauth(),
        },
        key_uses::KeyUses(store()),
        relay::Relays {
            sealed_store: sealed_store(),
            oauth: oauth(),
            relay: Arc::clone(&services.relay),
        },
    )
}

/// What providers send, and what is sent on.
fn events(services: &Services) -> impl poem_openapi::OpenApi + use<> {
    let store = || Arc::clone(&services.store);
    let sealed_store = || Arc::clone(&services.sealed_store);
    (
        phone_numbers::PhoneNumbers {
            store: store(),
            sealed_store: sealed_store(),
            relay: Arc::clone(&services.relay),
        },
        webhook_endpoints::WebhookEndpoints(Arc::clone(&services.receiver)),
        webhook_events::WebhookEvents(store()),
        event_subscriptions::EventSubscriptions {
            store: store(),
            sealed_store: sealed_store(),
            receiver_urls: services.receiver_urls,
        },
        event_deliveries::EventDeliveries(store()),
    )
}
