//! Has Citus spread tenants' rows over several nodes, and brings them back.
//!
//! What is lacking is read from the catalog, step by step, so that what was stopped goes on where it was. No policy is written
//! twice: those of `policies/` lose the sub-selects that Citus doesn't take.

use super::{Admin, AdminError, Done, Progress};
use crate::connect::Target;

const FUNCTIONS: &str = include_str!("../../../../sql/distributed/functions.sql");
const COUNTS: &str = include_str!("../../../../sql/distributed/counts.sql");
const REFUSALS: &str = include_str!("../../../../sql/distributed/refusals.sql");
const STEPS: &str = include_str!("../../../../sql/distributed/steps.sql");
const UNDO: &str = include_str!("../../../../sql/distributed/undo.sql");
const LEAVE: &str = include_str!("../../../../sql/distributed/leave.sql");
const STATS: &str = include_str!("../../../../sql/migrations/V9__stats.sql");

/// Whether a database is, or is on its way to being, spread over several nodes.
pub(super) const IS_DISTRIBUTED: &str = "select to_regprocedure('mako.forward_claims(text)') is not null";

/// The tables whose rows are spread, all of a tenant's to one node. Others stay on the coordinator.
const TENANT_TABLES: &[&str] = &[
    "public.leads",
    "public.contacts",
    "public.call_logs",
    "public.automation_logs",
    "mako.idempotency_keys",
    "mako.contact_imports",
    "mako.provider_objects",
];

/// The first version that keeps to rights on columns when it spreads a table.
const OLDEST: (i32, i32) = (13, 1);

/// How often a step is tried that is in a deadlock with writers.
const TRIES: usize = 10;

/// A statement that is to be run by itself, and what it does in words.
struct Step {
    words: String,
    statement: String,
}

impl Admin {
    /// Whether the database is, or is on its way to being, spread over several nodes.
    pub(super) async fn is_distributed(&self) -> Result<bool, AdminError> {
        self.asks(IS_DISTRIBUTED).await
    }

    /// What [`Admin::distribute`] would do, in words; an error if it can't.
    pub async fn distribution_plan(&self) -> Result<Vec<String>, AdminError> {
        let pending = self.pending().await?;
        if !pending.is_empty() && !self.is_distributed().await? {
            return Ok(pending);
        }
        self.refuse_indistributable().await?;
        self.lacking_distribution().await
    }

    /// The same without looking whether it can.
    pub(super) async fn lacking_distribution(&self) -> Result<Vec<String>, AdminError> {
        let mut words = Vec::new();
        if !self.is_distributed().await? {
            words.push(
                "functions for what Citus doesn't send to one shard; claims that reach workers".to_owned(),
            );
        }
        if !self.counts_live().await? {
            words.push("no triggers: counts are taken from the rows, nobody is told of events".to_owned());
        }
        let steps = self.steps(STEPS).await?;
        words.extend(steps.into_iter().map(|step| step.words));
        Ok(words)
    }

    /// Spreads the tenants' rows over Citus' nodes, after bringing the database to this version. May be repeated.
    pub async fn distribute(
        mut self,
        login: Option<&Target>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        self.lock(progress).await?;
        if self.is_distributed().await? {
            self.refuse_older().await?;
        } else {
            self.bring_up(login, progress).await?;
        }
        self.refuse_indistributable().await?;
        let was_distributed = self.is_distributed().await?;
        progress(Progress::Step("functions".to_owned()));
        self.run("sql/distributed/functions.sql", FUNCTIONS).await?;
        if !was_distributed {
            self.end_services_sessions().await?;
        }
        if !self.counts_live().await? {
            progress(Progress::Step("no triggers".to_owned()));
            self.run("sql/distributed/counts.sql", COUNTS).await?;
        }
        self.take_steps(STEPS, progress).await?;
        self.drop_copies().await?;
        self.note_all_policies().await
    }

