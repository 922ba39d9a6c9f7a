//! `mako events out`: what goes out to tenants' receivers, whoever's it is.

use std::process::ExitCode;

use chrono::SecondsFormat;
use store::admin::{Admin, AdminDelivery, DeliveryFilter};

use super::{Failure, print, say};
use crate::cli::{DeliverySelection, OutAction};

/// Does what the subcommand says.
pub(super) async fn run(admin: &Admin, action: OutAction) -> Result<ExitCode, Failure> {
    match action {
        OutAction::List { status, which, limit } => {
            let filter = DeliveryFilter {
                status,
                ..filter(which)
            };
            for delivery in admin.deliveries(&filter, limit).await? {
                print(&line(&delivery))?;
            }
        }
        OutAction::Retry { ids, which } => {
            let filter = DeliveryFilter {
                ids: (!ids.is_empty()).then_some(ids),
                ..filter(which)
            };
            if filter == DeliveryFilter::default() {
                return Err("say which: ids, or --since, --user or --subscription".into());
            }
            let deliveries = admin.resend_deliveries(&filter).await?;
            say(&format!("{deliveries} events are sent again by the service"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn filter(which: DeliverySelection) -> DeliveryFilter {
    DeliveryFilter {
        subscription: which.subscription,
        user: which.user,
        since: which.since,
        ..DeliveryFilter::default()
    }
}

fn line(delivery: &AdminDelivery) -> String {
    let line = format!(
        "{}  {}  {:<15}  {:<9}  {}  {}  {}  {}",
        delivery.id,
        delivery.created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        delivery.event_type,
        delivery.status,
        delivery.attempts,
        delivery.user_id,
        delivery.subscription_id,
        delivery.last_error.as_deref().unwrap_or_default()
    );
    line.trim_end().to_owned()
}
