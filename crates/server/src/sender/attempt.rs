//! One attempt to deliver: what the owner sees now, signed, sent, and what comes of the answer.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::rows::event_outbox::{DeliveryAttempt, DeliveryOutcome, DueDelivery};
use webhooks::Secret;

use super::Sender;
use super::post::{Answered, Message};
use super::schedule::delay;

/// An event as it is to be sent.
pub(super) struct Prepared {
    /// Whose it is.
    pub(super) user_id: String,
    pub(super) due: DueDelivery,
    /// None: the owner doesn't see the row any more, or this version doesn't know the type.
    pub(super) data: Option<Value>,
}

impl Prepared {
    fn event_type(&self) -> &'static str {
        self.due
            .event_type
            .map_or("unknown", store::rows::events::EventType::as_str)
    }

    /// The body: what Standard Webhooks proposes, and which columns an update changed.
    fn body(&self, data: &Value) -> Vec<u8> {
        let due = &self.due;
        let happened = due.created_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let mut body = json!({"id": due.id, "type": self.event_type(), "timestamp": happened, "data": data});
        if let Some(changed) = &due.changed {
            body["changed"] = json!(changed);
        }
        body.to_string().into_bytes()
    }
}

/// What comes of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Delivered,
    Again(Duration),
    Dead,
    Gone,
}

impl Sender {
    /// Sends an event once.
    #[tracing::instrument(name = "event_out", skip_all, fields(name = prepared.event_type()))]
    pub(super) async fn attempt(&self, prepared: Prepared) -> DeliveryOutcome {
        let (began, at) = (Instant::now(), now());
        if prepared.due.attempts == 0 {
            self.metrics.captured.inc();
        }
        let answered = match (prepared.due.event_type, &prepared.data) {
            (Some(_), Some(data)) => self.answered(&prepared, data, at).await,
            (Some(_), None) => {
                self.metrics.withheld.inc();
                return DeliveryOutcome::Withheld;
            }
            // While versions are exchanged, or after one was taken back: it is left to those that know it.
            (None, _) => Answered::failed("this version of the service doesn't know the event's type"),
        };
        let attempts = prepared.due.attempts.unsigned_abs() + 1;
        let verdict = judged(&prepared.due.id, attempts, &answered);
        self.count(verdict, attempts, now() - prepared.due.created_at);
        let refused = answered.status.filter(|status| !status.is_success());
        let refused = refused.map(|status| format!("the receiver answered {}", status.as_u16()));
        let attempt = DeliveryAttempt {
            at,
            duration: began.elapsed(),
            status_code: answered.status.map(|status| status.as_u16()),
            error: answered.error.or(refused),
            response_start: answered.status.map(|_| answered.beginning),
        };
        match verdict {
            Verdict::Delivered => DeliveryOutcome::Delivered(attempt),
            Verdict::Again(delay) => DeliveryOutcome::Failed(attempt, delay),
            Verdict::Dead => DeliveryOutcome::Dead(attempt),
            Verdict::Gone => DeliveryOutcome::Gone(attempt),
        }
    }

    /// Signs and sends.
    async fn answered(&self, prepared: &Prepared, data: &Value, at: DateTime<Utc>) -> Answered {
        let (due, receiver) = (&prepared.due, &prepared.due.receiver);
        let url = match self.receiver_urls.parse(&receiver.url) {
            Ok(url) => url,
            Err(bad) => return Answered::failed(format!("the address {bad}")),
        };
        let secrets = receiver.secrets.iter();
        let secrets: Result<Vec<_>, _> = secrets
            .map(|text| Secret::new(text.expose().to_owned()))
            .collect();
        let (body, timestamp) = (prepared.body(data), at.timestamp());
        let signature =
            secrets.and_then(|secrets| webhooks::standard_signature(&secrets, &due.id, timestamp, &body));
        let Some(signature) = signature.ok().filter(|signature| !signature.is_empty()) else {
            return Answered::failed("the subscription's secret can't be opened");
        };
        let message = Message {
            user_id: &prepared.user_id,
            url: &url,
            id: &due.id,
            timestamp,
            signature: &signature,
            body,
        };
        self.poster.post(message, now).await
    }

    fn count(&self, verdict: Verdict, attempts: u32, age: chrono::TimeDelta) {
        let metrics = &self.metrics;
        if verdict == Verdict::Delivered {
            metrics.delivered.inc();
            if attempts == 1 {
                metrics.arrived(age.to_std().unwrap_or_default());
            }
            return;
        }
        metrics.failed.inc();
        if matches!(verdict, Verdict::Dead | Verdict::Gone) {
            metrics.dead.inc();
        }
    }
}

/// What comes of an answer, after so many attempts.
fn judged(delivery: &str, attempts: u32, answered: &Answered) -> Verdict {
    match answered.status {
        Some(status) if status.is_success() => Verdict::Delivered,
        Some(StatusCode::GONE) => Verdict::Gone,
        _ => delay(delivery, attempts, answered.retry_after).map_or(Verdict::Dead, Verdict::Again),
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: Option<u16>, retry_after: Option<u64>) -> Answered {
        Answered {
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            error: None,
            beginning: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn only_2xx_is_a_success_and_410_the_end() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(
                judged("d", 1, &answer(Some(status), None)),
                Verdict::Delivered,
                "{status}"
            );
        }
        assert_eq!(judged("d", 1, &answer(Some(410), None)), Verdict::Gone);
        for status in [
            None,
            Some(301),
            Some(307),
            Some(400),
            Some(401),
            Some(404),
            Some(429),
            Some(500),
        ] {
            let first = judged("d", 1, &answer(status, None));
            assert!(
                matches!(first, Verdict::Again(delay) if (5..=6).contains(&delay.as_secs())),
                "{status:?}: {first:?}"
            );
            assert_eq!(judged("d", 8, &answer(status, None)), Verdict::Dead, "{status:?}");
        }
        assert_eq!(
            judged("d", 1, &answer(Some(429), Some(90))),
            Verdict::Again(Duration::from_secs(90))
        );
    }
}
