//! Uses a tenant's key at its provider without showing it to the tenant: the service calls in their name.
//!
//! The provider's host comes from a table; nothing that a caller sends can lead elsewhere.

mod authorization_server;
mod client;
mod echo;
mod headers;
mod providers;
mod public_address;
mod redirect;
mod target;

pub(crate) use authorization_server::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};
pub(crate) use client::{
    Reach, Relay, RelayBody, RelayError, RelayKey, RelayRequest, RelayResponse, http_client,
    one_tenants_client,
};
pub(crate) use echo::EchoMetrics;
pub(crate) use providers::{Service, add_providers, is_public_host};
pub(crate) use target::decoded;
