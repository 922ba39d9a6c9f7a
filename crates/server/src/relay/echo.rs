//! The key in a provider's answer: providers that repeat the request (for debugging, or in an error) would hand the
//! sealed key to the caller. It is searched for as it was saved and as it was sent, across the pieces of a body.
//!
//! Not found: a key that the provider encoded otherwise, that a `Range` cuts in two, or of fewer than 8 bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use memchr::memmem;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use reqwest::header::{HeaderMap, HeaderName};
use zeroize::Zeroizing;

use super::providers::Credential;
use super::service::Service;

/// Shorter ones stand in answers by chance.
const SHORTEST: usize = 8;

/// The forms in which a key would be seen.
pub(super) struct KeyEncodings(Vec<Zeroizing<Vec<u8>>>);

impl KeyEncodings {
    /// Of a key that is sent as `kind`.
    pub(super) fn of(kind: &Credential, key: &str) -> Self {
        let mut forms = vec![key.to_owned()];
        if *kind == Credential::Basic {
            forms.push(STANDARD.encode(key));
            // The user is no secret; the password alone is.
            forms.extend(key.split_once(':').map(|(_, password)| password.to_owned()));
        }
        // As PHP and others write JSON.
        let escaped: Vec<_> = forms
            .iter()
            .filter(|form| form.contains('/'))
            .map(|form| form.replace('/', "\\/"))
            .collect();
        forms.extend(escaped);
        Self(
            forms
                .into_iter()
                .map(|form| Zeroizing::new(form.into_bytes()))
                .filter(|form| form.len() >= SHORTEST)
                .collect(),
        )
    }

    /// Whether one of them is in the bytes.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|form| memmem::find(bytes, form).is_some())
    }

    /// How many of the last bytes could be the beginning of one.
    fn begun(&self, bytes: &[u8]) -> usize {
        let of = |form: &Zeroizing<Vec<u8>>| {
            let most = bytes.len().min(form.len() - 1);
            (1..=most)
                .rev()
                .find(|&length| bytes.ends_with(&form[..length]))
                .unwrap_or(0)
        };
        self.0.iter().map(of).max().unwrap_or(0)
    }

    /// Drops the headers that hold one, in name or value; how many those were.
    pub(super) fn drop_from(&self, headers: &mut HeaderMap) -> usize {
        let before = headers.len();
        let kept: HeaderMap = headers
            .iter()
            .filter(|(name, value)| !self.are_in(value.as_bytes()) && !self.are_in_name(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        *headers = kept;
        before - headers.len()
    }

    /// Names arrive in lower case.
    fn are_in_name(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|form| {
            let lower = Zeroizing::new(form.to_ascii_lowercase());
            memmem::find(name.as_str().as_bytes(), &lower).is_some()
        })
    }
}

/// Why a body ends before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ScanError {
    #[error("the answer would hold the key")]
    Echo,
    #[error("the provider broke off")]
    Broken,
    #[error("the provider's answer is too large")]
    TooLarge,
}

/// A body that is searched as it passes. Held back is only what could be the beginning of the key.
pub(super) struct ScannedBody<S> {
    pub(super) body: S,
    pub(super) forms: KeyEncodings,
    pub(super) withheld: Counter,
    /// Bytes at most.
    pub(super) largest: usize,
    seen: usize,
    held: BytesMut,
    ended: bool,
}

impl<S: Stream<Item = reqwest::Result<Bytes>> + Unpin> ScannedBody<S> {
    pub(super) fn new(body: S, forms: KeyEncodings, withheld: Counter, largest: usize) -> Self {
        Self {
            body,
            forms,
            withheld,
            largest,
            seen: 0,
            held: BytesMut::new(),
            ended: false,
        }
    }

    /// The next bytes that may pass; None at the end. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ScanError> {
        while !self.ended {
            let Some(piece) = self.body.next().await else {
                self.ended = true;
                break;
            };
            let passed = piece
                .map_err(|_| ScanError::Broken)
                .and_then(|piece| self.pass(&piece));
            self.ended = passed.is_err();
            let passed = passed?;
            if !passed.is_empty() {
                return Ok(Some(passed));
            }
        }
        let rest = std::mem::take(&mut self.held);
        Ok((!rest.is_empty()).then(|| rest.freeze()))
    }

    fn pass(&mut self, piece: &[u8]) -> Result<Bytes, ScanError> {
        self.seen += piece.len();
        if self.seen > self.largest {
            self.held.clear();
            return Err(ScanError::TooLarge);
        }
        self.held.extend_from_slice(piece);
        if self.forms.are_in(&self.held) {
            self.held.clear();
            self.withheld.inc();
            return Err(ScanError::Echo);
        }
        let passing = self.held.len() - self.forms.begun(&self.held);
        Ok(self.held.split_to(passing).freeze())
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByService {
    service: &'static str,
}

/// Counts answers, or headers of theirs, that held the key.
#[derive(Clone, Default)]
pub(crate) struct EchoMetrics(Family<ByService, Counter>);

impl EchoMetrics {
    /// Registers the counters, at zero, so that the first is seen as a change.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for service in Service::all() {
            drop(self.of(service));
        }
        registry.register(
            "relay_keys_withheld",
            "Headers and bodies of providers that held the caller's key",
            self.0.clone(),
        );
    }

    pub(super) fn of(&self, service: Service) -> Counter {
        let service = service.name();
        self.0.get_or_create_owned(&ByService { service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AC0123456789:sk/secret-0123";

    async fn through(pieces: &[&str]) -> (String, Result<(), ScanError>) {
        let stream =
            futures_util::stream::iter(pieces.iter().map(|piece| Ok(Bytes::from(piece.to_string()))));
        let forms = KeyEncodings::of(&Credential::Basic, KEY);
        let mut searched = ScannedBody::new(stream, forms, Counter::default(), 1000);
        let mut passed = String::new();
        loop {
            match searched.next().await {
                Ok(Some(bytes)) => passed.push_str(std::str::from_utf8(&bytes).expect("text")),
                Ok(None) => return (passed, Ok(())),
                Err(cut) => return (passed, Err(cut)),
            }
        }
    }

    #[tokio::test]
    async fn a_key_is_found_wherever_the_pieces_break() {
        let encoded = STANDARD.encode(KEY);
        for form in [KEY, "sk/secret-0123", "sk\\/secret-0123", encoded.as_str()] {
            let body = format!("before {form} after");
            for at in 0..=body.len() {
                let (passed, end) = through(&[&body[..at], &body[at..]]).await;
                assert_eq!(end, Err(ScanError::Echo), "{form} at {at}");
                assert!(
                    "before ".starts_with(&passed) || passed.starts_with("before "),
                    "{passed}"
                );
                assert!(!passed.contains(&form[..form.len() - 1]), "{form} at {at}");
            }
            let single: Vec<_> = body.split("").collect();
            assert_eq!(through(&single).await.1, Err(ScanError::Echo), "{form}");
        }
    }

    #[tokio::test]
    async fn what_only_begins_like_the_key_passes_whole() {
        for body in ["sk/secret-012", "sk/sesk/secret", "AC0123456789", "", "x"] {
            for at in 0..=body.len() {
                let passed = through(&[&body[..at], &body[at..]]).await;
                assert_eq!(passed, (body.to_owned(), Ok(())));
            }
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_cut() {
        let piece = "x".repeat(600);
        assert_eq!(
            through(&[&piece, &piece]).await,
            (piece, Err(ScanError::TooLarge))
        );
    }
}
