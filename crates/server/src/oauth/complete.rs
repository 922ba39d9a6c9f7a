//! Finishes an authorisation by its user's token, where a browser came back without the cookie that it was given: pages of
//! another site than the service's can't have it keep one.
//!
//! The callback doesn't exchange the code then. It hands it, sealed to who began, to the page that the browser goes back to,
//! and that page brings it here with the token of whoever is signed in. If that is another, it doesn't open.

use identity::Claims;
use store::rows::api_keys::KeyError;
use store::rows::oauth::{Authorization, Completion};

use super::authorize::random;
use super::callback::{Returned, Unfinished};
use super::client::OAuth;
use crate::relay::Service;

impl OAuth {
    /// What the user who began can finish by: a text that opens for them alone, this once and soon.
    pub(super) async fn hand_over(
        &self,
        begun: Authorization,
        claims: &Claims,
        returned: Returned<'_>,
    ) -> Result<String, Unfinished> {
        let finished = begun.id.clone();
        let completion = Completion {
            code: returned.code.to_owned().into(),
            told_server: returned.server.map(str::to_owned),
            begun: Authorization {
                id: random()?.to_string(),
                ..begun
            },
        };
        self.sealed_store
            .hand_over(claims, &finished, &completion)
            .await?
            .ok_or(Unfinished::Over)
    }

    /// Finishes what the caller began and was handed.
    pub(crate) async fn complete(
        &self,
        claims: &Claims,
        service: Service,
        completion: &str,
    ) -> Result<(), Unfinished> {
        let completion = self
            .sealed_store
            .opened_completion(claims, service.name(), completion)
            .await
            .ok_or(Unfinished::NotBegun)?;
        let begun = &completion.begun;
        let is_first = self.sealed_store.finish_authorization(claims, begun).await;
        if !is_first.map_err(KeyError::from)? {
            return Err(Unfinished::Over);
        }
        let returned = Returned {
            code: &completion.code,
            server: completion.told_server.as_deref(),
        };
        self.connect(begun, claims, service, returned).await
    }
}
