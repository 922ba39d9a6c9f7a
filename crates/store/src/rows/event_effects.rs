//! What an event does to the tenant's rows: statements for one transaction, run as that tenant.
//!
//! Each event's begin with [`take`], which locks the event, and then the tenant's row: of two events of a
//! tenant one at a time finds or makes leads and calls, so that no two of them make the same. What an event says counts
//! from its arrival: what was written to a row later stays.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::Error;
use crate::query::{Query, query};
use crate::rows::automation_logs::NewAutomationLog;
use crate::rows::contacts::NewContact;
use crate::rows::leads::NewLead;
use crate::rows::webhook_events;
use crate::tenant_tx::TenantTx;

/// The transaction of an event's effects. Made by [`take`] only.
pub struct EventTx<'t, 'a> {
    tx: &'t TenantTx<'a>,
    arrived_at: DateTime<Utc>,
}

/// What came of taking an event.
pub enum EventClaim<'t, 'a> {
    /// It is locked, and to be acted on.
    Now(EventTx<'t, 'a>),
    /// It is done already, or isn't the caller's.
    Done,
    /// Another transaction holds it.
    Held,
}

/// What an event says of a lead that is there. None leaves what is there.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct ReportedLead {
    pub name: Option<String>,
    pub status: Option<String>,
    pub source: Option<String>,
    pub summary: Option<String>,
    pub ai_summary: Option<String>,
    pub sentiment: Option<String>,
}

/// What an event says of a contact that is there. None leaves what is there.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct ReportedContact {
    pub first_name: Option<String>,
    pub status: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub job_position: Option<String>,
    pub notes: Option<String>,
    pub plan: Option<String>,
    pub appointment_date: Option<DateTime<Utc>>,
}

/// What is known of a call. None leaves what is there.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct ReportedCall {
    pub phone: Option<String>,
    pub recording_url: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
    pub sentiment: Option<String>,
    pub summary: Option<String>,
}

/// A line of the automation log about something that the provider has a name for.
#[derive(Clone, Debug)]
pub struct ProviderLog {
    /// Whether it is about a call or a message.
    pub kind: LogKind,
    /// The provider's name for it.
    pub provider_id: String,
    /// `sms` or `call`.
    pub action_type: &'static str,
    /// The CRM's word.
    pub status: &'static str,
    /// JSON as text.
    pub details: String,
    /// How far it has come: a lower rank changes nothing.
    pub rank: i16,
}

/// What a line of the automation log is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogKind {
    /// A call.
    Call,
    /// A message.
    Message,
}

/// A lead that was found by its number.
#[derive(Clone, Debug)]
pub struct FoundLead {
    /// Its id.
    pub id: String,
    /// Its stage.
    pub status: String,
}

/// A contact that was found by its address or number.
#[derive(Clone, Debug)]
pub struct FoundContact {
    /// Its id.
    pub id: String,
    /// Whether its number is the one in question, though perhaps written in another way.
    pub has_this_phone: bool,
}

static CALL: Query =
    query!(Write "event_effects/call" [TEXT_ARRAY, TEXT, TEXT, INT4, TEXT, TEXT, TIMESTAMPTZ]);
static LOG: Query = query!(Write "event_effects/log" [TEXT, TEXT, TEXT, TEXT, TEXT, INT2, TIMESTAMPTZ]);
static ADD_LOG: Query = query!(Write "event_effects/add_log" [TEXT, TEXT, TEXT, TIMESTAMPTZ]);
static LEAD: Query = query!(Write "event_effects/lead" [TEXT_ARRAY, TEXT_ARRAY]);
static ADD_LEAD: Query =
    query!(Write "event_effects/add_lead" [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TIMESTAMPTZ]);
static CHANGE_LEAD: Query =
    query!(Write "event_effects/change_lead" [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TIMESTAMPTZ]);
