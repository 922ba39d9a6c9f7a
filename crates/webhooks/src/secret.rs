//! Holds the secrets that providers prove themselves with.

use zeroize::Zeroizing;

/// How the ids of Twilio's shared keys begin.
const SHARED_KEY: &str = "webhooks_sharedkey_";

/// A secret shared with a provider: an auth token, a bearer token, an HMAC key, an API key.
///
/// Zeroised when dropped, and without `Debug`, `Display` and `Serialize`:
/// ```compile_fail,E0277
/// fn shown(secret: webhooks::Secret) -> String { format!("{secret:?}") }
/// ```
#[derive(Clone)]
pub struct Secret {
    id: Option<String>,
    text: Zeroizing<String>,
}

/// Why a text can't be a secret. Carries nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSecret {
    /// Nothing, or blanks: everybody could present it.
    #[error("a webhook secret must not be empty")]
    Empty,
    /// The configuration says that it is base64, and it isn't.
    #[error("the secret must be base64, with or without whsec_ in front")]
    NotBase64,
    /// It could not be sent in a header.
    #[error("the secret must be printable ASCII without blanks around it")]
    NotAHeaderValue,
}

impl Secret {
    /// Takes one secret over, as it is.
    ///
    /// `webhooks_sharedkey_…=secret` is one of Twilio's shared keys: its id, and the secret shown when it was
    /// created.
    ///
    /// # Errors
    /// [`UnusableSecret::Empty`].
    pub fn new(text: String) -> Result<Self, UnusableSecret> {
        let text = Zeroizing::new(text);
        let (id, text) = match text.split_once('=') {
            Some((id, secret)) if id.starts_with(SHARED_KEY) => {
                (Some(id.to_owned()), Zeroizing::new(secret.to_owned()))
            }
            _ => (None, text),
        };
        if text.trim().is_empty() {
            return Err(UnusableSecret::Empty);
        }
        Ok(Self { id, text })
    }

    /// A list as in the environment: separated by commas, blanks around each ignored, several while rotating.
    ///
    /// # Errors
    /// [`UnusableSecret::Empty`] if there is none; empty places between commas are skipped.
    pub fn list(text: &str) -> Result<Vec<Self>, UnusableSecret> {
        let secrets = text
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(|one| Self::new(one.to_owned()))
            .collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() {
            return Err(UnusableSecret::Empty);
        }
        Ok(secrets)
    }

    /// The id of a Twilio shared key; `None` for any other secret.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_is_none() {
        for text in ["", " ", "webhooks_sharedkey_1="] {
            assert_eq!(
                Secret::new(text.into()).err(),
                Some(UnusableSecret::Empty),
                "{text:?}"
            );
        }
        assert_eq!(Secret::list(" , ,").err(), Some(UnusableSecret::Empty));
    }

    #[test]
    fn a_list_holds_tokens_and_shared_keys() {
        let secrets = Secret::list("old, new,,webhooks_sharedkey_01=abc==").unwrap();
        let shown: Vec<_> = secrets
            .iter()
            .map(|secret| (secret.id(), secret.text()))
            .collect();
        assert_eq!(
            shown,
            [
                (None, "old"),
                (None, "new"),
                (Some("webhooks_sharedkey_01"), "abc==")
            ]
        );
    }

    #[test]
    fn one_secret_may_hold_commas_and_equals_signs() {
        assert_eq!(Secret::new("a,b=c".into()).unwrap().text(), "a,b=c");
    }
}
