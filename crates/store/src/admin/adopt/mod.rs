//! How is a live CRM's database taken over, without stopping it and without losing a row?
//!
//! `plan` reads and says what would be done; `adopt` does it in small steps, each of which can be the last before a
//! kill: what is left is read from the catalog again. `assign_orphans` gives rows without a user to one; `enforce` then
//! makes the user mandatory. `rows` proves that every row is still there; `rollback` is the way back.

mod locks;
mod orphans;
mod plan;
mod rollback;
mod rows;
mod steps;
mod words;

use std::fmt;

use super::policies::{self, File};
use super::{Admin, AdminError, Progress};
use crate::connect::Target;

pub use orphans::{Assigned, Orphans};
pub use plan::{Grant, Hole, Plan, Policy, Table};
pub use rows::Compared;
pub use steps::{Phase, Step};

use locks::BRIEF;
use steps::Kind;

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
const LEDGER: &str = include_str!("../../../../../sql/adopt/ledger.sql");

/// What an adoption did, and what is left.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rows of each table, before and after.
    pub rows: Vec<Compared>,
    /// What is there now.
    pub after: Plan,
}

impl Report {
    /// Whether every row is accounted for.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.rows.iter().all(Compared::is_sound)
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
        self.prepare_session().await?;
        let plan = self.plan_without_blockers().await?;
        progress(Progress::Roles);
        self.run_roles(login).await?;
        let (before, after): (Vec<_>, Vec<_>) =
            policies::FILES.iter().partition(|file| file.precedes_tables());
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

    /// Lets the old writers write again: takes away the checks that were to become NOT NULL.
    async fn withdraw(&self, plan: &Plan, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<(), AdminError> {
        for Table { relation, .. } in &plan.tables {
            let interim = format!("alter table public.{relation} drop constraint if exists {relation}_present");
            self.gently("taking checks away", &[relation], &interim, progress).await?;
        }
        Ok(())
    }

    async fn plan_without_blockers(&self) -> Result<Plan, AdminError> {
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

    /// Takes the steps of a phase, one transaction each.
    async fn take(
        &self,
        phase: Phase,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        for step in self.lacking().await?.iter().filter(|step| step.phase == phase) {
            progress(Progress::Step(format!("{}: {}", step.relation, step.words)));
            self.take_step(step, progress).await?;
        }
        Ok(())
    }

    async fn take_step(
        &self,
        step: &Step,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        let relation = step.relation.as_str();
        let what = format!("{relation}: {}", step.words);
        match step.kind {
            Kind::Fill => self.fill(relation, &step.sql, progress).await.map(drop),
            Kind::Remnant | Kind::Index => self.unhurried(&what, &step.live_sql(), progress).await,
            Kind::Columns | Kind::Check | Kind::NotNull => {
                self.gently(&what, &[relation], &step.sql, progress).await
            }
            Kind::ForeignKey => {
                self.gently(&what, &[relation, "users"], &step.sql, progress)
                    .await
            }
            Kind::Validate => match self.unhurried(&what, &step.sql, progress).await {
                // check_violation, foreign_key_violation: they came in after the orphans were counted
                Err(refusal) if matches!(refusal.sqlstate(), Some("23514" | "23503")) => Err(AdminError::Refused(format!(
                    "public.{relation} has got rows without a user meanwhile, so somebody still writes them; nothing is \
                     enforced. When that has stopped, run `mako adopt --enforce --assign-orphans USER_ID`"
                ))),
                other => other,
            },
            Kind::ValidateLimits => match self.unhurried(&what, &step.sql, progress).await {
                // check_violation: the rows stay, new ones are bound
                Err(refusal) if refusal.sqlstate() == Some("23514") => {
                    progress(Progress::Step(format!(
                        "{relation}: has rows beyond the limits; they stay, new ones are bound"
                    )));
                    Ok(())
                }
                other => other,
            },
        }
    }

    /// For statements whose locks stop neither readers nor writers, and so may be waited for.
    async fn unhurried(
        &self,
        what: &str,
        sql: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        self.wait_at_most("0").await?;
        let done = self.again_and_again(what, &[], sql, progress).await;
        self.wait_at_most(BRIEF).await?;
        done
    }

    /// Migrations that the ledger lacks. V1 and V2 find little to do by now, and may be repeated: once with the
    /// patience that a live site needs, then by refinery, which notes them.
    async fn migrate_gently(
        &mut self,
        plan: &Plan,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        let live: Vec<_> = plan.tables.iter().map(|table| table.relation.as_str()).collect();
        for (name, sql) in self.repeatable_migrations().await? {
            let sql = sql.replace("set local lock_timeout = '5s';", "");
            self.gently(&name, &live, &sql, progress).await?;
        }
        self.run_migrations().await.map(drop)
    }

    /// Policy files that are not in force, each with the patience that a live site needs.
    async fn apply_gently(
        &self,
        files: &[&'static File],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        for file in files {
            if !self.is_applied(file).await? {
                progress(Progress::Policies(file.0));
                let relation = TABLES.into_iter().find(|name| file.0 == format!("{name}.sql"));
                self.gently(
                    &format!("policies/{}", file.0),
                    relation.as_slice(),
                    file.body(),
                    progress,
                )
                .await?;
                self.note_policies(file).await?;
            }
        }
        Ok(())
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
fn refuse_orphans(plan: &Plan) -> Result<(), AdminError> {
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

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::plan(self, f)
    }
}
