//! Access tokens: a tenant's own, for scripts and automations. The database has a keyed hash of each; the token itself is
//! shown once, when it is made.

use chrono::{DateTime, Utc};
use identity::{Claims, Verified};
use seal::{SecretText, Slot};
use tokio_postgres::Row;

use super::api_keys::SealedStore;
use crate::error::Error;
use crate::query::{Query, RouterQuery, query, router_query};
use crate::tenant_tx::Store;

/// A row of `mako.access_tokens`, without tenant and hash.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct AccessToken {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    pub expires_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// What a token is made of, but for its secret.
#[derive(Clone, Copy, Debug)]
pub struct NewAccessToken<'a> {
    /// The user's name for it.
    pub name: &'a str,
    /// What it may do.
    pub scopes: &'a [String],
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Tokens that one user may have at the same time.
pub const MOST: i64 = 100;

static LIST: Query = query!(Read "access_tokens/list" []);
static CREATE: Query =
    query!(Sealer Write "access_tokens/create" [TEXT, TEXT_ARRAY, TEXT, TIMESTAMPTZ, INT8]);
static REVOKE: Query = query!(Write "access_tokens/revoke" [TEXT]);
pub(crate) static QUERIES: &[&Query] = &[&LIST, &CREATE, &REVOKE];
pub(crate) static USE: RouterQuery = router_query!("router/use_access_token"[TEXT_ARRAY]);

/// Whose a token is isn't known before it is found, so its hash is bound to the column and to no row.
const HASH: Slot<'static> = Slot {
    table: "access_tokens",
    column: "token_hash",
    user: "",
    row: "",
};

/// The caller's tokens, newest first.
pub async fn list(store: &Store, claims: &Claims) -> Result<Vec<AccessToken>, Error> {
    let rows = store.run(claims, &LIST, &[]).await?;
    Ok(rows.iter().map(AccessToken::from).collect())
}

/// Ends one of the caller's tokens; false if there is none of that id.
pub async fn revoke(store: &Store, claims: &Claims, id: &str) -> Result<bool, Error> {
    Ok(!store.run(claims, &REVOKE, &[&id]).await?.is_empty())
}

impl SealedStore {
    /// Makes `token` one of the caller's; None if they have [`MOST`] already.
    pub async fn create_access_token(
        &self,
        claims: &Claims,
        new: &NewAccessToken<'_>,
        token: &SecretText,
    ) -> Result<Option<AccessToken>, Error> {
        let NewAccessToken {
            name,
            scopes,
            expires_at,
        } = new;
        let hash = self.keys().ring().fingerprint(&HASH, token);
        let rows = self
            .store()
            .run_provisioned(claims, &CREATE, &[name, scopes, &hash, expires_at, &MOST])
            .await?;
        Ok(rows.first().map(AccessToken::from))
    }

    /// The identity of whose token it is, bounded by its scopes; None for one that is unknown, revoked or expired.
    pub async fn access_token_claims(&self, token: &SecretText) -> Result<Option<Claims>, Error> {
        let hashes = self.keys().ring().fingerprints(&HASH, token);
        let rows = self.store().route_stranger(&USE, &[&hashes]).await?;
        Ok(rows.first().and_then(|row| {
            #[expect(
                clippy::disallowed_methods,
                reason = "the database knows the keyed hash of what the caller presented"
            )]
            let found = Verified::assert_verified(());
            let (id, owner, scopes): (&str, &str, Vec<&str>) = (row.get(0), row.get(1), row.get(2));
            Claims::of_access_token(owner, id, &scopes, &found).ok()
        }))
    }
}

impl From<&Row> for AccessToken {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            name: row.get(1),
            scopes: row.get(2),
            expires_at: row.get(3),
            last_used_at: row.get(4),
            created_at: row.get(5),
        }
    }
}
