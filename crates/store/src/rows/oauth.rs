//! What providers grant by OAuth: begun as a user, sealed in the place of a key, renewed by one of several services.
//!
//! No connection waits while a provider is asked: whoever renews takes a lease (a row lock of a moment), and writes only
//! if the grant is still the one that was leased.

use chrono::{DateTime, Utc};
use identity::{Claims, Verified};
use seal::{SecretText, Slot};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::ToSql;
use zeroize::Zeroizing;

use super::api_keys::{KeyError, SealedStore, StoredKey};
use crate::error::Error;
use crate::query::{Query, query};
use crate::sealing::API_KEYS;

/// The tokens of a grant, and where they are good. Wiped when dropped; what is stored of it is sealed.
#[derive(Deserialize, Serialize)]
pub struct Grant {
    /// What the provider's API takes.
    pub access_token: Zeroizing<String>,
    /// What renews it, if anything does.
    pub refresh_token: Option<Zeroizing<String>>,
    /// The account's own API address, where each account has one.
    pub api_address: Option<String>,
    /// The account's own authorization server, where there are several.
    pub server: Option<String>,
}

/// What the database is told of a grant beside its seal.
#[derive(Clone, Debug, Default)]
pub struct GrantTerms {
    /// Seconds that the access token lasts; None if the provider doesn't say.
    pub expires_in: Option<i64>,
    /// What was granted, if the provider says so.
    pub scopes: Option<Vec<String>>,
    /// Which account it is, if the provider says so.
    pub account: Option<String>,
}

/// An authorisation that was begun: who began it, and what is needed to finish it. Sealed, it is the parameter `state`.
#[derive(Deserialize, Serialize)]
pub struct Authorization {
    /// Who began it.
    pub user: String,
    /// The provider.
    pub service: String,
    /// The id of the row that is used up by finishing.
    pub id: String,
    /// PKCE's secret (RFC 7636).
    pub verifier: Zeroizing<String>,
    /// What the browser that began it has as a cookie.
    pub browser: Zeroizing<String>,
    /// Where the browser goes afterwards.
    pub return_to: String,
    /// The authorization server that was chosen, where there are several.
    pub server: Option<String>,
}

/// What a browser brought back, for the user who began to finish. Sealed to them.
#[derive(Deserialize, Serialize)]
pub struct Completion {
    /// What they began.
    pub begun: Authorization,
    /// What the provider's tokens are had for.
    pub code: Zeroizing<String>,
    /// The authorization server where it is good, if the provider said so.
    pub told_server: Option<String>,
}

/// A grant that its holder alone renews, for as long as the lease lasts.
pub struct LeasedGrant {
    /// The grant.
    pub grant: Grant,
    /// Which one.
    saved_at: DateTime<Utc>,
}

/// How long an authorisation may take, in seconds.
pub const AUTHORIZATION_LIFETIME: i64 = 600;
/// How long its user may take to finish what a browser brought back, in seconds.
const COMPLETION_LIFETIME: i64 = 60;
/// How long one service may take to renew a grant before another tries, in seconds: longer than it waits for the provider.
const LEASE: i64 = 20;

static BEGIN: Query = query!(Sealer Write "oauth/begin" [TEXT, TEXT, INT8]);
static FINISH: Query = query!(Sealer Write "oauth/finish" [TEXT, TEXT]);
static HAND_OVER: Query = query!(Sealer Write "oauth/hand_over" [TEXT, TEXT, TEXT, INT8]);
static CONNECT: Query = query!(Sealer Write "oauth/connect" [TEXT, TEXT, TEXT, INT8, BOOL, TEXT_ARRAY, TEXT]);
static LEASE_GRANT: Query = query!(Sealer Write "oauth/lease" [TEXT, TIMESTAMPTZ, BOOL, INT8]);
static RENEWED: Query =
    query!(Sealer Write "oauth/renewed" [TEXT, TEXT, TEXT, TIMESTAMPTZ, INT8, BOOL, TEXT_ARRAY]);
