//! `mako events`: what providers have delivered, whoever's it is, and what goes out.

use std::process::ExitCode;

use chrono::SecondsFormat;
use store::admin::{Admin, AdminEvent, EventFilter};

use super::waiting::process_waiting;
use super::{Failure, events_out, print, say};
use crate::cli::{EventSelection, Events, SpoolAction};
use crate::config::Environment;
use crate::receiver::spool::{kept, retry};

/// Does what the subcommand says.
pub(crate) async fn run(what: Events) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    if let Events::Spool(action) = &what {
        return spool(&environment, action);
    }
    let admin = Admin::connect(&environment.admin_target()?).await?;
    match what {
        Events::Spool(action) => spool(&environment, &action),
        Events::Out(action) => events_out::run(&admin, action).await,
        Events::List { which, limit } => {
            for event in admin.events(&filter(which), limit).await? {
                print(&line(&event))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Events::Show { id } => show(&admin, &id).await,
        Events::Replay { ids, which } => {
            let mut filter = filter(which);
            filter.ids = (!ids.is_empty()).then_some(ids);
            if filter.ids.is_none() && filter.status.is_none() {
                return Err("say which: ids, or --status failed, with --since, --source or --user".into());
            }
            let events = admin.requeue_events(&filter).await?;
            say(&format!("{events} failed events are tried again"));
            process_waiting(&environment, events).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Needs no database: the folder is what there is while it is down.
fn spool(environment: &Environment, action: &SpoolAction) -> Result<ExitCode, Failure> {
    let folder = environment
        .spool_dir()
        .ok_or("SPOOL_DIR isn't set: there is no spool on this machine")?;
    match action {
        SpoolAction::List => {
            let kept = kept(&folder)?;
            for delivery in &kept {
                let state = if delivery.aside { "aside" } else { "waiting" };
                let at = delivery.at.map_or_else(
                    || "-".to_owned(),
                    |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
                );
                print(&format!(
                    "{state:<7}  {at}  {:>8}  {}",
                    delivery.size, delivery.name
                ))?;
            }
            let any_aside = kept.iter().any(|delivery| delivery.aside);
            Ok(ExitCode::from(u8::from(any_aside)))
        }
        SpoolAction::Retry { names } => {
            let moved = retry(&folder, names)?;
            say(&format!("{moved} deliveries are tried again by the service"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn filter(which: EventSelection) -> EventFilter {
    EventFilter {
        ids: None,
        status: which.status,
        source: which.source,
        user: which.user,
        since: which.since,
    }
}

fn line(event: &AdminEvent) -> String {
    let line = format!(
        "{}  {}  {:<6}  {:<9}  {}  {}  {}",
        event.id,
        event.created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        event.source,
        event.status,
        event.event_type.as_deref().unwrap_or("-"),
        event.user_id.as_deref().unwrap_or("-"),
        event.error_message.as_deref().unwrap_or_default()
    );
    line.trim_end().to_owned()
}

async fn show(admin: &Admin, id: &str) -> Result<ExitCode, Failure> {
    let Some((event, payload)) = admin.event(id).await? else {
        say("there is no such event");
        return Ok(ExitCode::from(1));
    };
    let shown = serde_json::json!({
        "id": event.id, "source": event.source, "scope": event.scope, "event_type": event.event_type,
        "user_id": event.user_id, "status": event.status, "attempts": event.attempts,
        "error_message": event.error_message, "created_at": event.created_at,
        "processed_at": event.processed_at, "payload": payload,
    });
    print(&serde_json::to_string_pretty(&shown)?)?;
    Ok(ExitCode::SUCCESS)
}
