//! Events that tenants are told of, and the rows that they are about: read when they are told, as their tenant.

use std::collections::HashMap;
use std::str::FromStr;

use identity::Claims;
use tokio_postgres::Row;

use super::automation_logs::{self, AutomationLog};
use super::call_logs::{self, CallLog};
use super::contacts::{self, Contact};
use super::leads::{self, Lead};
use crate::error::Error;
use crate::query::{Query, query};
use crate::tenant_tx::Store;

macro_rules! event_types {
    ($($(#[$about:meta])+ $Type:ident = $name:literal;)+) => {
        /// What can happen that a tenant is told of. `policies/events.sql` says when.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum EventType {
            $($(#[$about])+ $Type,)+
        }

        impl EventType {
            /// All of them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$Type),+];

            /// Its name, as it is stored and sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Type => $name,)+
                }
            }
        }

        impl FromStr for EventType {
            type Err = UnknownEventType;

            fn from_str(name: &str) -> Result<Self, UnknownEventType> {
                match name {
                    $($name => Ok(Self::$Type),)+
                    _ => Err(UnknownEventType),
                }
            }
        }
    };
}

event_types! {
    /// A lead was added.
    LeadCreated = "lead.created";
    /// A lead was changed.
    LeadUpdated = "lead.updated";
    /// A lead was deleted.
    LeadDeleted = "lead.deleted";
    /// A contact was added.
    ContactCreated = "contact.created";
    /// A contact was changed.
    ContactUpdated = "contact.updated";
    /// A contact was deleted.
    ContactDeleted = "contact.deleted";
    /// A call was logged.
    CallLogged = "call.logged";
    /// More is known of a call.
    CallUpdated = "call.updated";
    /// A message was sent or came in.
    MessageLogged = "message.logged";
    /// A provider refuses what connects to it.
    ConnectionError = "connection.error";
}

/// No event is called that.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no event is called that")]
pub struct UnknownEventType;

/// The row that an event is about, as it is now.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is a row of its table")]
pub enum EventSubject {
    Lead(Lead),
    Contact(Contact),
    Call(CallLog),
    Message(AutomationLog),
    Connection(RefusedConnection),
    /// It is gone: nothing is left to tell but its id.
    Deleted(String),
}

/// A key or grant of the tenant's that its provider refuses.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct RefusedConnection {
    pub id: String,
    pub service_name: String,
    pub last_error: String,
    pub oauth: bool,
    pub account: Option<String>,
}

static REFUSED: Query = query!(Read "api_keys/refused" [TEXT_ARRAY]);
pub(crate) static QUERIES: &[&Query] = &[&REFUSED];

/// The rows that events are about, each event being its type and its row's id: none where the caller doesn't see the row,
/// or nothing is wrong with the connection any more. One statement for each table.
pub async fn subjects(
    store: &Store,
    claims: &Claims,
    events: &[(EventType, &str)],
) -> Result<Vec<Option<EventSubject>>, Error> {
    let mut found: Vec<Option<EventSubject>> = vec![None; events.len()];
    for kind in Kind::ALL {
        let places = || {
            let of_kind = |(_, (event, _)): &(usize, &(EventType, &str))| Kind::of(*event) == kind;
            events.iter().enumerate().filter(of_kind)
        };
        let ids: Vec<&str> = places().map(|(_, (_, id))| *id).collect();
        if ids.is_empty() {
            continue;
        }
        let subjects = kind.read(store, claims, &ids).await?;
        let by_id: HashMap<&str, &EventSubject> =
            subjects.iter().map(|subject| (subject.id(), subject)).collect();
        for (place, (_, id)) in places() {
            found[place] = by_id.get(id).map(|subject| (*subject).clone());
        }
    }
    Ok(found)
}

impl EventSubject {
    /// The row's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Lead(row) => &row.id,
            Self::Contact(row) => &row.id,
            Self::Call(row) => &row.id,
            Self::Message(row) => &row.id,
            Self::Connection(row) => &row.id,
            Self::Deleted(id) => id,
        }
    }
}

/// Where the row of an event is.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Lead,
    Contact,
    Call,
    Message,
    Connection,
    Deleted,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Lead,
        Self::Contact,
        Self::Call,
        Self::Message,
        Self::Connection,
        Self::Deleted,
    ];

    fn of(event: EventType) -> Self {
        match event {
            EventType::LeadCreated | EventType::LeadUpdated => Self::Lead,
            EventType::ContactCreated | EventType::ContactUpdated => Self::Contact,
            EventType::CallLogged | EventType::CallUpdated => Self::Call,
            EventType::MessageLogged => Self::Message,
            EventType::ConnectionError => Self::Connection,
            EventType::LeadDeleted | EventType::ContactDeleted => Self::Deleted,
        }
    }

    async fn read(self, store: &Store, claims: &Claims, ids: &[&str]) -> Result<Vec<EventSubject>, Error> {
        macro_rules! rows {
            ($table:ident as $Subject:ident) => {{
                let rows = $table::find_many(store, claims, ids).await?;
                rows.into_iter().map(EventSubject::$Subject).collect()
            }};
        }
        Ok(match self {
            Self::Lead => rows!(leads as Lead),
            Self::Contact => rows!(contacts as Contact),
            Self::Call => rows!(call_logs as Call),
            Self::Message => rows!(automation_logs as Message),
            Self::Connection => {
                let rows = store.run(claims, &REFUSED, &[&ids]).await?;
                let refused = rows.iter().map(RefusedConnection::from);
                refused.map(EventSubject::Connection).collect()
            }
            Self::Deleted => {
                let ids = ids.iter().map(|id| (*id).to_owned());
                ids.map(EventSubject::Deleted).collect()
            }
        })
    }
}

impl From<&Row> for RefusedConnection {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            service_name: row.get(1),
            last_error: row.get(2),
            oauth: row.get(3),
            account: row.get(4),
        }
    }
}
