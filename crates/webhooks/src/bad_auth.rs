//! Refuses the settings of an endpoint's verification.

/// Why a configuration can't be one. The text is for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAuth(pub(crate) String);