static FAILED: Query = query!(Sealer Write "oauth/failed" [TEXT, TIMESTAMPTZ]);
static ENDED: Query = query!(Sealer Write "oauth/ended" [TEXT, TIMESTAMPTZ, TEXT]);
static FIND: Query = query!(Sealer Read "oauth/find" [TEXT]);
pub(crate) static QUERIES: &[&Query] = &[
    &BEGIN,
    &FINISH,
    &HAND_OVER,
    &CONNECT,
    &LEASE_GRANT,
    &RENEWED,
    &FAILED,
    &ENDED,
    &FIND,
];

/// Whose a state is stands in it, so it is sealed to its purpose and to no user.
const STATE: Slot<'static> = Slot {
    table: "oauth_states",
    column: "state",
    user: "",
    row: "",
};

/// What a browser brought back opens for who began, and for the service that they began it for.
fn completion_slot<'a>(user: &'a str, service: &'a str) -> Slot<'a> {
    Slot {
        table: "oauth_states",
        column: "completion",
        user,
        row: service,
    }
}

impl Grant {
    /// Of the sealed text; None if that is something else.
    pub(crate) fn read(text: &SecretText) -> Option<Self> {
        serde_json::from_str(text.expose()).ok()
    }

    fn text(&self) -> Result<SecretText, KeyError> {
        let text = serde_json::to_string(self).map_err(|_| KeyError::Unsealable)?;
        Ok(SecretText::new(text))
    }

    /// The access token as a key is saved: after the account's address, if it has one.
    pub(crate) fn key(&self) -> SecretText {
        SecretText::new(match &self.api_address {
            Some(address) => format!("{address}|{}", *self.access_token),
            None => self.access_token.to_string(),
        })
    }
}

impl SealedStore {
    /// Begins an authorisation; the sealed state that finishes it, once.
    pub async fn begin_authorization(
        &self,
        claims: &Claims,
        begun: &Authorization,
    ) -> Result<String, KeyError> {
        let text = serde_json::to_string(begun).map_err(|_| KeyError::Unsealable)?;
        let state = self
            .seal(&STATE, &SecretText::new(text))
            .ok_or(KeyError::Unsealable)?;
        let params: [&(dyn ToSql + Sync); 3] = [&begun.service, &begun.id, &AUTHORIZATION_LIFETIME];
        self.store().run_provisioned(claims, &BEGIN, &params).await?;
        Ok(state)
    }

