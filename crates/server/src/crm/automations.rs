//! What a scenario tells: a lead or contact as it wants it, or a line of the automation log.

use serde_json::Value;
use store::rows::automation_logs::NewAutomationLog;
use store::rows::contacts::NewContact;
use store::rows::event_effects::{self, EventTx, ReportedContact, ReportedLead};
use store::rows::leads::NewLead;
use store::rows::webhook_events::EventOutcome;
use webhooks::leads as rules;
use webhooks::{Automation, Event, Target};

use super::EffectError;
use super::customer::{LONG, cut};

pub(super) async fn ran(
    tx: &EventTx<'_, '_>,
    event: &Event,
    automation: &Automation,
) -> Result<EventOutcome, EffectError> {
    if !automation.unreadable.is_empty() {
        return Err(EffectError::Unreadable(automation.unreadable.join(", ")));
    }
    match &automation.target {
        Target::Lead { .. } => wanted_lead(tx, &automation.target).await?,
        Target::Contact { .. } => wanted_contact(tx, &automation.target).await?,
        Target::Log => {
            let log = NewAutomationLog {
                action_type: event.event_type.clone(),
                status: automation.status.clone(),
                details: Some(cut(&Value::Object(automation.data.clone()).to_string(), LONG)),
            };
            event_effects::add_log(tx, &log).await?;
        }
    }
    Ok(EventOutcome::Processed)
}

async fn wanted_lead(tx: &EventTx<'_, '_>, target: &Target) -> Result<(), EffectError> {
    let Target::Lead {
        name,
        phone,
        status,
        source,
        summary,
        ai_summary,
        sentiment,
    } = target
    else {
        return Ok(());
    };
    let phone = phone
        .as_deref()
        .ok_or(EffectError::Incomplete("a lead needs data.phone"))?;
    if let Some(lead) = event_effects::find_lead(tx, phone).await? {
        let change = ReportedLead {
            name: name.clone(),
            status: status.clone(),
            source: source.clone(),
            summary: summary.clone(),
            ai_summary: ai_summary.clone(),
            sentiment: sentiment.clone(),
        };
        return Ok(event_effects::change_lead(tx, &lead.id, &change).await?);
    }
    let last_four = || {
        phone
            .chars()
            .rev()
            .take(4)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<String>()
    };
    let new = NewLead {
        name: name.clone().unwrap_or_else(|| format!("Lead {}", last_four())),
        phone: phone.to_owned(),
        status: status.clone().unwrap_or_else(|| rules::NEW.to_owned()),
        source: source.clone().unwrap_or_else(|| "Make".to_owned()),
        summary: summary.clone(),
        ai_summary: ai_summary.clone(),
        sentiment: sentiment.clone(),
    };
    event_effects::add_lead(tx, &new).await?;
    Ok(())
}

async fn wanted_contact(tx: &EventTx<'_, '_>, target: &Target) -> Result<(), EffectError> {
    let Target::Contact {
        first_name,
        last_name,
        email,
        phone,
        company,
        job_position,
        status,
        notes,
        plan,
        appointment_date,
    } = target
    else {
        return Ok(());
    };
    if let Some(found) = event_effects::find_contact(tx, email.as_deref(), phone.as_deref()).await? {
        let change = ReportedContact {
            first_name: first_name.clone(),
            status: status.clone(),
            last_name: last_name.clone(),
            email: email.clone(),
            // The same number in another spelling is no news.
            phone: phone.clone().filter(|_| !found.has_this_phone),
            company: company.clone(),
            job_position: job_position.clone(),
            notes: notes.clone(),
            plan: plan.clone(),
            appointment_date: *appointment_date,
        };
        return Ok(event_effects::change_contact(tx, &found.id, &change).await?);
    }
    let new = NewContact {
        first_name: first_name.clone().ok_or(EffectError::Incomplete(
            "a contact needs data.first_name or data.name",
        ))?,
        last_name: last_name.clone(),
        email: email.clone(),
        phone: phone.clone(),
        company: company.clone(),
        job_position: job_position.clone(),
        status: status.clone(),
        notes: notes.clone(),
        plan: plan.clone(),
        appointment_date: *appointment_date,
        ..NewContact::default()
    };
    event_effects::add_contact(tx, &new).await?;
    Ok(())
}
