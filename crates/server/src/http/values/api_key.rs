//! Keys for other services, as they come in.

use poem_openapi::registry::MetaSchema;
use seal::SecretText;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::Rule;

/// A key for another service: at most 8 KB, no control characters; white space around it is cut. Never quoted,
/// printed or logged; the text is wiped when dropped.
#[derive(Clone)]
pub(crate) struct ApiKeyText(Zeroizing<String>);

impl Rule for ApiKeyText {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(LONGEST_KEY),
            pattern: Some(r"^\s*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*\s*$".to_owned()),
            ..MetaSchema::new_with_format("string", "password")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be a text")?;
        // Measured as it was sent: white space is no way around the limit.
        if text.len() > LONGEST_KEY {
            return Err(format!("is longer than {LONGEST_KEY} bytes"));
        }
        let text = text.trim();
        if text.is_empty() {
            return Err("can't be empty".to_owned());
        }
        if text.chars().any(char::is_control) {
            return Err("contains a control character".to_owned());
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    fn value(&self) -> Value {
        self.0.as_str().into()
    }
}

/// In bytes; the longest keys are JWTs of a few KB.
const LONGEST_KEY: usize = 8 * 1024;

impl From<ApiKeyText> for SecretText {
    fn from(key: ApiKeyText) -> Self {
        SecretText::new(key.0.as_str().to_owned())
    }
}

impl From<SecretText> for ApiKeyText {
    fn from(key: SecretText) -> Self {
        Self(Zeroizing::new(key.expose().to_owned()))
    }
}

impl Serialize for ApiKeyText {
    /// For the one answer that reveals a key.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl ApiKeyText {
    /// The text itself, for the one place that it goes to.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

openapi_value!(ApiKeyText);