    /// Brings all rows back to the coordinator, and what a single node has instead. Writers wait meanwhile.
    pub async fn undistribute(
        mut self,
        login: Option<&Target>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Done, AdminError> {
        self.lock(progress).await?;
        if self.is_distributed().await? {
            self.take_steps(UNDO, progress).await?;
            self.drop_copies().await?;
            self.run("mako.stats", STATS).await?;
            // All of them are applied anew: they hold what was given up.
            self.run("the ledger of policies", "delete from mako.policy_files")
                .await?;
            self.run("sql/distributed/leave.sql", LEAVE).await?;
            self.end_services_sessions().await?;
        }
        self.bring_up(login, progress).await
    }

    /// Runs what is lacking, until nothing is.
    async fn take_steps(
        &self,
        lacking: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        for step in self.steps(lacking).await? {
            progress(Progress::Step(step.words.clone()));
            // Behind one that waits for its lock, every other statement on the table would wait. An index is built beside them.
            let patience = if step.statement.starts_with("alter ") {
                "5s"
            } else {
                "0"
            };
            self.run("lock_timeout", &format!("set lock_timeout = '{patience}'"))
                .await?;
            self.take_unless_deadlocked(&step).await?;
            self.grant_counts().await?;
        }
        match self.steps(lacking).await?.first() {
            None => Ok(()),
            Some(step) => Err(AdminError::Refused(format!(
                "{}: it was done, and is lacking still",
                step.words
            ))),
        }
    }

    /// One that takes several tables' locks may meet writers who have them in another order: it is undone, and tried again.
    async fn take_unless_deadlocked(&self, step: &Step) -> Result<(), AdminError> {
        for _ in 1..TRIES {
            match self.run(&step.words, &step.statement).await {
                Err(error) if error.sqlstate() == Some("40P01") => (),
                done => return done,
            }
        }
        self.run(&step.words, &step.statement).await
    }

    async fn steps(&self, lacking: &str) -> Result<Vec<Step>, AdminError> {
        let rows = self.client.query(lacking, &[&TENANT_TABLES]).await;
        let rows = rows.map_err(AdminError::at("looking for what is lacking"))?;
        let step = |row: &tokio_postgres::Row| Step {
            words: row.get(0),
            statement: row.get(1),
        };
        Ok(rows.iter().map(step).collect())
    }

    /// Citus makes a view anew when it changes a table below, and forgets who may read it.
    async fn grant_counts(&self) -> Result<(), AdminError> {
        if self.counts_live().await? {
            self.run(
                "the right to read counts",
                "grant select on mako.stats to authenticated",
            )
            .await?;
        }
        Ok(())
    }

    pub(super) async fn counts_live(&self) -> Result<bool, AdminError> {
        self.asks(
            "select exists (select from pg_class where oid = to_regclass('mako.stats') and relkind = 'v')",
        )
        .await
    }

    /// What Citus has copied elsewhere it drops later; not earlier than it is told to.
    async fn drop_copies(&self) -> Result<(), AdminError> {
        self.run(
            "dropping what was copied",
            "call citus_cleanup_orphaned_resources()",
        )
        .await
    }

    /// Notes the policies as they are now, so that `--check` sees what changes from here on.
    async fn note_all_policies(&self) -> Result<(), AdminError> {
        for file in super::policies::FILES {
            self.note_policies(file).await?;
        }
        Ok(())
    }

    /// Each session learns when it begins how claims are sent; services make new ones.
    async fn end_services_sessions(&self) -> Result<(), AdminError> {
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where usename = 'mako' and datname = current_database() and pid <> pg_backend_pid()";
        self.run("ending the services' sessions", sql).await
    }

    /// An error that says why Citus can't spread this database.
    async fn refuse_indistributable(&self) -> Result<(), AdminError> {
        let at = || AdminError::at("asking Citus");
        let sql = "select extversion from pg_extension where extname = 'citus'";
        let version = self.client.query_opt(sql, &[]).await.map_err(at())?;
        let Some(version) = version.map(|row| row.get::<_, String>(0)) else {
            return Err(AdminError::Refused(
                "the database has no extension citus: create extension citus, on every node".to_owned(),
            ));
        };
        let mut numbers = version.split(['.', '-']).map_while(|number| number.parse().ok());
        if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
            return Err(AdminError::Refused(format!(
                "Citus {version} is older than 13.1, and would not keep rights on columns"
            )));
        }
        let whys = self
            .client
            .query(REFUSALS, &[&TENANT_TABLES])
            .await
            .map_err(at())?;
        let whys: Vec<String> = whys.iter().map(|row| row.get(0)).collect();
        if whys.is_empty() {
            return Ok(());
        }
        Err(AdminError::Refused(format!(
            "Citus can't spread this database:\n  {}",
            whys.join("\n  ")
        )))
    }

    async fn asks(&self, sql: &str) -> Result<bool, AdminError> {
        let row = self.client.query_one(sql, &[]).await;
        Ok(row.map_err(AdminError::at("reading the catalog"))?.get(0))
    }
}
