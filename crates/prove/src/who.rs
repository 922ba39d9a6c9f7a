//! Someone who may own rows.

/// Someone who may own rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Who {
    /// For text values, so that they can be found again.
    pub(crate) marker: String,
    pub(crate) user: String,
    pub(crate) tenant: String,
}

impl Who {
    /// Their address, as tokens and rows have it.
    pub(crate) fn email(&self) -> String {
        email(&self.marker)
    }
}

/// The address of whoever has this marker.
pub(crate) fn email(marker: &str) -> String {
    format!("{marker}@example.com")
}
