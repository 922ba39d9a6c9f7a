//! Takes an adoption back: by SQL that is generated from the catalog before the first change, and kept in the
//! database, so that an adoption that goes on after a kill doesn't take its own work for what was there.

use super::super::{Admin, AdminError};
use super::plan::{AdoptionPlan, policies_of};

impl Admin {
    /// The SQL that brings a table back to what it was before the first adoption.
    pub(super) async fn rollback(&self, relation: &str) -> Result<String, AdminError> {
        let what = || AdminError::at(format!("reading how public.{relation} is"));
        let there = self
            .client
            .query_one("select to_regclass('mako.adoption') is not null", &[])
            .await
            .map_err(what())?;
        if there.get(0) {
            let kept = self
                .client
                .query_opt(
                    "select rollback from mako.adoption where relation = $1",
                    &[&relation],
                )
                .await
                .map_err(what())?;
            // A table that isn't noted was made by the adoption: there is nothing to take back.
            return Ok(kept.map(|row| row.get(0)).unwrap_or_default());
        }
        let row = self
            .client
            .query_one(
                include_str!("../../../../../sql/adopt/rollback.sql"),
                &[&relation, &policies_of(relation)],
            )
            .await
            .map_err(what())?;
        Ok(row.get(0))
    }
}

impl AdoptionPlan {
    /// The script that takes the adoption back: policies, rights, constraints and defaults of before, no row.
    #[must_use]
    pub fn rollback(&self) -> String {
        let mut script = format!(
            "-- Takes back what `mako adopt` changed in the database {}: its tables get the policies, rights, constraints\n\
             -- and defaults that they had before. Every row stays, and so do new columns, new tables and indexes.\n\
             -- One transaction. With it every hole that was there before is open again.\n\
             begin;\nset local lock_timeout = '5s';\n",
            self.database
        );
        for table in self.tables.iter().filter(|table| !table.rollback.is_empty()) {
            for part in ["\n-- public.", &table.relation, "\n", &table.rollback, "\n"] {
                script.push_str(part);
            }
        }
        script += "\nnotify pgrst, 'reload schema';\ncommit;\n";
        if !self.missing.is_empty() {
            script += "-- Made by the adoption, protected, and left as they are: ";
            script += &(self.missing.join(", ") + "\n");
        }
        script
    }
}
