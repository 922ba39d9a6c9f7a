//! Holds `mako.stats` against the rows that it counts, and counts afresh. How it is kept: `policies/stats.sql`.

use super::{Admin, AdminError};

/// A table whose stored counts aren't what its rows say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drift {
    /// The table, of the schema public.
    pub relation: String,
    /// Tenants that are concerned.
    pub tenants: i64,
    /// Counts that are wrong, of so many days, kinds and states.
    pub counts: i64,
}

impl Admin {
    /// Compares every count with the rows, in one snapshot, while others write; by table, and none if all agree.
    pub async fn stats_drift(&self) -> Result<Vec<Drift>, AdminError> {
        self.refuse_live_counts().await?;
        let sql = "select relation, count(distinct user_id), count(*) from mako.stats_drift() group by 1 order by 1";
        let rows = self
            .client
            .query(sql, &[])
            .await
            .map_err(AdminError::at("comparing mako.stats with the rows"))?;
        Ok(rows
            .iter()
            .map(|row| Drift {
                relation: row.get(0),
                tenants: row.get(1),
                counts: row.get(2),
            })
            .collect())
    }

    /// Counts all rows afresh, while others write; how many counts that makes.
    pub async fn rebuild_stats(&self) -> Result<i64, AdminError> {
        self.refuse_live_counts().await?;
        let row = self.client.query_one("select mako.rebuild_stats()", &[]).await;
        Ok(row.map_err(AdminError::at("counting afresh"))?.get(0))
    }

    async fn refuse_live_counts(&self) -> Result<(), AdminError> {
        if self.counts_live().await? {
            return Err(AdminError::Refused(
                "the database is distributed: counts are taken from the rows when they are asked for, and are never wrong".to_owned(),
            ));
        }
        Ok(())
    }
}
