//! Holds an opened secret.

use zeroize::Zeroizing;

/// A secret as text. Zeroised when dropped; seen through [`SecretText::expose`] only.
///
/// It has no `Debug`, `Display`, `Serialize`, `Clone` or `==`:
/// ```compile_fail,E0277
/// fn shown(secret: seal::SecretText) -> String { format!("{secret:?}") }
/// ```
/// ```compile_fail,E0277
/// fn shown(secret: seal::SecretText) -> String { format!("{secret}") }
/// ```
/// ```compile_fail,E0277
/// fn sent(secret: seal::SecretText) -> String { serde_json::to_string(&secret).unwrap() }
/// ```
/// ```compile_fail,E0599
/// fn doubled(secret: seal::SecretText) -> seal::SecretText { secret.clone() }
/// ```
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text over. Copies the caller still has are the caller's to wipe.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A copy of UTF-8 bytes, in an allocation of its exact size. `None` if they are anything else.
    pub(crate) fn copied_from(bytes: &[u8]) -> Option<Self> {
        Some(Self::new(std::str::from_utf8(bytes).ok()?.to_owned()))
    }

    /// The secret itself. Whoever searches for this name finds every place that looks at one.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
