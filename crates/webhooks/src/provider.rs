//! What a provider of webhooks has to tell: how its deliveries are verified, read and answered.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::answer::{Answer, Freshness};
use crate::auth::Auth;
use crate::bad_auth::BadAuth;
use crate::delivery::Delivery;
use crate::event::Event;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::verify::VerificationError;
use crate::zone::Zone;

/// The caller of every sample: a number that Twilio keeps for tests and nobody has.
pub(crate) const SAMPLE_CUSTOMER: &str = "+15005550006";

/// A provider. What most of them have in common is the default.
pub(crate) trait Provider: Sync {
    /// How deliveries are verified where nothing was configured.
    fn default_auth(&self) -> Auth;

    /// Reads a configuration that isn't empty.
    fn read_auth(&self, settings: &Value) -> Result<Auth, BadAuth>;

    /// Checks the signature or key of a delivery.
    fn check(
        &self,
        delivery: &Delivery,
        auth: &Auth,
        secrets: &[Secret],
        now: DateTime<Utc>,
    ) -> Result<(), VerificationError>;

    /// Reads a body without contents, where that is allowed; otherwise it is refused as JSON is.
    fn empty_json(&self) -> Option<Value> {
        None
    }

    /// Whether bodies are JSON whatever their type says.
    fn sends_json_only(&self) -> bool {
        false
    }

    /// What is kept of a member; `None` if nothing is. Secrets by name are gone already.
    fn kept(&self, _name: &str, value: Value) -> Option<Value> {
        Some(value)
    }

    /// Adds to a payload what the delivery says beside it. `place` is the item's in a list, from 1.
    fn complete(&self, _delivery: &Delivery, _place: Option<usize>, _zone: Zone, _payload: &mut Value) {}

    /// Whether dates may come without a zone, which the endpoint then knows.
    fn may_lack_zone(&self) -> bool {
        false
    }

    /// Tells what happened.
    fn parse(&self, payload: &Value) -> Event;

    /// Whether events of this type come by the dozen and change nothing.
    fn is_chatter(&self, _event_type: &str) -> bool {
        false
    }

    /// The answer to an event.
    fn answer(&self, event: &Event, freshness: Freshness) -> Answer;

    /// The answer to a list of events.
    fn answer_to_list(&self, events: &[(Event, Freshness)]) -> Answer;

    /// The answer to a delivery that is kept unread.
    fn answer_unread(&self) -> Answer;

    /// Bytes that a delivery may have, where that is less than any request may.
    fn body_limit(&self) -> Option<usize> {
        None
    }

    /// The content type and body of a sample for a tenant's number.
    fn sample(&self, tenant: &PhoneNumber, id: &str, now: DateTime<Utc>) -> (&'static str, String);

    /// Adds the provider's own proof to a delivery: what is no scheme of HMAC. `None` if its body can't be signed.
    fn sign(&self, delivery: Delivery, auth: &Auth, secret: &Secret) -> Option<Delivery>;
}
