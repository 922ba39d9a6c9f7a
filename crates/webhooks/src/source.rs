//! Who may post events.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Calls a macro with every source, as `$(#[doc])* Variant = "name",`: for whoever needs an enumeration of them.
#[macro_export]
macro_rules! for_each_source {
    ($callback:ident) => {
        $callback! {
            /// Twilio: calls, recordings, messages.
            Twilio = "twilio",
            /// Vapi: voice assistants.
            Vapi = "vapi",
            /// Make.com: the tenant's own scenarios.
            Make = "make",
        }
    };
}

macro_rules! sources {
    ($($(#[$about:meta])+ $Source:ident = $name:literal,)+) => {
        /// A provider of webhooks; its name is the one in `/webhooks/{source}` and in `webhook_events.source`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Source {
            $($(#[$about])+ $Source,)+
        }

        impl Source {
            /// Every source.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$Source),+];

            /// The name in addresses and rows.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Source => $name,)+
                }
            }
        }
    };
}

for_each_source!(sources);

/// There is no provider of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSource;

impl fmt::Display for UnknownSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the webhook sources are {}",
            Source::ALL.map(Source::as_str).join(", ")
        )
    }
}

impl std::error::Error for UnknownSource {}

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
