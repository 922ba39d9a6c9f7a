//! `mako stats`: the counts that lists and the dashboard read.

use std::process::ExitCode;

use store::admin::Admin;

use super::{Failure, print, say};
use crate::cli::Stats;
use crate::config::Environment;

/// Does what the subcommand says.
pub(crate) async fn run(what: Stats) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    let admin = Admin::connect(&environment.admin_target()?).await?;
    match what {
        Stats::Check => check(&admin).await,
        Stats::Rebuild => {
            let counts = admin.rebuild_stats().await?;
            say(&format!("done: {counts} counts of all tables"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn check(admin: &Admin) -> Result<ExitCode, Failure> {
    let drift = admin.stats_drift().await?;
    for table in &drift {
        print(&format!(
            "{}: {} counts of {} tenants are wrong",
            table.relation, table.counts, table.tenants
        ))?;
    }
    if drift.is_empty() {
        say("every count is what the rows say");
        return Ok(ExitCode::SUCCESS);
    }
    say("rows were written while triggers were off; put it right with `mako stats rebuild`");
    Ok(ExitCode::from(1))
}
