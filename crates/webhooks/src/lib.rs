#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod answer;
mod auth;
mod bad_auth;
mod bound;
mod delivery;
mod event;
mod form;
mod hmac_scheme;
mod json;
pub mod leads;
mod number;
mod outgoing;
mod parse;
mod party;
mod provider;
mod providers;
mod redact;
mod sample;
mod scrub;
mod secret;
mod source;
mod status;
mod verify;
mod zone;

pub use answer::{Answer, Freshness};
pub use auth::{Auth, MakeAuth, VapiAuth};
pub use bad_auth::BadAuth;
pub use delivery::Delivery;
pub use event::{
    Automation, Call, CallIds, CallReport, Customer, Direction, Event, Kind, Media, Message, MessageChange,
    OptOut, Question, Recording, RoutingHint, Target, ToolCall,
};
pub use hmac_scheme::{Algorithm, Encoding, HmacScheme};
pub use identity::Verified;
pub use number::{PhoneNumber, same_subscriber, visible};
pub use outgoing::standard_signature;
pub use parse::parse;
pub use party::{Channel, Party};
pub use redact::{LONGEST_LIST, Recorded, Records, Unparsable, redact};
pub use sample::{Unsignable, sample, sign};
pub use secret::{Secret, UnusableSecret};
pub use source::{Source, UnknownSource};
pub use status::{CallStatus, MessageStatus, RecordingStatus};
pub use verify::{VerificationError, verify};
pub use zone::{UnknownZone, Zone};
