//! Refuses settings: a text that names the setting and the fix, never the value.

/// A setting that can't be used; the text names it and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(super) String);

pub(super) fn refused<T>(text: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(text.into()))
}
