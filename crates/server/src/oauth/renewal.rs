//! Keeps connections connected: an access token is renewed before its time is over, or when its provider refuses it, by
//! one request of one service.
//!
//! A renewed refresh token is committed before the new access token is used. Between the provider's answer and that
//! commit nothing can make the two one: a service that is killed then has lost what the provider sent. The lease ends by
//! itself, and the old refresh token is tried: providers that don't rotate it, or let the one before be used once more,
//! take it; one that doesn't ends the grant, and the user must authorise again. To keep that moment short the answer is
//! written at once, by a task of its own that outlives its request, and again while the database is away.

use std::sync::Arc;
use std::time::Duration;

use identity::Claims;
use store::rows::api_keys::{KeyError, Need, TakenKey};
use store::rows::oauth::LeasedGrant;

use super::client::OAuth;
use super::token_answer::{Granted, TokenError};
use super::token_client::TokenRequest;
use crate::relay::{OAuthEndpoint, Service};

/// Between two looks at a grant that another service is renewing.
const LOOK: Duration = Duration::from_millis(100);
/// How often a renewed grant is written, if the database doesn't take it.
const WRITES: u32 = 6;
/// Before the second of those; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a saved key can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyUnusable {
    /// The key itself, or the database.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The grant is over.
    #[error("the authorisation is over")]
    Ended,
    /// Its access has ended, and the provider doesn't renew it now.
    #[error("the provider doesn't renew the access now")]
    NotRenewed,
}

impl OAuth {
    /// The caller's key for a service, good for use now.
    pub(crate) async fn key(
        self: &Arc<Self>,
        claims: &Claims,
        service: Service,
    ) -> Result<TakenKey, KeyUnusable> {
        let key = self.sealed_store.take(claims, service.name()).await?;
        if key.need == Need::Nothing {
            return Ok(key);
        }
        let turn = self.turns.of(claims.user_id(), service);
        let _turn = turn.lock().await;
        loop {
            let key = self.sealed_store.take(claims, service.name()).await?;
            match key.need {
                Need::Nothing => return Ok(key),
                Need::Renewal => self.renew(claims, service, &key, false).await?,
                Need::Patience => tokio::time::sleep(LOOK).await,
                Need::Recovery => return Err(KeyUnusable::NotRenewed),
                Need::Authorization => return Err(KeyUnusable::Ended),
            }
        }
    }

    /// Another key in place of one that the provider has just refused; None if that was the only one to be had.
    pub(crate) async fn key_after_refusal(
        self: &Arc<Self>,
        claims: &Claims,
        service: Service,
        refused: &TakenKey,
    ) -> Result<Option<TakenKey>, KeyUnusable> {
        let turn = self.turns.of(claims.user_id(), service);
        let _turn = turn.lock().await;
        let mut has_tried = false;
        loop {
            let key = self.sealed_store.take(claims, service.name()).await?;
            if key.saved_at != refused.saved_at {
                return Ok((key.need == Need::Nothing).then_some(key));
            }
            if key.is_leased {
                tokio::time::sleep(LOOK).await;
            } else if has_tried {
                return Ok(None);
            } else {
                self.renew(claims, service, &key, true).await?;
                has_tried = true;
            }
        }
    }

    /// Renews a grant if nobody else is at it. What comes of it is in the database.
    async fn renew(
        self: &Arc<Self>,
        claims: &Claims,
        service: Service,
        key: &TakenKey,
        refused: bool,
    ) -> Result<(), KeyUnusable> {
        let (oauth, claims, saved_at) = (Arc::clone(self), claims.clone(), key.saved_at);
        // A task of its own: a caller who goes away must not take a rotated token along.
        let renewal = tokio::spawn(async move {
            let leased = oauth
                .sealed_store
                .lease_grant(&claims, service.name(), saved_at, refused)
                .await?;
            match leased {
                Some(leased) => oauth.renew_leased(&claims, service, &leased).await,
                None => Ok(()),
            }
        });
        Ok(renewal.await.map_err(|_| KeyUnusable::NotRenewed)??)
    }

