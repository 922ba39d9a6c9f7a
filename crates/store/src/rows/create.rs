//! Adds rows: those of a user who may be new, and those that a repeated request must not make twice.

use identity::Claims;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::users;
use super::values::Created;
use crate::error::Error;
use crate::query::Query;
use crate::tenant_tx::Store;

impl Store {
    /// Runs one statement that may be the user's first write.
    ///
    /// Rows refer to `users`, so a user known only from a token gets a row there first: not on every write,
    /// but when Postgres misses it.
    pub async fn run_provisioned(
        &self,
        claims: &Claims,
        query: &'static Query,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        match self.run(claims, query, params).await {
            Err(error) if error.is_missing_parent() => {
                self.run(claims, &users::ENSURE, &[]).await?;
                self.run(claims, query, params).await
            }
            other => other,
        }
    }

    /// Runs an insert that takes an idempotency key as its last parameter and answers the row, followed by
    /// whether it is new. None: the row that the key made is gone.
    pub(crate) async fn create<T: for<'r> From<&'r Row>>(
        &self,
        claims: &Claims,
        insert: &'static Query,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Created<T>>, Error> {
        let rows = match self.run_provisioned(claims, insert, params).await {
            // Another request with the same key was faster by less than a transaction; now its row is there.
            Err(error) if error.is_duplicate() => self.run(claims, insert, params).await?,
            other => other?,
        };
        Ok(rows.first().map(|row| Created {
            row: row.into(),
            new: row.get(row.len() - 1),
        }))
    }
}
