//! Calls: a row of the call log each, and a lead if the caller showed interest.

use serde_json::json;
use store::rows::event_effects::{self, EventTx, LogKind, ProviderLog, ReportedCall, ReportedLead};
use store::rows::leads::NewLead;
use store::rows::webhook_events::EventOutcome;
use webhooks::leads as rules;
use webhooks::{Call, CallReport, Direction, Event, PhoneNumber, Recording, RecordingStatus, Source};

use super::EffectError;
use super::customer::{CALL_SUMMARY, LONG, cut, known_name, phone, with_parties};

pub(super) async fn report(
    tx: &EventTx<'_, '_>,
    event: &Event,
    report: &CallReport,
) -> Result<EventOutcome, EffectError> {
    let call = ReportedCall {
        phone: phone(event),
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
    tx: &EventTx<'_, '_>,
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

pub(super) async fn progress(
    tx: &EventTx<'_, '_>,
    event: &Event,
    call: &Call,
) -> Result<EventOutcome, EffectError> {
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
        phone: phone(event),
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

pub(super) async fn recording(
    tx: &EventTx<'_, '_>,
    event: &Event,
    recording: &Recording,
) -> Result<EventOutcome, EffectError> {
    if recording.status != RecordingStatus::Completed {
        return Ok(EventOutcome::Ignored);
    }
    let call = ReportedCall {
        phone: phone(event),
        recording_url: recording.url.clone(),
        ..ReportedCall::default()
    };
    event_effects::note_call(tx, &call_names(event), &call).await?;
    Ok(EventOutcome::Processed)
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
