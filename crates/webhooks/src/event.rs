//! An event as it was read: what happened, to whom, and for which number.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::number::PhoneNumber;
use crate::party::{Channel, Party};
use crate::source::Source;
use crate::status::{CallStatus, MessageStatus, RecordingStatus};

/// What a provider said. `Debug` shows the source and the provider's word for it, nothing else.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// Who said it.
    pub source: Source,
    /// The provider's word (`end-of-call-report`, `message.delivered`, `lead.created`): at most 100 characters.
    pub event_type: String,
    /// Equal for the same event delivered again, different for every other of this source and scope: at most
    /// 200 characters.
    pub dedupe_key: String,
    /// What tells whose event it is, the surest first.
    pub hints: Vec<RoutingHint>,
    /// The other side, if the event says who it is.
    pub customer: Option<Customer>,
    /// Twilio's `AccountSid`, to be compared with that of the number's owner.
    pub account: Option<String>,
    /// The call, or the message of Twilio's, that it is about.
    pub call: CallIds,
    /// When it happened, as the provider says.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Whether it is a signed sample made by [`crate::sample()`].
    pub is_sample: bool,
    /// What happened.
    pub kind: Kind,
}

impl Event {
    /// The numbers that may be the tenant's, the surest first.
    pub fn tenant_numbers(&self) -> impl Iterator<Item = &PhoneNumber> {
        self.hints.iter().filter_map(|hint| match hint {
            RoutingHint::Number(number) => Some(number),
            _ => None,
        })
    }

    /// The customer's number; `None` if there is none, it was withheld, or it is a short code, behind which is no
    /// person: no lead comes of those.
    #[must_use]
    pub fn customer_number(&self) -> Option<&PhoneNumber> {
        let number = self.customer.as_ref()?.party.number();
        number.filter(|number| !number.is_short_code())
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("source", &self.source)
            .field("event_type", &self.event_type)
            .field("kind", &self.kind.name())
            .finish_non_exhaustive()
    }
}

/// Something that may tell whose an event is.
#[derive(Clone, PartialEq, Eq)]
pub enum RoutingHint {
    /// A number that the tenant may have verified.
    Number(PhoneNumber),
    /// A Twilio `CallSid` or `MessageSid`: the event belongs to whom that call or message belongs (recordings, legs of a
    /// `<Dial>`, statuses that name no number).
    Call(String),
    /// A Twilio `MessagingServiceSid`.
    MessagingService(String),
    /// The id of a phone number at Vapi.
    VapiNumber(String),
    /// The id of an assistant at Vapi.
    VapiAssistant(String),
}

/// The tenant's customer, caller or correspondent.
#[derive(Clone, PartialEq)]
pub struct Customer {
    /// The address.
    pub party: Party,
    /// By which way.
    pub channel: Channel,
    /// A name that the provider knows (`CallerName`, WhatsApp's `ProfileName`, Vapi's `customer.name`).
    pub name: Option<String>,
    /// An e-mail address that the provider knows.
    pub email: Option<String>,
}

/// The names of one call. Either may come without the other; the same `provider` joins reports of Twilio
/// and Vapi about one call.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallIds {
    /// Twilio's `CallSid`, which is Vapi's `phoneCallProviderId`; of a message its `MessageSid`.
    pub provider: Option<String>,
    /// Vapi's `call.id`.
    pub vapi: Option<String>,
}

/// Which way a call went, seen from the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The customer called.
    Inbound,
    /// The tenant called.
    Outbound,
    /// A further leg of another call (`<Dial>`): its target is often the tenant's own staff.
    Leg,
    /// In a browser or over a websocket, without numbers.
    Web,
}

impl Direction {
    /// One word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Leg => "leg",
            Self::Web => "web",
        }
    }
}

/// What happened.
#[derive(Clone, PartialEq)]
pub enum Kind {
    /// A call came in, went on or ended.
    Call(Call),
    /// All about an ended call.
    CallReport(Box<CallReport>),
    /// A recording began, is ready, or will not be.
    Recording(Recording),
    /// A customer wrote.
    Message(Message),
    /// The fate of a message that the tenant sent.
    MessageStatus(MessageChange),
    /// The provider waits for an answer in JSON.
    Question(Question),
    /// A scenario of the tenant wants something noted.
    Automation(Box<Automation>),
    /// Recorded and ignored.
    Other,
}

impl Kind {
    /// One word for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::CallReport(_) => "call_report",
            Self::Recording(_) => "recording",
            Self::Message(_) => "message",
            Self::MessageStatus(_) => "message_status",
            Self::Question(_) => "question",
            Self::Automation(_) => "automation",
            Self::Other => "other",
        }
    }
}

/// A call's progress.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// Which way.
    pub direction: Direction,
    /// How far. See [`CallStatus::rank`] for which one stays.
    pub status: CallStatus,
    /// Whether Twilio waits for TwiML: this is the request of a number's `VoiceUrl`, not a callback.
    pub wants_twiml: bool,
    /// The call that this is a leg of.
    pub parent: Option<String>,
    /// Vapi's reason, once it ended.
    pub ended_reason: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
    /// Where the recording is, if there is one already.
    pub recording_url: Option<String>,
}

