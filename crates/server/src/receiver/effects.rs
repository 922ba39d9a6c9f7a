//! What an event changes in the CRM: calls become call logs, messages automation logs, interested callers leads.
//!
//! The rules are the CRM's own (`webhooks::leads`); everything is done within the user's transaction.

use serde_json::{Value, json};
use store::rows::automation_logs::NewAutomationLog;
use store::rows::contacts::NewContact;
use store::rows::event_effects::{
    self, EventTx, LogKind, ProviderLog, ReportedCall, ReportedContact, ReportedLead,
};
use store::rows::leads::NewLead;
use store::rows::webhook_events::EventOutcome;
use webhooks::leads as rules;
use webhooks::{
    Automation, Call, CallReport, Customer, Direction, Event, Kind, Message, MessageChange, MessageStatus,
    OptOut, Party, PhoneNumber, Recording, RecordingStatus, Source, Target,
};

/// Why an event can't have its effects. Quotes no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum EffectError {
    /// The event lacks what the row needs.
    #[error("{0}")]
    Incomplete(&'static str),
    /// The event has values that can't be read; by name.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] store::Error),
}

/// Does what the event says, and tells whether there was anything to do.
pub(super) async fn apply(tx: &EventTx<'_>, event: &Event) -> Result<EventOutcome, EffectError> {
    match &event.kind {
        Kind::CallReport(report) => call_report(tx, event, report).await,
        Kind::Call(call) => call_progress(tx, event, call).await,
        Kind::Recording(recording) => call_recording(tx, event, recording).await,
        Kind::Message(message) => message_received(tx, event, message).await,
        Kind::MessageStatus(change) => message_moved(tx, event, change).await,
        Kind::Automation(automation) => automation_ran(tx, event, automation).await,
        Kind::Question(_) | Kind::Other => Ok(EventOutcome::Ignored),
    }
}

/// Longest texts, in characters: the limits of the columns.
const LONG: usize = 100_000;
const CALL_SUMMARY: usize = 20_000;
const NAME: usize = 200;
const PHONE: usize = 32;

async fn call_report(
    tx: &EventTx<'_>,
    event: &Event,
    report: &CallReport,
) -> Result<EventOutcome, EffectError> {
    let call = ReportedCall {
        phone: customer_phone(event),
        recording_url: report.recording_url.clone(),
        duration: report.duration,
        sentiment: Some(rules::sentiment(report.sentiment.as_deref()).to_owned()),
        summary: report.summary.as_deref().map(|text| cut(text, CALL_SUMMARY)),
    };
    event_effects::note_call(tx, &call_names(event), &call).await?;
    let interested = report
        .summary
        .as_deref()
        .filter(|text| rules::shows_interest(text));
    if let (Some(summary), Some(number)) = (interested, event.customer_number()) {
        interested_caller(tx, event, number, summary, &call).await?;
    }
    Ok(EventOutcome::Processed)
}

/// A caller who showed interest is a lead, new or contacted.
async fn interested_caller(
    tx: &EventTx<'_>,
    event: &Event,
    number: &PhoneNumber,
    summary: &str,
    call: &ReportedCall,
) -> Result<(), EffectError> {
    let (short, long) = (rules::short_summary(summary).to_owned(), cut(summary, LONG));
    if let Some(lead) = event_effects::find_lead(tx, number.as_str()).await? {
        let change = ReportedLead {
            status: Some(rules::status_after_call(&lead.status).to_owned()),
            summary: Some(short),
            ai_summary: Some(long),
            sentiment: call.sentiment.clone(),
            ..ReportedLead::default()
        };
        return Ok(event_effects::change_lead(tx, &lead.id, &change).await?);
    }
    let name = known_name(event).unwrap_or_else(|| rules::voice_name(summary, number));
    let new = NewLead {
        name,
        phone: number.as_str().to_owned(),
        status: rules::NEW.to_owned(),
        source: rules::VOICE.to_owned(),
        summary: Some(short),
        ai_summary: Some(long),
        sentiment: call.sentiment.clone(),
    };
    event_effects::add_lead(tx, &new).await?;
    Ok(())
}

async fn call_progress(tx: &EventTx<'_>, event: &Event, call: &Call) -> Result<EventOutcome, EffectError> {
    // Vapi reports an ended call at length; what comes before that only Twilio tells for good.
    // Without Twilio's name for it the call's report, which has it, could not be joined.
    if event.source == Source::Vapi && (!call.status.is_final() || event.call.provider.is_none()) {
        return Ok(EventOutcome::Ignored);
    }
    if call.direction == Direction::Leg {
        // Often the tenant's own staff: a part of the call that it belongs to, not one of its own.
        let names: Vec<&str> = call
            .parent
            .iter()
            .map(String::as_str)
            .chain(call_names(event))
            .collect();
        event_effects::note_call(tx, &names, &ReportedCall::default()).await?;
        return Ok(EventOutcome::Processed);
    }
    let known = ReportedCall {
        phone: customer_phone(event),
        recording_url: call.recording_url.clone(),
        duration: call.duration,
        ..ReportedCall::default()
    };
    event_effects::note_call(tx, &call_names(event), &known).await?;
    if let (Source::Twilio, Some(sid)) = (event.source, &event.call.provider) {
        let details = with_parties(
            event,
            call.direction == Direction::Inbound,
            json!({
                "callSid": sid, "callStatus": call.status.as_str(), "direction": call.direction.as_str(),
                "duration": call.duration,
            }),
        );
        let log = ProviderLog {
            kind: LogKind::Call,
            provider_id: sid.clone(),
            action_type: "call",
            status: rules::call_log_status(call.status),
            details,
            rank: call.status.rank(),
        };
        event_effects::note_log(tx, &log).await?;
    }
    Ok(EventOutcome::Processed)
}

