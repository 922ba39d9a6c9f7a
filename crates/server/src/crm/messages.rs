//! Messages: a line of the automation log each, and a lead for whoever writes.

use serde_json::json;
use store::rows::event_effects::{self, EventTx, LogKind, ProviderLog, ReportedLead};
use store::rows::leads::NewLead;
use store::rows::webhook_events::EventOutcome;
use webhooks::leads as rules;
use webhooks::{Event, Message, MessageChange, MessageStatus, OptOut, PhoneNumber};

use super::EffectError;
use super::customer::{CALL_SUMMARY, cut, known_name, with_parties};

pub(super) async fn received(
    tx: &EventTx<'_, '_>,
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
    tx: &EventTx<'_, '_>,
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

pub(super) async fn moved(
    tx: &EventTx<'_, '_>,
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
