//! Some rows of a table that are looked at as if they were a table of their own, as Supabase's tables of files and messages
//! are: each bucket, and each kind of topic.

use crate::naming::Naming;
use crate::sql::literal;

/// Some rows of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// A bucket's files.
    Bucket(String),
    /// Messages on topics that are named so.
    Topic(Naming),
}

pub(crate) const FILES: (&str, &str) = ("storage", "objects");
pub(crate) const MESSAGES: (&str, &str) = ("realtime", "messages");

impl Part {
    /// A condition on the rows that are part of it.
    pub(crate) fn condition(&self) -> String {
        match self {
            Self::Bucket(name) => format!("bucket_id = {}", literal(name)),
            Self::Topic(naming) => format!("{} is not null", naming.id_in("topic")),
        }
    }

    /// What comes after the table's name.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Bucket(name) => format!("bucket {name}"),
            Self::Topic(naming) => format!("topics {naming}"),
        }
    }

    /// What must be there before the first row is.
    pub(crate) fn ground(&self) -> Option<String> {
        match self {
            Self::Bucket(name) => {
                let name = literal(name);
                Some(format!(
                    "insert into storage.buckets (id, name) values ({name}, {name}) on conflict do nothing"
                ))
            }
            Self::Topic(_) => None,
        }
    }

    /// What a column holds, if nothing else is asked of it.
    pub(crate) fn usual(&self, column: &str) -> Option<String> {
        match (self, column) {
            (Self::Bucket(name), "bucket_id") => Some(literal(name)),
            (Self::Topic(_), "extension") => Some(literal("broadcast")),
            _ => None,
        }
    }
}
