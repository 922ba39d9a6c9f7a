//! What arrived.

use std::fmt;

use crate::source::Source;

/// A request as it came in, of which nothing is known yet.
///
/// `Debug` shows the source and the sizes: bodies hold numbers and texts, headers hold keys.
#[derive(Clone)]
pub struct Delivery {
    source: Source,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Delivery {
    /// Takes a request over.
    ///
    /// `url` is the address that the provider was told: `PUBLIC_BASE_URL` and the raw path and query of the
    /// request line, neither decoded nor encoded again, and never made from `Host` or `X-Forwarded-*`. A
    /// fragment is cut off: it is configuration for Twilio and is not signed. `body` is raw as well.
    /// Header names are compared without case; headers that aren't UTF-8 can't be any that are looked at.
    /// All may be passed: the names of Vapi's signature headers are configuration.
    #[must_use]
    pub fn new<N: AsRef<str>, V: AsRef<[u8]>>(
        source: Source,
        method: &str,
        url: &str,
        headers: impl IntoIterator<Item = (N, V)>,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| {
                let value = std::str::from_utf8(value.as_ref()).ok()?;
                Some((name.as_ref().to_ascii_lowercase(), value.to_owned()))
            })
            .collect();
        let url = url.split_once('#').map_or(url, |(before, _)| before);
        Self {
            source,
            method: method.to_ascii_uppercase(),
            url: url.to_owned(),
            headers,
            body: body.into(),
        }
    }

    /// The provider that is said to have sent it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The method, in capitals.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The public address, without a fragment. It may hold an endpoint's key and parameters: not for logs.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The raw query, without the question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        self.url.split_once('?').map(|(_, query)| query)
    }

    /// The first header of that name, if it isn't blank.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// All headers, names in lower case. They hold keys: not for logs.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Replaces a header, as signing does.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The raw body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether the body is said to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("source", &self.source)
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_have_no_case_and_the_fragment_is_cut_off() {
        let delivery = Delivery::new(
            Source::Twilio,
            "post",
            "https://hooks.example.com/a?b=c#rc=3&rp=all",
            [("X-Twilio-Signature", "abc"), ("x-blank", " ")],
            "",
        );
        assert_eq!(delivery.url(), "https://hooks.example.com/a?b=c");
        assert_eq!(delivery.query(), Some("b=c"));
        assert_eq!(delivery.method(), "POST");
        assert_eq!(delivery.header("x-twilio-SIGNATURE"), Some("abc"));
        assert_eq!(delivery.header("x-blank"), None);
    }

    #[test]
    fn debug_shows_no_contents() {
        let delivery = Delivery::new(
            Source::Make,
            "POST",
            "https://hooks.example.com/webhooks/make/endpoint-key?phone=1",
            [("x-make-apikey", "a-key")],
            "a body",
        );
        let shown = format!("{delivery:?}");
        for hidden in ["endpoint-key", "a-key", "a body", "phone"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}
