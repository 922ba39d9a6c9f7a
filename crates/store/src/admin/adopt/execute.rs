//! Carries out each step on a live database: one transaction a step, with the locks that it needs and no queue
//! behind them.

use super::super::policies::PolicyFile;
use super::super::{Admin, AdminError, Progress};
use super::locks::BRIEF;
use super::plan::AdoptionPlan;
use super::steps::{Kind, Phase, Step};
use super::{COUNTED, TABLES, TOLD_OF};

impl Admin {
    /// Takes the steps of a phase, one transaction each.
    pub(super) async fn take(
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
                Err(refusal) if matches!(refusal.sqlstate(), Some("23514" | "23503")) => {
                    Err(AdminError::Refused(format!(
                        "public.{relation} has got rows without a user meanwhile, so somebody still writes them; nothing is \
                     enforced. When that has stopped, run `mako adopt --enforce --assign-orphans USER_ID`"
                    )))
                }
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
    pub(super) async fn migrate_gently(
        &mut self,
        plan: &AdoptionPlan,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        let live: Vec<_> = plan.tables.iter().map(|table| table.relation.as_str()).collect();
        for (name, sql) in self.repeatable_migrations().await? {
            let sql = sql.replace("set local lock_timeout = '5s';", "");
            self.gently(&name, &live, &sql, progress).await?;
        }
        self.wait_at_most("0").await?; // What it takes stops nobody.
        self.build_indexes(progress).await?;
        self.wait_at_most(BRIEF).await?;
        self.run_migrations().await.map(drop)
    }

    /// Policy files that are not in force, each with the patience that a live site needs.
    pub(super) async fn apply_gently(
        &self,
        files: &[&'static PolicyFile],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        for file in files {
            if !self.is_applied(file).await? {
                progress(Progress::Policies(file.0));
                self.gently(
                    &format!("policies/{}", file.0),
                    &altered_by(file),
                    file.body(),
                    progress,
                )
                .await?;
                self.note_policies(file).await?;
            }
        }
        Ok(())
    }
}

/// The live tables that a policy file alters.
fn altered_by(file: &PolicyFile) -> Vec<&'static str> {
    match file.0 {
        "stats.sql" => return COUNTED.to_vec(),
        "events.sql" => return TOLD_OF.to_vec(),
        _ => {}
    }
    TABLES
        .into_iter()
        .filter(|name| file.0 == format!("{name}.sql"))
        .collect()
}
