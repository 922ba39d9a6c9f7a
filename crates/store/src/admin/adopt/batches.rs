//! Writes many rows without anybody waiting for one of them. A table is walked by its primary key, a few rows a
//! transaction.

use std::time::Duration;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::super::{Admin, AdminError, Progress};

/// Rows written in one transaction.
pub(super) const BATCH: i64 = 500;
/// How often a batch is tried while a row of it is somebody else's, and the pause between.
const TRIES: u32 = 600;
const PAUSE: Duration = Duration::from_millis(200);
/// After how many rows it is said how far the walk has come.
const MILESTONE: i64 = 50_000;

impl Admin {
    /// Gives values to a table's rows that lack them; marks them as written by us.
    pub(super) async fn fill(
        &self,
        relation: &str,
        update: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<i64, AdminError> {
        // `update public.leads set … where (…)`, as V1 has it
        let change = format!(
            "with batch as (select id from public.{relation} where id > $2 order by id limit {BATCH}),
             changed as ({update} and id in (select id from batch) returning id),
             marked as (
               update mako.adoption_rows set completed = true from changed
               where adoption_rows.relation = $1 and adoption_rows.id = changed.id
             )
             select (select max(id) from batch), (select count(*) from changed)"
        );
        self.walk(
            &format!("values for rows of {relation}"),
            &change,
            &[&relation],
            progress,
        )
        .await
    }

    /// Walks a table by its primary key; `$2` is where the batch before ended.
    pub(super) async fn walk(
        &self,
        what: &str,
        sql: &str,
        first: &[&(dyn ToSql + Sync)],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<i64, AdminError> {
        let statement = self.client.prepare(sql).await.map_err(AdminError::at(what))?;
        let (mut place, mut written, mut told) = (String::new(), 0_i64, 0_i64);
        loop {
            let row = self.batch(what, &statement, first, &place).await?;
            let (last, changed): (Option<String>, i64) = (row.get(0), row.get(1));
            written += changed;
            if written >= told + MILESTONE {
                told = written;
                progress(Progress::Step(format!("{what}: {written} so far")));
            }
            match last {
                Some(last) => place = last,
                None => return Ok(written),
            }
        }
    }

    /// One batch, tried again while a row of it is somebody else's.
    async fn batch(
        &self,
        what: &str,
        statement: &Statement,
        first: &[&(dyn ToSql + Sync)],
        place: &String,
    ) -> Result<Row, AdminError> {
        let mut parameters = first.to_vec();
        parameters.push(place);
        let mut tries = 0;
        loop {
            let batch = self.client.query_one(statement, &parameters).await;
            match batch.map_err(AdminError::at(what)) {
                Err(refusal) if matches!(refusal.sqlstate(), Some("55P03" | "40P01")) && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                other => return other,
            }
        }
    }
}
