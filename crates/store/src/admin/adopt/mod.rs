//! Takes over a live CRM's database, without stopping it and without losing a row.
//!
//! `plan` reads and says what would be done; `adopt` does it in small steps, each of which can be the last before a
//! kill: what is left is read from the catalog again. `assign_orphans` gives rows without a user to one; `enforce` then
//! makes the user mandatory. `rows` proves that every row is still there; `rollback` is the way back.

mod batches;
mod blockers;
mod execute;
mod locks;
mod orphans;
mod plan;
mod rollback;
mod rows;
mod steps;
mod words;

use std::fmt;

use super::policies;
use super::{Admin, AdminError, Progress};
use crate::connect::Target;

pub use orphans::{Assigned, Orphans};
pub use plan::{AdoptionPlan, Grant, Policy, Table, Unprotected};
pub use rows::RowComparison;
pub(super) use steps::lacking_query;
pub use steps::{Phase, Step};

use locks::BRIEF;

/// The CRM's tables, as Mako knows them.
const TABLES: [&str; 9] = [
    "users",
    "leads",
    "contacts",
    "call_logs",
    "automation_logs",
    "api_keys",
    "webhook_events",
    "user_phone_numbers",
    "webhook_endpoints",
];
/// Those whose rows belong to a user by `user_id`.
const TENANT_TABLES: [&str; 8] = [
    "leads",
    "contacts",
    "call_logs",
    "automation_logs",
    "api_keys",
    "webhook_events",
    "user_phone_numbers",
    "webhook_endpoints",
];
/// Those whose rows are counted, by triggers.
const COUNTED: [&str; 5] = [
    "leads",
    "contacts",
    "call_logs",
    "automation_logs",
    "webhook_events",
];
/// Those that tenants are told of, by triggers.
const TOLD_OF: [&str; 5] = ["leads", "contacts", "call_logs", "automation_logs", "api_keys"];
const LEDGER: &str = include_str!("../../../../../sql/adopt/ledger.sql");

/// What an adoption did, and what is left.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rows of each table, before and after.
    pub rows: Vec<RowComparison>,
    /// What is there now.
    pub after: AdoptionPlan,
}

impl Report {
    /// Whether every row is accounted for.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.rows.iter().all(RowComparison::is_sound)
    }
}

impl Admin {
    /// Brings tenancy to the database, in steps that refuse no write of its present writers. May be repeated.
    pub async fn adopt(
        mut self,
        login: Option<&Target>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Report, AdminError> {
        self.lock(progress).await?;
        self.refuse_distributed().await?;
        self.prepare_session().await?;
        let plan = self.plan_without_blockers().await?;
        progress(Progress::Roles);
        self.run_roles(login).await?;
        // Users' policies come early: from the moment that user_id has its default, a first write through PostgREST
        // makes the user's row.
        let has_users = plan.tables.iter().any(|table| table.relation == "users");
        let (before, after): (Vec<_>, Vec<_>) = policies::FILES
            .iter()
            .partition(|file| file.precedes_tables() || (has_users && file.0 == "users.sql"));
        self.apply_gently(&before, progress).await?;
        if !plan.is_adopted() {
            self.run("sql/adopt/ledger.sql", LEDGER).await?;
            self.write_down_rows(&plan.tables, progress).await?;
        }
        self.take(Phase::Apply, progress).await?;
        progress(Progress::Migrations);
        self.migrate_gently(&plan, progress).await?;
        self.apply_gently(&after, progress).await?;
        self.run("telling PostgREST", "notify pgrst, 'reload schema'")
            .await?;
        self.report(progress).await
    }

    /// Makes the user mandatory, once the old writers are gone and no orphan is left.
    pub async fn enforce(self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, AdminError> {
        self.lock(progress).await?;
        self.refuse_distributed().await?;
        self.prepare_session().await?;
        let plan = self.plan_without_blockers().await?;
        if !plan.is_adopted() {
            return Err(AdminError::Refused(
                "the database is not adopted yet: run `mako adopt --apply` first".to_owned(),
            ));
        }
        refuse_orphans(&plan)?;
        if !plan.is_enforced() {
            self.run("sql/adopt/ledger.sql", LEDGER).await?;
            self.write_down_rows(&plan.tables, progress).await?;
        }
        if let Err(refusal) = self.take(Phase::Enforce, progress).await {
            self.withdraw(&plan, progress).await?;
            return Err(refusal);
        }
        self.report(progress).await
    }

    async fn refuse_distributed(&self) -> Result<(), AdminError> {
        if self.is_distributed().await? {
            return Err(AdminError::Refused(
                "the database is distributed, and so adopted already".to_owned(),
            ));
        }
        Ok(())
    }

    /// Lets the old writers write again: takes away the checks that were to become NOT NULL.
    async fn withdraw(
        &self,
        plan: &AdoptionPlan,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        for Table { relation, .. } in &plan.tables {
            let interim =
                format!("alter table public.{relation} drop constraint if exists {relation}_present");
            self.gently("taking checks away", &[relation], &interim, progress)
                .await?;
        }
        Ok(())
    }

    async fn plan_without_blockers(&self) -> Result<AdoptionPlan, AdminError> {
        let plan = self.plan_adoption().await?;
        if plan.blockers.is_empty() {
            Ok(plan)
        } else {
            Err(AdminError::Refused(format!(
                "nothing was changed, since something is in the way:\n  {}",
                plan.blockers.join("\n  ")
            )))
        }
    }

    /// Texts of rows must not depend on whose session it is, and no lock is waited for long.
    pub(super) async fn prepare_session(&self) -> Result<(), AdminError> {
        let settings = format!(
            "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set bytea_output = 'hex';
             set extra_float_digits = 1; set lock_timeout = '{BRIEF}'"
        );
        self.run("preparing the session", &settings).await
    }

    async fn report(&self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, AdminError> {
        let there = self
            .client
            .query_one("select to_regclass('mako.adoption') is not null", &[])
            .await
            .map_err(AdminError::at("reading mako.adoption"))?;
        let rows = if there.get(0) {
            self.find_rows_again(progress).await?
        } else {
            Vec::new()
        };
        Ok(Report {
            rows,
            after: self.plan_adoption().await?,
        })
    }
}

/// Without an owner a row can't be anybody's, so nothing is enforced while there are such rows.
fn refuse_orphans(plan: &AdoptionPlan) -> Result<(), AdminError> {
    let orphans: Vec<_> = orphans::with_orphans(&plan.tables)
        .map(|table| format!("public.{}: {}", table.relation, table.orphans))
        .collect();
    if orphans.is_empty() {
        return Ok(());
    }
    Err(AdminError::Refused(format!(
        "nothing was changed, since orphans remain:\n  {}\nGive them to a user with `mako adopt --assign-orphans USER_ID`, \
         or delete them",
        orphans.join("\n  ")
    )))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::report(self, f)
    }
}

impl fmt::Display for AdoptionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::plan(self, f)
    }
}
