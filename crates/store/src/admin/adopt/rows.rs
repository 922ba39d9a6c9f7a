//! Looks whether every row that was there still is. Each row's digest is written down before the first change and
//! compared after the last.
//!
//! Other people go on writing meanwhile, so each row's `xmin` is written down too: a row with another `xmin` at the end
//! was written by somebody since, and is counted, not compared. The checksum of a table is the sum of its rows' digests,
//! so their order doesn't matter; it is over the columns that the table had before.

use std::fmt;

use super::super::{Admin, AdminError, Progress};
use super::locks::{BRIEF, UNHURRIED};
use super::plan::Table;

/// A table's rows before an adoption and after it.
#[derive(Clone, Debug)]
pub struct RowComparison {
    /// The table, of the schema public.
    pub relation: String,
    /// The columns that it had before, which the checksums are over.
    pub columns: Vec<String>,
    /// Rows before.
    pub before: i64,
    /// Checksum of all of them.
    pub checksum: String,
    /// Of them, rows that nobody has written since.
    pub untouched: i64,
    /// Checksum of the untouched ones, before.
    pub then: String,
    /// Checksum of the untouched ones, now.
    pub now: String,
    /// Rows that got a value which they lacked, by the adoption.
    pub completed: i64,
    /// Rows that others have changed since.
    pub changed: i64,
    /// Rows that others have deleted since.
    pub deleted: i64,
    /// Rows that differ although nobody has written them.
    pub damaged: i64,
}

impl RowComparison {
    /// Whether every row is accounted for.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged == 0 && self.then == self.now
    }
}

impl fmt::Display for RowComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            relation,
            before,
            untouched,
            then,
            now,
            ..
        } = self;
        write!(
            f,
            "{relation}: {before} rows before, {untouched} untouched: checksum {then} before, {now} now"
        )?;
        for (rows, what) in [
            (self.completed, "completed by this adoption"),
            (self.changed, "changed by others meanwhile"),
            (self.deleted, "deleted by others meanwhile"),
            (self.damaged, "DIFFERENT ALTHOUGH NOBODY WROTE THEM"),
        ] {
            if rows > 0 {
                write!(f, "; {rows} {what}")?;
            }
        }
        Ok(())
    }
}

/// The digest of a row `t` over these columns.
fn digest(columns: &[String]) -> String {
    let columns: Vec<_> = columns
        .iter()
        .map(|name| format!("t.\"{}\"", name.replace('"', "\"\"")))
        .collect();
    format!("hashtextextended(row({})::text, 0)", columns.join(", "))
}

impl Admin {
    /// Writes down every row of the tables, unless that has been done by an adoption that was stopped since.
    pub(super) async fn write_down_rows(
        &self,
        tables: &[Table],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        self.wait_at_most(UNHURRIED).await?;
        for table in tables
            .iter()
            .filter(|table| table.columns.iter().any(|name| name == "id"))
        {
            let what = format!("writing down the rows of {}", table.relation);
            progress(Progress::Step(what.clone()));
            let digest = digest(&table.columns);
            // One statement a table, so one snapshot: either all of its rows are there or none.
            let sql = format!(
                "with entry as (
                   insert into mako.adoption (relation, columns, rollback) values ($1, $2, $3)
                   on conflict (relation) do update set began_at = now(), ended_at = null, columns = excluded.columns
                   where adoption.ended_at is not null
                   returning relation
                 )
                 insert into mako.adoption_rows (relation, id, version, digest)
                 select entry.relation, t.id, t.xmin, {digest} from entry, public.{} t",
                table.relation
            );
            self.client
                .execute(&sql, &[&table.relation, &table.columns, &table.rollback])
                .await
                .map_err(AdminError::at(what))?;
        }
        self.wait_at_most(BRIEF).await
    }

    /// Finds the written-down rows again, and ends the adoption if none is damaged.
    pub(super) async fn find_rows_again(
        &self,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<RowComparison>, AdminError> {
        let what = "finding the rows again";
        self.wait_at_most(UNHURRIED).await?;
        let open = self
            .client
            .query(
                "select relation, columns from mako.adoption where ended_at is null order by relation",
                &[],
            )
            .await
            .map_err(AdminError::at(what))?;
        let mut compared = Vec::new();
        for entry in &open {
            let (relation, columns): (String, Vec<String>) = (entry.get(0), entry.get(1));
            progress(Progress::Step(format!("{what}: {relation}")));
            let table = self.compare(&relation, &columns).await?;
            compared.push(table);
        }
        if compared.iter().all(RowComparison::is_sound) {
            self.end_adoption(&compared).await?;
        }
        self.wait_at_most(BRIEF).await?;
        Ok(compared)
    }

    /// Notes what was found, and lets go of the rows' digests, in one transaction.
    async fn end_adoption(&self, compared: &[RowComparison]) -> Result<(), AdminError> {
        let what = "ending the adoption";
        self.run(what, "begin").await?;
        for table in compared {
            self.client
                .execute(
                    "update mako.adoption set rows = $2, checksum = $3::text::numeric, ended_at = now() where relation = $1",
                    &[&table.relation, &table.before, &table.checksum],
                )
                .await
                .map_err(AdminError::at(what))?;
        }
        self.run(what, "truncate mako.adoption_rows; commit").await
    }

    async fn compare(&self, relation: &str, columns: &[String]) -> Result<RowComparison, AdminError> {
        let digest = digest(columns);
        let sql = format!(
            "with pair as (
               select b.digest as old, {digest} as new, b.completed,
                 t.id is null as deleted, t.xmin is not distinct from b.version as untouched
               from mako.adoption_rows b
               left join public.{relation} t on t.id = b.id
               where b.relation = $1
             )
             select count(*), count(*) filter (where untouched),
               coalesce(sum(old) filter (where untouched), 0)::text, coalesce(sum(new) filter (where untouched), 0)::text,
               count(*) filter (where completed and not untouched and not deleted),
               count(*) filter (where not completed and not untouched and not deleted),
               count(*) filter (where deleted),
               count(*) filter (where untouched and old <> new),
               coalesce(sum(old), 0)::text
             from pair"
        );
        let row = self
            .client
            .query_one(&sql, &[&relation])
            .await
            .map_err(AdminError::at(format!("finding the rows of {relation} again")))?;
        Ok(RowComparison {
            relation: relation.to_owned(),
            columns: columns.to_vec(),
            before: row.get(0),
            checksum: row.get(8),
            untouched: row.get(1),
            then: row.get(2),
            now: row.get(3),
            completed: row.get(4),
            changed: row.get(5),
            deleted: row.get(6),
            damaged: row.get(7),
        })
    }
}
