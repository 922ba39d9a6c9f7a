//! Uses a tenant's key at its provider without showing it to the tenant: the service calls in their name.
//!
//! The provider's host comes from a table; nothing that a caller sends can lead elsewhere.

mod authorization_server;
mod circuit;
mod client;
mod echo;
mod headers;
mod metrics;
mod providers;
mod public_address;
mod redirect;
mod request;
mod retry;
mod service;
mod target;

pub(crate) use authorization_server::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};
pub(crate) use client::{Reach, Relay, RelayError, RelayResponse, http_client, one_tenants_client};
pub(crate) use metrics::RelayMetrics;
pub(crate) use providers::{add_providers, is_public_host};
pub(crate) use request::{RelayBody, RelayKey, RelayRequest};
pub(crate) use service::Service;
pub(crate) use target::decoded;
