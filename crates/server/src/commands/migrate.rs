//! `mako migrate`: brings the database to the schema and policies of this version.

use std::process::ExitCode;

use store::admin::{Admin, Progress};

use super::{Failure, say};
use crate::config::Environment;

/// Applies what is pending, or with `check` only says what that is.
pub(crate) async fn run(check: bool) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    let admin = Admin::connect(&environment.admin_target()?).await?;
    let login = environment.login_target()?;
    if check {
        let pending = admin.pending().await?;
        for what in &pending {
            say(&format!("pending: {what}"));
        }
        return Ok(if pending.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(1)
        });
    }
    let done = admin
        .migrate(login.as_ref(), &mut |step: Progress| say(&step.to_string()))
        .await?;
    say(&format!("done: {done}"));
    Ok(ExitCode::SUCCESS)
}
