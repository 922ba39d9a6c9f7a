//! The service as a client of authorization servers: the operator's apps, and what all of a grant's life works with.

use std::collections::HashMap;
use std::sync::Arc;

use store::rows::api_keys::SealedStore;

use super::token_client::{OAuthClient, TokenClient};
use super::turns::Turns;
use crate::key_uses::KeyUses;
use crate::relay::{AuthorizationServer, Service};

/// Where browsers come from and go back to.
#[derive(Default)]
pub(crate) struct Pages {
    /// The service's own address, as providers were told.
    pub(crate) base_url: String,
    /// Origins of pages that may begin an authorisation, beside the service's own.
    pub(crate) allowed_origins: Vec<String>,
}

/// Grants of all providers.
pub(crate) struct OAuth {
    pub(super) sealed_store: Arc<SealedStore>,
    clients: HashMap<Service, OAuthClient>,
    pub(super) tokens: TokenClient,
    pub(super) pages: Pages,
    pub(super) turns: Turns,
}

impl OAuth {
    pub(crate) fn new(
        sealed_store: Arc<SealedStore>,
        clients: HashMap<Service, OAuthClient>,
        pages: Pages,
        key_uses: KeyUses,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            sealed_store,
            clients,
            tokens: TokenClient::new(key_uses)?,
            pages,
            turns: Turns::default(),
        })
    }

    /// A provider's authorization server and the operator's app there; None if there is no such app.
    pub(super) fn app(&self, service: Service) -> Option<(&'static AuthorizationServer, &OAuthClient)> {
        service.authorization_server().zip(self.clients.get(&service))
    }

    /// Where providers send browsers back to.
    pub(super) fn redirect_uri(&self) -> String {
        format!("{}{}", self.pages.base_url, CALLBACK)
    }
}

/// Where browsers come back.
pub(crate) const CALLBACK: &str = "/oauth/callback";
