//! Users: the tenants themselves.

use identity::Claims;
use tokio_postgres::Row;

use crate::error::Error;
use crate::query::{Query, ReplicaQuery, query, replica_query};
use crate::tenant_tx::Store;

/// What a user may know of their own row in `public.users`.
#[derive(Clone, Debug)]
pub struct User {
    /// The user id: the tenant.
    pub id: String,
    /// The e-mail; `<id>@no-email.invalid` if none was free.
    pub email: String,
    /// The business, if it was named.
    pub business_name: Option<String>,
    /// The application's role for this user, e.g. `user` or `admin`; no role of Postgres.
    pub role: String,
}

static FIND: ReplicaQuery = replica_query!("users/find" []);
pub(crate) static ENSURE: Query = query!(Write "users/ensure" []);
/// For transactions that read, decide and write.
pub(crate) static LOCK: Query = query!(Write "users/lock" []);
pub(crate) static QUERIES: &[&Query] = &[&FIND.0, &ENSURE, &LOCK];

/// The caller's own row, made from the claims if it isn't there yet.
pub async fn me(store: &Store, claims: &Claims) -> Result<Option<User>, Error> {
    if let Some(row) = store.read(claims, &FIND, &[]).await?.first() {
        return Ok(Some(row.into()));
    }
    store.run(claims, &ENSURE, &[]).await?;
    Ok(store.read(claims, &FIND, &[]).await?.first().map(User::from))
}

impl From<&Row> for User {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            email: row.get(1),
            business_name: row.get(2),
            role: row.get(3),
        }
    }
}
