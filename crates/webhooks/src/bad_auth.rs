//! Refuses the settings of an endpoint's verification.

/// Why a configuration can't be one. The text is for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAuth(pub(crate) String);

impl BadAuth {
    /// What serde says of names is for the sender; what it says of values may be a secret in the wrong place.
    pub(crate) fn unreadable(error: &serde_json::Error) -> Self {
        let said = error.to_string();
        let of_names = ["unknown field", "unknown variant", "missing field"];
        if of_names.iter().any(|start| said.starts_with(start)) {
            Self(said)
        } else {
            Self("a setting in auth has the wrong type".into())
        }
    }

    /// There is nothing to set but the secret, which stands elsewhere.
    pub(crate) fn no_settings() -> Self {
        Self("auth of this type has no further settings; the secret goes into secret".into())
    }
}
