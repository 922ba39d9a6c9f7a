//! `mako numbers`: which phone number is whose, as an admin says.

use std::process::ExitCode;

use store::admin::Admin;

use super::waiting::process_waiting;
use super::{Failure, print, say};
use crate::cli::Numbers;
use crate::config::Environment;

/// Does what the subcommand says.
pub(crate) async fn run(what: Numbers) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    let mut admin = Admin::connect(&environment.admin_target()?).await?;
    match what {
        Numbers::List => {
            for number in admin.numbers().await? {
                let state = if number.verified_at.is_some() {
                    "verified"
                } else {
                    "claimed"
                };
                let label = number.label.unwrap_or_default();
                let line = format!(
                    "{}  {state:<8}  {}  {}  {label}",
                    number.phone, number.user_id, number.provider
                );
                print(line.trim_end())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Numbers::Assign {
            phone,
            user,
            provider,
            backfill,
        } => {
            let phone = routable(&phone)?;
            let events = admin
                .assign_number(&phone, &user, provider.as_str(), backfill)
                .await?;
            say(&format!("{phone} is {user}'s"));
            if backfill {
                process_waiting(&environment, events).await?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Numbers::Remove { phone, user } => {
            let phone = routable(&phone)?;
            if admin.remove_number(&phone, user.as_deref()).await? {
                say(&format!("{phone} is nobody's now"));
                Ok(ExitCode::SUCCESS)
            } else {
                say(&format!("{phone} is not assigned"));
                Ok(ExitCode::from(1))
            }
        }
    }
}

fn routable(typed: &str) -> Result<String, Failure> {
    webhooks::PhoneNumber::parse(typed)
        .map(|number| number.as_str().to_owned())
        .ok_or_else(|| {
            "the number must be E.164, such as +14155552671, or a short code of 3 to 8 digits".into()
        })
}
