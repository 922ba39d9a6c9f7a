//! Who may post events.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A provider of webhooks; its name is the one in `/webhooks/{source}` and in `webhook_events.source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Twilio: calls, recordings, messages.
    Twilio,
    /// Vapi: voice assistants.
    Vapi,
    /// Make.com: the tenant's own scenarios.
    Make,
}

/// There is no provider of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook sources are twilio, vapi and make")]
pub struct UnknownSource;

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Twilio, Self::Vapi, Self::Make];

    /// The name in addresses and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Vapi => "vapi",
            Self::Make => "make",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(name: &str) -> Result<Self, UnknownSource> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == name)
            .ok_or(UnknownSource)
    }
}