    async fn renew_leased(
        &self,
        claims: &Claims,
        service: Service,
        leased: &LeasedGrant,
    ) -> Result<(), KeyError> {
        let (store, name) = (&self.sealed_store, service.name());
        match self.granted_anew(claims, service, leased).await {
            Ok(granted) => self.save(claims, service, leased, &granted).await?,
            Err(error @ TokenError::Ended(_)) => {
                tracing::warn!(%error, service = name, "a connection has ended");
                let reason = capitalised(&error.to_string());
                store.grant_ended(claims, name, leased, &reason).await?;
            }
            Err(error) => {
                tracing::warn!(%error, service = name, "a connection is not renewed");
                store.renewal_failed(claims, name, leased).await?;
            }
        }
        Ok(())
    }

    /// Asks the provider; what it leaves out stays as it was.
    async fn granted_anew(
        &self,
        claims: &Claims,
        service: Service,
        leased: &LeasedGrant,
    ) -> Result<Granted, TokenError> {
        let old = &leased.grant;
        let unconfigured = || TokenError::Refused("no_client".to_owned());
        let (provider, client) = self.app(service).ok_or_else(unconfigured)?;
        let refresh_token = old.refresh_token.as_ref().ok_or_else(unconfigured)?;
        let url = provider
            .url(OAuthEndpoint::Token, client.base.as_ref(), old.server.as_deref())
            .ok_or_else(unconfigured)?;
        let ask = TokenRequest {
            claims,
            service,
            provider,
            client,
            url,
            form: &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)],
        };
        let mut granted = self.tokens.granted(ask).await?;
        let grant = &mut granted.grant;
        grant.server.clone_from(&old.server);
        if grant.refresh_token.is_none() {
            grant.refresh_token.clone_from(&old.refresh_token);
        }
        if grant.api_address.is_none() {
            grant.api_address.clone_from(&old.api_address);
        }
        Ok(granted)
    }

    /// The provider may take the old refresh token no more, so this is worth several tries.
    async fn save(
        &self,
        claims: &Claims,
        service: Service,
        leased: &LeasedGrant,
        granted: &Granted,
    ) -> Result<(), KeyError> {
        let mut tries = 0;
        loop {
            let saved = self
                .sealed_store
                .renewed(claims, service.name(), leased, &granted.grant, &granted.terms)
                .await;
            tries += 1;
            match saved {
                Err(KeyError::Database(error)) if tries < WRITES => {
                    tracing::warn!(%error, service = service.name(), "a renewed connection is not saved yet");
                    tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
                }
                Err(error) => return Err(error),
                Ok(true) => return Ok(()),
                Ok(false) => {
                    tracing::info!(
                        service = service.name(),
                        "a connection was replaced while it was renewed"
                    );
                    return Ok(());
                }
            }
        }
    }

    /// Takes the caller's grant of a service back at its provider, where that can be done; a key is nobody's to take back.
    pub(crate) async fn revoke(&self, claims: &Claims, service: Service) -> Result<(), store::Error> {
        let Some(grant) = self.sealed_store.grant(claims, service.name()).await? else {
            return Ok(());
        };
        let Some((provider, client)) = self.app(service) else {
            return Ok(());
        };
        let url = provider.url(
            OAuthEndpoint::Revoke,
            client.base.as_ref(),
            grant.server.as_deref(),
        );
        let Some(url) = url else {
            return Ok(());
        };
        // Of both tokens the one that makes the other.
        let (token, kind) = match &grant.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&grant.access_token, "access_token"),
        };
        let ask = TokenRequest {
            claims,
            service,
            provider,
            client,
            url,
            form: &[("token", token), ("token_type_hint", kind)],
        };
        if !self.tokens.revoke(ask).await {
            tracing::warn!(
                service = service.name(),
                "a grant was destroyed here and not revoked at its provider"
            );
        }
        Ok(())
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
