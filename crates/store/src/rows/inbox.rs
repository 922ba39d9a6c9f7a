//! What an event does to the tenant's rows: statements for one transaction, run as that tenant.
//!
//! Every such transaction begins with [`take`], which locks the event, and then the tenant's row: of two events of a
//! tenant one at a time finds or makes leads and calls, so that no two of them make the same.

use tokio_postgres::Row;

use crate::door::TenantTx;
use crate::error::Error;
use crate::query::{Query, query};
use crate::rows::{users, webhook_events};

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

static CALL: Query = query!(Write "inbox/call" [TEXT_ARRAY, TEXT, TEXT, INT4, TEXT, TEXT]);
static LOG: Query = query!(Write "inbox/log" [TEXT, TEXT, TEXT, TEXT, TEXT, INT2]);
static LEAD_BY_NUMBER: Query = query!(Write "inbox/lead_by_number" [TEXT_ARRAY]);
static LEAD_BY_DIGITS: Query = query!(Write "inbox/lead_by_digits" [TEXT_ARRAY]);
static CONTACT: Query = query!(Write "inbox/contact" [TEXT, TEXT_ARRAY, TEXT_ARRAY]);
static CONTACT_BY_DIGITS: Query = query!(Write "inbox/contact_by_digits" [TEXT_ARRAY]);
pub(crate) static QUERIES: &[&Query] = &[
    &CALL,
    &LOG,
    &LEAD_BY_NUMBER,
    &LEAD_BY_DIGITS,
    &CONTACT,
    &CONTACT_BY_DIGITS,
];

/// Takes an event to be processed; false if that is done already, or it isn't the speaker's.
pub async fn take(tx: &TenantTx<'_>, event_id: &str) -> Result<bool, Error> {
    let rows = tx.run(&webhook_events::TAKE, &[&event_id]).await?;
    if !rows.first().is_some_and(|row| row.get(0)) {
        return Ok(false);
    }
    tx.run(&users::LOCK, &[]).await?;
    Ok(true)
}

/// Notes in the transaction of its effects that an event is done.
pub async fn finish(tx: &TenantTx<'_>, event_id: &str, end: webhook_events::End) -> Result<(), Error> {
    let ignored = end == webhook_events::End::Ignored;
    tx.run(&webhook_events::FINISH, &[&event_id, &ignored])
        .await
        .map(drop)
}

/// Notes what is known of a call; `names` are the provider's ids of it, at least one.
pub async fn note_call(tx: &TenantTx<'_>, names: &[&str], call: &ReportedCall) -> Result<(), Error> {
    let ReportedCall {
        phone,
        recording_url,
        duration,
        sentiment,
        summary,
    } = call;
    tx.run(
        &CALL,
        &[&names, phone, recording_url, duration, sentiment, summary],
    )
    .await
    .map(drop)
}

/// Writes or moves on the automation log of a provider's call or message.
pub async fn note_log(tx: &TenantTx<'_>, log: &ProviderLog) -> Result<(), Error> {
    let kind = match log.kind {
        LogKind::Call => "call_log",
        LogKind::Message => "message",
    };
    tx.run(
        &LOG,
        &[
            &kind,
            &log.provider_id,
            &log.action_type,
            &log.status,
            &log.details,
            &log.rank,
        ],
    )
    .await
    .map(drop)
}

/// The tenant's newest lead with this number, in whichever way somebody has written it.
pub async fn find_lead(tx: &TenantTx<'_>, number: &str) -> Result<Option<FoundLead>, Error> {
    let spellings = Spellings::of(number);
    let exact = tx.run(&LEAD_BY_NUMBER, &[&spellings.texts]).await?;
    if let Some(row) = exact.first() {
        return Ok(Some(row.into()));
    }
    let typed = tx.run(&LEAD_BY_DIGITS, &[&spellings.digits]).await?;
    Ok(typed.first().map(FoundLead::from))
}

/// The tenant's newest contact with this address, else with this number, in whichever way somebody has written it.
pub async fn find_contact(
    tx: &TenantTx<'_>,
    email: Option<&str>,
    phone: Option<&str>,
) -> Result<Option<FoundContact>, Error> {
    let spellings = phone.map(Spellings::of).unwrap_or_default();
    let rows = tx
        .run(&CONTACT, &[&email, &spellings.texts, &spellings.digits])
        .await?;
    if let Some(row) = rows.first() {
        return Ok(Some(FoundContact {
            id: row.get(0),
            has_this_phone: row.get(1),
        }));
    }
    let typed = tx.run(&CONTACT_BY_DIGITS, &[&spellings.digits]).await?;
    Ok(typed.first().map(|row| FoundContact {
        id: row.get(0),
        has_this_phone: true,
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

impl From<&Row> for FoundLead {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            status: row.get(1),
        }
    }
}
