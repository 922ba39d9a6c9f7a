//! Someone who may own rows.

/// Someone who may own rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Who {
    /// For text values, so that they can be found again.
    pub(crate) marker: String,
    pub(crate) user: String,
    pub(crate) tenant: String,
}
