//! The steps of a signed sample's way, as `POST /v1/webhook-endpoints/{source}/test` reports them.

use poem_openapi::{Enum, Object};
use serde::Serialize;

use crate::http::schema::Nullable;
use crate::receiver::ProcessResult;

/// How a signed sample fared.
#[derive(Object, Serialize)]
pub(super) struct WebhookTest {
    /// Whether every step succeeded.
    ok: bool,
    /// The steps, in order; the first that failed is the last.
    steps: Vec<WebhookTestStep>,
    /// The event that was recorded.
    event_id: Nullable<String>,
}

/// The steps of a test, in their order.
#[derive(Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "lowercase", rename = "WebhookTestStepName")]
#[serde(rename_all = "lowercase")]
pub(super) enum TestStep {
    Sign,
    Verify,
    Record,
    Route,
    Process,
}

/// One step of a test.
#[derive(Object, Serialize)]
struct WebhookTestStep {
    step: TestStep,
    ok: bool,
    /// What was seen, or what to do.
    message: String,
}

/// The steps of a test so far.
#[derive(Default)]
pub(super) struct WebhookTestRun {
    steps: Vec<WebhookTestStep>,
}

impl WebhookTestRun {
    pub(super) fn passed(&mut self, step: TestStep, message: &str) {
        self.step(step, true, message);
    }

    pub(super) fn failed(&mut self, step: TestStep, message: &str) {
        self.step(step, false, message);
    }

    fn step(&mut self, step: TestStep, ok: bool, message: &str) {
        self.steps.push(WebhookTestStep {
            step,
            ok,
            message: message.to_owned(),
        });
    }

    pub(super) fn processed(&mut self, processed: &ProcessResult) {
        match processed {
            ProcessResult::Now(_) | ProcessResult::Before => {
                self.passed(TestStep::Process, "a sample leaves nothing but its event");
            }
            ProcessResult::Failed(reason) => self.failed(TestStep::Process, reason),
            ProcessResult::Unrouted | ProcessResult::Later | ProcessResult::Held => {
                self.failed(TestStep::Process, "the database went away");
            }
            ProcessResult::Locked => self.failed(TestStep::Process, "a lock was held for too long"),
        }
    }

    pub(super) fn report(self, event_id: Option<String>) -> WebhookTest {
        WebhookTest {
            ok: self.steps.iter().all(|step| step.ok),
            steps: self.steps,
            event_id: event_id.into(),
        }
    }
}
