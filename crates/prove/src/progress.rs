//! How far a proof is, for whoever waits for it.

use std::fmt;

/// What is being done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Phase {
    /// The catalog is read.
    #[default]
    Catalog,
    /// Rows are made up.
    Rows,
    /// Tables are attacked.
    Tables,
    /// Views are looked and written through.
    Views,
    /// Functions are called.
    Functions,
    /// What was seen is compared with what is seen without the other tenant.
    Comparison,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Catalog => "reading the catalog",
            Self::Rows => "making rows up",
            Self::Tables => "attacking tables",
            Self::Views => "looking through views",
            Self::Functions => "calling functions",
            Self::Comparison => "comparing",
        })
    }
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// The relation or function that was tried last.
    pub about: String,
    /// Statements that were tried in this phase.
    pub tried: usize,
    /// Those that are known so far; what comes of some says whether there are more.
    pub known: usize,
}

/// Is told how far it is: at the beginning of each phase and after each batch.
pub type Observer<'o> = dyn Fn(&Progress) + Send + Sync + 'o;
