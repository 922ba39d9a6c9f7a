#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod answer;
mod auth;
mod bound;
mod delivery;
mod event;
mod form;
mod json;
pub mod leads;
mod number;
mod parse;
mod party;
mod plan;
mod redact;
mod sample;
mod scrub;
mod secret;
mod source;
mod status;
mod verify;
mod zone;

pub use answer::{Answer, Standing};
pub use auth::{Auth, BadAuth, MakeAuth, VapiAuth};
pub use delivery::Delivery;
pub use event::{
    Automation, Call, CallIds, CallReport, Clue, Customer, Direction, Event, Kind, Media, Message,
    MessageChange, OptOut, Question, Recording, Target, ToolCall,
};
pub use identity::Verified;
pub use number::{PhoneNumber, same_subscriber, visible};
pub use parse::parse;
pub use party::{Channel, Party};
pub use plan::{Algorithm, Encoding, HmacPlan};
pub use redact::{LONGEST_LIST, Recorded, Records, Unparsable, redact};
pub use sample::{Unsignable, sample, sign};
pub use secret::{Secret, UnusableSecret};
pub use source::{Source, UnknownSource};
pub use status::{CallStatus, MessageStatus, RecordingStatus};
pub use verify::{Refused, verify};
pub use zone::{UnknownZone, Zone};
