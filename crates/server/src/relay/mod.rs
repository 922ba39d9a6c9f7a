//! How does a tenant's key reach its provider without reaching the tenant? The service calls in their name.
//!
//! The provider's host comes from a table; nothing that a caller sends can lead elsewhere.

mod client;
mod headers;
mod providers;
mod target;

pub(crate) use client::{Answer, Ask, Relay, RelayError};
pub(crate) use providers::Service;
