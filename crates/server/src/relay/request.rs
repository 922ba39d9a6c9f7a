//! What a caller wants of a provider, and with which key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use reqwest::Method;
use reqwest::header::HeaderMap;
use seal::SecretText;

use super::service::Service;

/// What a caller wants of a provider.
pub(crate) struct RelayRequest {
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// As it was sent, without `/v1/relay/{service}/`.
    pub(crate) raw_path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<RelayBody>,
}

/// The caller's key.
#[derive(Clone, Copy)]
pub(crate) struct RelayKey<'a> {
    pub(crate) text: &'a SecretText,
    /// Whether a provider granted it; some want that sent otherwise.
    pub(crate) oauth: bool,
}

/// A caller's body.
pub(crate) enum RelayBody {
    /// Sent on as it arrives.
    Arriving(poem::Body),
    /// Here already, so that it can be sent once more.
    Whole(Bytes),
}

impl RelayBody {
    /// As it is sent; `sent` counts its bytes.
    pub(super) fn into_body(self, sent: Arc<AtomicU64>) -> reqwest::Body {
        let count = move |bytes: &Bytes| {
            sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        };
        match self {
            Self::Arriving(body) => reqwest::Body::wrap_stream(body.into_bytes_stream().inspect_ok(count)),
            Self::Whole(bytes) => {
                count(&bytes);
                bytes.into()
            }
        }
    }
}

impl RelayRequest {
    /// The same request once more; None if its body is gone when it has been sent.
    pub(crate) fn again(&self) -> Option<Self> {
        let body = match &self.body {
            None => None,
            Some(RelayBody::Whole(bytes)) => Some(RelayBody::Whole(bytes.clone())),
            Some(RelayBody::Arriving(_)) => return None,
        };
        Some(Self {
            service: self.service,
            method: self.method.clone(),
            raw_path: self.raw_path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body,
        })
    }
}