async fn call_recording(
    tx: &EventTx<'_>,
    event: &Event,
    recording: &Recording,
) -> Result<EventOutcome, EffectError> {
    if recording.status != RecordingStatus::Completed {
        return Ok(EventOutcome::Ignored);
    }
    let call = ReportedCall {
        phone: customer_phone(event),
        recording_url: recording.url.clone(),
        ..ReportedCall::default()
    };
    event_effects::note_call(tx, &call_names(event), &call).await?;
    Ok(EventOutcome::Processed)
}

async fn message_received(
    tx: &EventTx<'_>,
    event: &Event,
    message: &Message,
) -> Result<EventOutcome, EffectError> {
    let body = cut(&message.body, CALL_SUMMARY);
    // Whoever only says STOP or HELP is no lead, and withheld or alphanumeric senders are never one.
    let lead = match event.customer_number() {
        Some(number) if message.opt_out.is_none() || message.opt_out == Some(OptOut::Start) => {
            writing_lead(tx, event, number, &body).await?
        }
        _ => None,
    };
    let details = with_parties(
        event,
        true,
        json!({
            "messageSid": message.sid, "body": body, "leadId": lead, "direction": "inbound",
            "channel": event.customer.as_ref().map(|customer| customer.channel.as_str()),
            "media": message.media.len(),
        }),
    );
    let log = ProviderLog {
        kind: LogKind::Message,
        provider_id: message.sid.clone(),
        action_type: "sms",
        status: "completed",
        details,
        rank: 0,
    };
    event_effects::note_log(tx, &log).await?;
    Ok(EventOutcome::Processed)
}

/// The lead that wrote, made if it is new; its id.
async fn writing_lead(
    tx: &EventTx<'_>,
    event: &Event,
    number: &PhoneNumber,
    body: &str,
) -> Result<Option<String>, EffectError> {
    if let Some(lead) = event_effects::find_lead(tx, number.as_str()).await? {
        if rules::replaces_summary(body) {
            let change = ReportedLead {
                summary: Some(body.to_owned()),
                ..ReportedLead::default()
            };
            event_effects::change_lead(tx, &lead.id, &change).await?;
        }
        return Ok(Some(lead.id));
    }
    let new = NewLead {
        name: known_name(event).unwrap_or_else(|| rules::sms_name(number)),
        phone: number.as_str().to_owned(),
        status: rules::NEW.to_owned(),
        source: rules::SMS.to_owned(),
        summary: Some(rules::short_summary(body).to_owned()),
        ai_summary: None,
        sentiment: Some(rules::SMS_SENTIMENT.to_owned()),
    };
    Ok(event_effects::add_lead(tx, &new).await?)
}

async fn message_moved(
    tx: &EventTx<'_>,
    event: &Event,
    change: &MessageChange,
) -> Result<EventOutcome, EffectError> {
    let status = match change.status {
        status if status.is_failure() => "failed",
        MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read => "completed",
        _ => "pending",
    };
    let details = with_parties(
        event,
        false,
        json!({
            "messageSid": change.sid, "messageStatus": change.status.as_str(), "direction": "outbound",
            "errorCode": change.error_code, "errorMessage": change.error_message,
        }),
    );
    let log = ProviderLog {
        kind: LogKind::Message,
        provider_id: change.sid.clone(),
        action_type: "sms",
        status,
        details,
        rank: change.status.rank(),
    };
    event_effects::note_log(tx, &log).await?;
    Ok(EventOutcome::Processed)
}

async fn automation_ran(
    tx: &EventTx<'_>,
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

async fn wanted_lead(tx: &EventTx<'_>, target: &Target) -> Result<(), EffectError> {
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

async fn wanted_contact(tx: &EventTx<'_>, target: &Target) -> Result<(), EffectError> {
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

/// The call's ids at the providers; one that has none is known by the event itself.
fn call_names(event: &Event) -> Vec<&str> {
    let names: Vec<&str> = [&event.call.provider, &event.call.vapi]
        .into_iter()
        .filter_map(|name| name.as_deref())
        .collect();
    if names.is_empty() {
        vec![&event.dedupe_key]
    } else {
        names
    }
}

/// The customer's address as a column holds it; none if it was withheld.
fn customer_phone(event: &Event) -> Option<String> {
    match &event.customer.as_ref()?.party {
        Party::Number(number) => Some(number.as_str().to_owned()),
        Party::Named(name) => Some(cut(name, PHONE)),
        Party::Withheld => None,
    }
}

/// The name that the provider knows the customer by.
fn known_name(event: &Event) -> Option<String> {
    let Customer { name, .. } = event.customer.as_ref()?;
    name.as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| cut(name, NAME))
}

/// Details as text, with `from` and `to`, and without what isn't known.
fn with_parties(event: &Event, inbound: bool, mut details: Value) -> String {
    let (customer, tenant) = (
        customer_phone(event),
        event
            .tenant_numbers()
            .next()
            .map(|number| number.as_str().to_owned()),
    );
    let (from, to) = if inbound {
        (customer, tenant)
    } else {
        (tenant, customer)
    };
    if let Value::Object(members) = &mut details {
        members.insert("from".to_owned(), from.into());
        members.insert("to".to_owned(), to.into());
        members.retain(|_, value| !value.is_null());
    }
    details.to_string()
}

/// At most so many characters.
fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).filter(|c| *c != '\0').collect()
}