static CONTACT: Query = query!(Write "event_effects/contact" [TEXT, TEXT_ARRAY, TEXT_ARRAY]);
static ADD_CONTACT: Query = query!(Write "event_effects/add_contact" [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
static CHANGE_CONTACT: Query = query!(Write "event_effects/change_contact" [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TIMESTAMPTZ, TIMESTAMPTZ]);
pub(crate) static QUERIES: &[&Query] = &[
    &CALL,
    &LOG,
    &ADD_LOG,
    &LEAD,
    &ADD_LEAD,
    &CHANGE_LEAD,
    &CONTACT,
    &ADD_CONTACT,
    &CHANGE_CONTACT,
];

impl EventTx<'_, '_> {
    async fn run(&self, query: &'static Query, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        self.tx.run(query, params).await
    }

    /// Without waiting: the tenant's other events wait for this transaction's end.
    async fn send(&self, query: &'static Query, params: &[&(dyn ToSql + Sync)]) -> Result<(), Error> {
        self.tx.send(query, params).await
    }
}

/// Takes an event to be processed; if another transaction holds it, this one waits for it or leaves it alone.
pub async fn take<'t, 'a>(
    tx: &'t TenantTx<'a>,
    event_id: &str,
    wait: bool,
) -> Result<EventClaim<'t, 'a>, Error> {
    let rows = tx.run(&webhook_events::TAKE, &[&event_id, &wait]).await?;
    let row = rows.first().ok_or(Error::Mismatch("one row"))?;
    match row.get(0) {
        None => Ok(EventClaim::Held),
        Some(false) => Ok(EventClaim::Done),
        Some(true) => {
            let arrived_at = row.get(1);
            Ok(EventClaim::Now(EventTx { tx, arrived_at }))
        }
    }
}

/// Notes in the transaction of its effects that an event is done.
pub async fn finish(
    tx: &EventTx<'_, '_>,
    event_id: &str,
    end: webhook_events::EventOutcome,
) -> Result<(), Error> {
    let ignored = end == webhook_events::EventOutcome::Ignored;
    tx.send(&webhook_events::FINISH, &[&event_id, &ignored]).await
}

/// Notes what is known of a call; `names` are the provider's ids of it, at least one.
pub async fn note_call(tx: &EventTx<'_, '_>, names: &[&str], call: &ReportedCall) -> Result<(), Error> {
    let ReportedCall {
        phone,
        recording_url,
        duration,
        sentiment,
        summary,
    } = call;
    tx.send(
        &CALL,
        &[
            &names,
            phone,
            recording_url,
            duration,
            sentiment,
            summary,
            &tx.arrived_at,
        ],
    )
    .await
}

/// Writes or moves on the automation log of a provider's call or message.
pub async fn note_log(tx: &EventTx<'_, '_>, log: &ProviderLog) -> Result<(), Error> {
    let kind = match log.kind {
        LogKind::Call => "call_log",
        LogKind::Message => "message",
    };
    tx.send(
        &LOG,
        &[
            &kind,
            &log.provider_id,
            &log.action_type,
            &log.status,
            &log.details,
            &log.rank,
            &tx.arrived_at,
        ],
    )
    .await
}

/// Adds a line to the automation log that no provider has a name for.
pub async fn add_log(tx: &EventTx<'_, '_>, log: &NewAutomationLog) -> Result<(), Error> {
    tx.send(
        &ADD_LOG,
        &[&log.action_type, &log.status, &log.details, &tx.arrived_at],
    )
    .await
}

/// The tenant's newest lead with this number, in whichever way somebody has written it.
pub async fn find_lead(tx: &EventTx<'_, '_>, number: &str) -> Result<Option<FoundLead>, Error> {
    let spellings = Spellings::of(number);
    let rows = tx.run(&LEAD, &[&spellings.texts, &spellings.digits]).await?;
    Ok(rows.first().map(FoundLead::from))
}

/// Adds a lead; its id.
pub async fn add_lead(tx: &EventTx<'_, '_>, new: &NewLead) -> Result<Option<String>, Error> {
    let NewLead {
        name,
        phone,
        status,
        source,
        summary,
        ai_summary,
        sentiment,
    } = new;
    let rows = tx
        .run(
            &ADD_LEAD,
            &[
                name,
                phone,
                status,
                source,
                summary,
                ai_summary,
                sentiment,
                &tx.arrived_at,
            ],
        )
        .await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// Notes what an event says of a lead.
pub async fn change_lead(tx: &EventTx<'_, '_>, id: &str, lead: &ReportedLead) -> Result<(), Error> {
    let ReportedLead {
        name,
        status,
        source,
        summary,
        ai_summary,
        sentiment,
    } = lead;
    tx.send(
        &CHANGE_LEAD,
        &[
            &id,
            name,
            status,
            source,
            summary,
            ai_summary,
            sentiment,
            &tx.arrived_at,
        ],
    )
    .await
}

/// The tenant's newest contact with this address, else with this number, in whichever way somebody has written it.
pub async fn find_contact(
    tx: &EventTx<'_, '_>,
    email: Option<&str>,
    phone: Option<&str>,
) -> Result<Option<FoundContact>, Error> {
    let spellings = phone.map(Spellings::of).unwrap_or_default();
    let rows = tx
        .run(&CONTACT, &[&email, &spellings.texts, &spellings.digits])
        .await?;
    Ok(rows.first().map(|row| FoundContact {
        id: row.get(0),
        has_this_phone: row.get(1),
    }))
}

/// The ways to write a number, its own first.
#[derive(Default)]
struct Spellings {
    /// As whole texts, which an index finds.
    texts: Vec<String>,
    /// As digits alone, for what somebody typed.
    digits: Vec<String>,
}

impl Spellings {
    fn of(number: &str) -> Self {
        let digits = webhooks::same_subscriber(number);
        let spelled = digits
            .iter()
            .flat_map(|digits| [format!("+{digits}"), digits.clone()]);
        Self {
            texts: std::iter::once(number.to_owned()).chain(spelled).collect(),
            digits,
        }
    }
}

/// Adds a contact.
pub async fn add_contact(tx: &EventTx<'_, '_>, new: &NewContact) -> Result<(), Error> {
    tx.send(
        &ADD_CONTACT,
        &[
            &new.first_name,
            &new.last_name,
            &new.email,
            &new.phone,
            &new.company,
            &new.job_position,
            &new.status,
            &new.notes,
            &new.plan,
            &new.appointment_date,
            &tx.arrived_at,
        ],
    )
    .await
}

/// Notes what an event says of a contact.
pub async fn change_contact(tx: &EventTx<'_, '_>, id: &str, contact: &ReportedContact) -> Result<(), Error> {
    tx.send(
        &CHANGE_CONTACT,
        &[
            &id,
            &contact.first_name,
            &contact.status,
            &contact.last_name,
            &contact.email,
            &contact.phone,
            &contact.company,
            &contact.job_position,
            &contact.notes,
            &contact.plan,
            &contact.appointment_date,
            &tx.arrived_at,
        ],
    )
    .await
}

impl From<&Row> for FoundLead {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            status: row.get(1),
        }
    }
}
