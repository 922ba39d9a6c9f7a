//! Texts, and what is written as one: links and addresses.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde::Serialize;
use serde_json::Value;

use super::Rule;

/// A text of at most `MAX` characters; with `MIN` = 1 also not blank.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Text<const MIN: usize, const MAX: usize>(pub(crate) String);

/// An `http` or `https` URL of at most 2,048 characters; nothing else may become a link in a page.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct WebUrl(pub(crate) String);

/// An e-mail address of at most 320 characters, or empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Email(pub(crate) String);

/// A JSON object whose members somebody else knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct JsonObject(pub(crate) Value);

impl<const MIN: usize, const MAX: usize> Rule for Text<MIN, MAX> {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: (MIN > 0).then_some(MIN),
            // Not blank; ECMA's `\s` lacks U+0085.
            pattern: (MIN > 0).then(|| r"[^\s\x85]".to_owned()),
            max_length: Some(MAX),
            ..MetaSchema::new("string")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be a text")?;
        if MIN > 0 && text.trim().is_empty() {
            return Err("can't be empty".to_owned());
        }
        if text.chars().count() > MAX {
            return Err(format!("is longer than {MAX} characters"));
        }
        // Postgres stores no NUL in a text.
        if text.contains('\0') {
            return Err("contains a NUL character".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for WebUrl {
    fn schema() -> MetaSchema {
        MetaSchema {
            format: Some("uri"),
            pattern: Some("^https?://".to_owned()),
            ..Text::<1, 2048>::schema()
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let Text(text) = Text::<1, 2048>::accept(value)?;
        let url = text.parse::<poem::http::Uri>().map_err(|_| "must be a URL")?;
        match url.scheme_str() {
            Some("http" | "https") if url.host().is_some_and(|host| !host.is_empty()) => Ok(Self(text)),
            _ => Err("must start with http:// or https://".to_owned()),
        }
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for Email {
    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("An e-mail address, or empty"),
            pattern: Some(r"^\s*([^\s\x85]+@[^\s\x85@]+)?\s*$".to_owned()),
            ..Text::<0, 320>::schema()
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let Text(text) = Text::<0, 320>::accept(value)?;
        let text = text.trim();
        let plausible = match text.rsplit_once('@') {
            Some((local, domain)) => {
                !local.is_empty() && !domain.is_empty() && !text.contains(char::is_whitespace)
            }
            None => text.is_empty(),
        };
        if plausible {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be an e-mail address".to_owned())
        }
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for JsonObject {
    fn schema() -> MetaSchema {
        MetaSchema {
            additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)))),
            ..MetaSchema::new("object")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        if value.is_object() {
            Ok(Self(value.clone()))
        } else {
            Err("must be a JSON object".to_owned())
        }
    }

    fn value(&self) -> Value {
        self.0.clone()
    }
}

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> Self {
        text.0
    }
}

impl From<WebUrl> for String {
    fn from(url: WebUrl) -> Self {
        url.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

openapi_value!(Text<MIN, MAX>, MIN, MAX);
openapi_value!(WebUrl);
openapi_value!(Email);
openapi_value!(JsonObject);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_urls_become_links() {
        for bad in [
            "javascript:alert(1)",
            "ftp://x/y",
            "//x/y",
            "http://",
            "x",
            "https:///y",
        ] {
            assert!(WebUrl::accept(&bad.into()).is_err(), "{bad}");
        }
        assert!(WebUrl::accept(&"https://api.example.com/r.wav?x=1".into()).is_ok());
    }
}