    /// The authorisation that a state is of, and its user's identity; None for a text that wasn't sealed here.
    pub async fn opened_authorization(&self, state: &str) -> Option<(Authorization, Claims)> {
        let text = self.open(&STATE, state).await?;
        let begun: Authorization = serde_json::from_str(text.expose()).ok()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "it was sealed here, for a user whose token had been verified, and opens for no other purpose"
        )]
        let opened = Verified::assert_verified(());
        let claims = Claims::on_behalf_of(&begun.user, &opened).ok()?;
        Some((begun, claims))
    }

    /// Uses an authorisation up; false if that has been done, if a later one took its place, or if it is too old.
    pub async fn finish_authorization(&self, claims: &Claims, begun: &Authorization) -> Result<bool, Error> {
        let rows = self
            .store()
            .run(claims, &FINISH, &[&begun.service, &begun.id])
            .await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    /// Makes of an authorisation that was begun under the id `begun` the one of `completion`; sealed, that finishes it. None
    /// if it was finished, replaced by a later one, or took too long.
    pub async fn hand_over(
        &self,
        claims: &Claims,
        begun: &str,
        completion: &Completion,
    ) -> Result<Option<String>, KeyError> {
        let (service, id) = (&completion.begun.service, &completion.begun.id);
        let text = serde_json::to_string(completion).map_err(|_| KeyError::Unsealable)?;
        let slot = completion_slot(claims.user_id(), service);
        let sealed = self
            .seal(&slot, &SecretText::new(text))
            .ok_or(KeyError::Unsealable)?;
        let params: [&(dyn ToSql + Sync); 4] = [service, &begun, id, &COMPLETION_LIFETIME];
        let rows = self.store().run(claims, &HAND_OVER, &params).await?;
        Ok((!rows.is_empty()).then_some(sealed))
    }

    /// What the caller was handed; None for a text that wasn't sealed here, for them, and for this service.
    pub async fn opened_completion(
        &self,
        claims: &Claims,
        service: &str,
        sealed: &str,
    ) -> Option<Completion> {
        let slot = completion_slot(claims.user_id(), service);
        let text = self.open(&slot, sealed).await?;
        serde_json::from_str(text.expose()).ok()
    }

    /// Saves what a provider granted, in place of the key or grant before.
    pub async fn connect(
        &self,
        claims: &Claims,
        service: &str,
        grant: &Grant,
        terms: &GrantTerms,
    ) -> Result<(), KeyError> {
        let stored = self.sealed_grant(claims, service, grant)?;
        let renewable = grant.refresh_token.is_some();
        let params: [&(dyn ToSql + Sync); 7] = [
            &service,
            &stored.sealed,
            &stored.fingerprint,
            &terms.expires_in,
            &renewable,
            &terms.scopes,
            &terms.account,
        ];
        self.store().run_provisioned(claims, &CONNECT, &params).await?;
        Ok(())
    }

    /// The grant that was saved at `saved_at`, to be renewed by the caller; None if it needn't be, mustn't be, or somebody
    /// else is at it. `refused`: the provider doesn't take the access token any more, whatever its age.
    pub async fn lease_grant(
        &self,
        claims: &Claims,
        service: &str,
        saved_at: DateTime<Utc>,
        refused: bool,
    ) -> Result<Option<LeasedGrant>, KeyError> {
        let params: [&(dyn ToSql + Sync); 4] = [&service, &saved_at, &refused, &LEASE];
        let rows = self.store().run(claims, &LEASE_GRANT, &params).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let text = self.open_key(claims, service, row.get(0)).await?;
        let grant = Grant::read(&text).ok_or(KeyError::Unreadable)?;
        Ok(Some(LeasedGrant { grant, saved_at }))
    }

    /// Saves a renewed grant in place of the leased one; false if that isn't there any more.
    pub async fn renewed(
        &self,
        claims: &Claims,
        service: &str,
        leased: &LeasedGrant,
        grant: &Grant,
        terms: &GrantTerms,
    ) -> Result<bool, KeyError> {
        let stored = self.sealed_grant(claims, service, grant)?;
        let renewable = grant.refresh_token.is_some();
        let params: [&(dyn ToSql + Sync); 7] = [
            &service,
            &stored.sealed,
            &stored.fingerprint,
            &leased.saved_at,
            &terms.expires_in,
            &renewable,
            &terms.scopes,
        ];
        let rows = self.store().run(claims, &RENEWED, &params).await?;
        Ok(!rows.is_empty())
    }

    /// The provider couldn't renew the leased grant now: later.
    pub async fn renewal_failed(
        &self,
        claims: &Claims,
        service: &str,
        leased: &LeasedGrant,
    ) -> Result<(), Error> {
        self.store()
            .run(claims, &FAILED, &[&service, &leased.saved_at])
            .await?;
        Ok(())
    }

    /// The provider has ended the leased grant, for this reason: never again.
    pub async fn grant_ended(
        &self,
        claims: &Claims,
        service: &str,
        leased: &LeasedGrant,
        reason: &str,
    ) -> Result<(), Error> {
        let params: [&(dyn ToSql + Sync); 3] = [&service, &leased.saved_at, &reason];
        self.store().run(claims, &ENDED, &params).await?;
        Ok(())
    }

    /// The caller's grant of a service, to be revoked; None if there is none, or none that opens.
    pub async fn grant(&self, claims: &Claims, service: &str) -> Result<Option<Grant>, Error> {
        let rows = self.store().run(claims, &FIND, &[&service]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let text = self.open_key(claims, service, row.get(0)).await.ok();
        Ok(text.as_ref().and_then(Grant::read))
    }

    fn sealed_grant(&self, claims: &Claims, service: &str, grant: &Grant) -> Result<StoredKey, KeyError> {
        let slot = API_KEYS.slot(claims.user_id(), service);
        StoredKey::seal(self.keys(), &slot, &grant.text()?)
    }
}