/// Vapi's report of an ended call, or the older `call.ended`.
#[derive(Clone, PartialEq)]
pub struct CallReport {
    /// Which way.
    pub direction: Direction,
    /// How it ended.
    pub status: CallStatus,
    /// Vapi's reason.
    pub ended_reason: Option<String>,
    /// What was said, in short.
    pub summary: Option<String>,
    /// Mood, as the assistant's analysis says; see [`crate::leads::sentiment`] for the CRM's default.
    pub sentiment: Option<String>,
    /// Whether the call reached its aim, as the analysis says (`true`, `8`, …).
    pub success: Option<String>,
    /// All that was said, cut to what is stored. Vapi keeps the whole under the call's id.
    pub transcript: Option<String>,
    /// Where the recording is: stable, and since July 2026 only for those with the key. At most 2048 bytes.
    pub recording_url: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
    /// Start.
    pub started_at: Option<DateTime<Utc>>,
    /// End.
    pub ended_at: Option<DateTime<Utc>>,
    /// US dollars.
    pub cost: Option<f64>,
}

/// A recording of a call, which is [`Event::call`]. Twilio names no numbers here.
#[derive(Clone, PartialEq, Eq)]
pub struct Recording {
    /// Twilio's `RecordingSid`.
    pub sid: String,
    /// How far.
    pub status: RecordingStatus,
    /// Where it is, without extension; `.mp3` and `.wav` can be appended. At most 2048 bytes.
    pub url: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
}

/// An inbound message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Twilio's `MessageSid`.
    pub sid: String,
    /// The text, as sent; may be empty.
    pub body: String,
    /// Pictures and the like.
    pub media: Vec<Media>,
    /// What Twilio's opt-out made of it.
    pub opt_out: Option<OptOut>,
}

/// Something sent with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// Where it is. The account's credentials may be needed.
    pub url: String,
    /// MIME type.
    pub content_type: Option<String>,
}

/// A customer's word about being written to, already answered and enforced by Twilio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOut {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// Asked for help.
    Help,
}

/// The fate of an outbound message.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageChange {
    /// Twilio's `MessageSid`.
    pub sid: String,
    /// How far. See [`MessageStatus::rank`] for which one stays.
    pub status: MessageStatus,
    /// Twilio's error code.
    pub error_code: Option<String>,
    /// What it says.
    pub error_message: Option<String>,
}

/// What Vapi asks during a call.
#[derive(Clone, PartialEq)]
pub enum Question {
    /// Which assistant takes the call? To be answered within 7.5 s.
    Assistant,
    /// What do these tools say?
    ToolCalls(Vec<ToolCall>),
    /// To whom shall the call be handed?
    TransferDestination,
    /// What is known about this?
    KnowledgeBase,
    /// Something else that wants a body back.
    Other,
}

/// One call of a tool.
#[derive(Clone, PartialEq)]
pub struct ToolCall {
    /// Its id, to be repeated in the answer.
    pub id: String,
    /// The tool's name.
    pub name: Option<String>,
    /// Arguments: an object, even if they came as JSON in a string.
    pub arguments: Value,
}

/// What a Make scenario posts; the contract is in the README.
#[derive(Clone, PartialEq)]
pub struct Automation {
    /// The scenario's own id of this event.
    pub event_id: Option<String>,
    /// Make's id of the scenario.
    pub scenario_id: Option<String>,
    /// Make's id of the run.
    pub execution_id: Option<String>,
    /// `completed` unless the scenario says otherwise: at most 50 characters.
    pub status: String,
    /// What is to be made or changed.
    pub target: Target,
    /// `data` as posted.
    pub data: Map<String, Value>,
    /// Members that are there and can't be read as what they must be; acting on the rest would drop them unsaid.
    pub unreadable: Vec<&'static str>,
}

/// What an automation makes or changes. Texts are cut to the columns' limits, names are the columns'.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// A lead, found by its phone.
    Lead {
        /// Name.
        name: Option<String>,
        /// E.164 if it can be read as that, else as typed.
        phone: Option<String>,
        /// Stage.
        status: Option<String>,
        /// Where it came from.
        source: Option<String>,
        /// Short text.
        summary: Option<String>,
        /// Long text.
        ai_summary: Option<String>,
        /// Mood.
        sentiment: Option<String>,
    },
    /// A contact, found by e-mail address or phone.
    Contact {
        /// First name, or all of `name` up to its last word.
        first_name: Option<String>,
        /// Last name, or the last word of `name`.
        last_name: Option<String>,
        /// Address.
        email: Option<String>,
        /// E.164 if it can be read as that, else as typed.
        phone: Option<String>,
        /// Company.
        company: Option<String>,
        /// Job.
        job_position: Option<String>,
        /// `active`, `pending`, `inactive`, or the tenant's own.
        status: Option<String>,
        /// Notes.
        notes: Option<String>,
        /// Plan.
        plan: Option<String>,
        /// Next appointment.
        appointment_date: Option<DateTime<Utc>>,
    },
    /// Only a line in the automation log.
    Log,
}
