//! `mako migrate`: brings the database to the schema and policies of this version, on one node or on several.

use std::process::ExitCode;

use store::Target;
use store::admin::{Admin, Progress};

use super::{Failure, say};
use crate::cli::Migrate;
use crate::config::Environment;

/// Applies what is pending, or only says what that is.
pub(crate) async fn run(options: &Migrate) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    let admin = Admin::connect(&environment.admin_target()?).await?;
    let login = environment.login_target()?;
    let tell = &mut |step: Progress| say(&step.to_string());
    match options {
        Migrate { check: true, .. } => check(&admin).await,
        Migrate { undo: true, .. } => {
            let done = admin.undistribute(login.as_ref(), tell).await?;
            say(&format!("done: one node; {done}"));
            Ok(ExitCode::SUCCESS)
        }
        Migrate {
            distributed: true,
            plan,
            ..
        } => distribute(admin, login.as_ref(), *plan, tell).await,
        _ => {
            let done = admin.migrate(login.as_ref(), tell).await?;
            say(&format!("done: {done}"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn check(admin: &Admin) -> Result<ExitCode, Failure> {
    let pending = admin.pending().await?;
    for what in &pending {
        say(&format!("pending: {what}"));
    }
    Ok(if pending.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// The plan comes first: whoever reads it may still stop.
async fn distribute(
    admin: Admin,
    login: Option<&Target>,
    plan_only: bool,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<ExitCode, Failure> {
    for step in admin.distribution_plan().await? {
        say(&format!("plan: {step}"));
    }
    if !plan_only {
        admin.distribute(login, tell).await?;
        say("done: every tenant's rows lie on one of Citus' nodes");
    }
    Ok(ExitCode::SUCCESS)
}
