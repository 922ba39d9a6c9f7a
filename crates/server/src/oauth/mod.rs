//! Connections that users make by granting access at the provider, and that stay connected: begun here, finished by the
//! browser that comes back, renewed before the access ends.

mod authorize;
mod callback;
mod client;
mod complete;
mod renewal;
mod token_answer;
mod token_client;
mod turns;

pub(crate) use authorize::AuthorizeError;
pub(crate) use callback::{CallbackRoute, Unfinished};
pub(crate) use client::{CALLBACK, OAuth, Pages};
pub(crate) use renewal::KeyUnusable;
pub(crate) use token_client::OAuthClient;
