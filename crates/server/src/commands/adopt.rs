//! `mako adopt`: takes over a live CRM's database, in steps that its present writers don't notice.

use std::path::Path;
use std::process::ExitCode;

use store::admin::adopt::{AdoptionPlan, Report};
use store::admin::{Admin, AdminError, Progress};

use super::{Failure, print, say};
use crate::cli::Adopt;
use crate::config::Environment;

/// Prints the plan, or carries out a part of it and prints what came of it.
pub(crate) async fn run(options: Adopt) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    match carry_out(&options, &environment).await {
        Ok(code) => Ok(code),
        Err(failure) => match failure.downcast::<AdminError>() {
            Ok(refused) if matches!(*refused, AdminError::Refused(_)) => {
                say(&format!("mako: {refused}"));
                Ok(ExitCode::from(1))
            }
            Ok(other) => Err(other),
            Err(other) => Err(other),
        },
    }
}

async fn carry_out(options: &Adopt, environment: &Environment) -> Result<ExitCode, Failure> {
    let target = environment.admin_target()?;
    let mut progress = |step: Progress| say(&step.to_string());
    let mut sound = true;
    if options.is_plan() || options.rollback_dir.is_some() {
        let plan = Admin::connect(&target).await?.plan_adoption().await?;
        if let Some(folder) = &options.rollback_dir {
            keep_rollback(&plan, folder)?;
        }
        if options.is_plan() {
            print(&plan.to_string())?;
        }
    }
    if options.apply {
        let login = environment.login_target()?;
        let admin = Admin::connect(&target).await?;
        sound &= finish(&admin.adopt(login.as_ref(), &mut progress).await?)?;
    }
    if let Some(user_id) = &options.assign_orphans {
        let admin = Admin::connect(&target).await?;
        let assigned = admin.assign_orphans(user_id, &mut progress).await?;
        if assigned.is_empty() {
            print("There are no orphans.")?;
        }
        for table in &assigned {
            print(&table.to_string())?;
            sound &= table.left == 0;
        }
    }
    if options.enforce {
        let admin = Admin::connect(&target).await?;
        sound &= finish(&admin.enforce(&mut progress).await?)?;
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn finish(report: &Report) -> Result<bool, Failure> {
    print(&report.to_string())?;
    Ok(report.is_sound())
}

/// Writes the way back, before the first change; a later adoption writes the same one again.
fn keep_rollback(plan: &AdoptionPlan, folder: &Path) -> Result<(), Failure> {
    let name: String = plan
        .database
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let path = std::path::absolute(folder.join(format!("mako-adopt-rollback-{name}.sql")))?;
    std::fs::write(&path, plan.rollback()).map_err(|error| {
        format!(
            "{} can't be written, so nothing was changed: {error}",
            path.display()
        )
    })?;
    say(&format!("the way back is in {}", path.display()));
    Ok(())
}
