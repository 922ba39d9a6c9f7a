//! Builds the indexes that V11 wants before it runs, concurrently: a migration is one transaction, and would stop all
//! writers of a large table until its indexes are built.

use super::adopt::lacking_query;
use super::{Admin, AdminError, Progress};

const V11: &str = include_str!("../../../../sql/migrations/V11__filter_indexes.sql");

impl Admin {
    /// Builds what is lacking, unless V11 has run, on tables that have a tenant column; to others the migrations bring it first.
    pub(super) async fn build_indexes(
        &self,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        if self.applied_versions().await?.contains(&11) {
            return Ok(());
        }
        let lacking = self
            .client
            .query(lacking_query(V11), &[])
            .await
            .map_err(AdminError::at("looking for indexes"))?;
        for row in &lacking {
            let (name, is_remnant, statement): (&str, bool, &str) = (row.get(0), row.get(1), row.get(2));
            let what = format!("index {name}");
            progress(Progress::Step(what.clone()));
            if is_remnant {
                // What a stopped build has left behind.
                self.run(&what, &format!("drop index concurrently public.{name}"))
                    .await?;
            }
            let statement = statement.replacen("index ", "index concurrently ", 1);
            self.run(&what, &statement).await?;
        }
        Ok(())
    }
}
