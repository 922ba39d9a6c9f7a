//! Turns a token into a caller while keys come and go.
//!
//! The verifier and the key cache put together: what `server` calls for each request.

use std::fmt;
use std::time::SystemTime;

use crate::jwks::{Cache, Fetch, KeysUnavailable};
use crate::keys::KeySet;
use crate::principal::Principal;
use crate::rejected::Rejected;
use crate::unverified::UnverifiedToken;
use crate::verifier::Verifier;

/// A [`Verifier`] with the keys of a JWKS endpoint, if there is one.
pub struct Authenticator<F> {
    verifier: Verifier,
    keys: Option<Cache<F>>,
}

/// Why there is no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The token is not good: 401.
    Rejected(Rejected),
    /// It can't be told yet: 503.
    KeysUnavailable(KeysUnavailable),
}

impl<F: Fetch> Authenticator<F> {
    /// With `keys` for ES256 and RS256 tokens; without, they are all refused.
    pub fn new(verifier: Verifier, keys: Option<Cache<F>>) -> Self {
        Self { verifier, keys }
    }

    /// Who presented this token.
    ///
    /// An HS256 token, or a text that is no token at all, never waits for the key endpoint nor causes a
    /// request to it. A token with an unknown key id causes at most one.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn authenticate(
        &self,
        unverified_token: &str,
        now: SystemTime,
    ) -> Result<Principal, AuthError> {
        let token = UnverifiedToken::parse(unverified_token, self.verifier.size_limit())?;
        let Some(cache) = self.keys.as_ref().filter(|_| token.wants_public_key()) else {
            return Ok(self.verifier.verify_parsed(&token, &KeySet::empty(), now)?);
        };
        let keys = cache.keys(now).await?;
        let verdict = self.verifier.verify_parsed(&token, &keys, now);
        if !verdict
            .as_ref()
            .is_err_and(|reason| reason.may_be_cured_by_new_keys())
        {
            return Ok(verdict?);
        }
        match cache.newer_than(&keys, now).await {
            Some(newer) => Ok(self.verifier.verify_parsed(&token, &newer, now)?),
            None => Ok(verdict?),
        }
    }

    /// The cache of the key endpoint, if there is one, for health reports.
    pub fn key_cache(&self) -> Option<&Cache<F>> {
        self.keys.as_ref()
    }
}

impl From<Rejected> for AuthError {
    fn from(reason: Rejected) -> Self {
        Self::Rejected(reason)
    }
}

impl From<KeysUnavailable> for AuthError {
    fn from(unready: KeysUnavailable) -> Self {
        Self::KeysUnavailable(unready)
    }
}

impl<F> fmt::Debug for Authenticator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(reason) => reason.fmt(f),
            Self::KeysUnavailable(unready) => unready.fmt(f),
        }
    }
}

impl std::error::Error for AuthError {}
