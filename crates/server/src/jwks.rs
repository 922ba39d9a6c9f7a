//! Fetches the keys that verify tokens over HTTPS; `identity` decides when and keeps them.

use std::time::{Duration, Instant};

use identity::jwks::{Fetch, FetchFailed};

/// A key set behind a URL.
pub(crate) struct HttpFetch {
    client: reqwest::Client,
    url: String,
}

/// Far more than any key set; a longer answer is not one.
const LIMIT: usize = 256 * 1024;

impl HttpFetch {
    pub(crate) fn new(url: String) -> Result<Self, reqwest::Error> {
        // No provider is built in; a second installation is refused and harmless.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            // Whoever could redirect could name the keys.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, url })
    }
}

impl Fetch for HttpFetch {
    async fn fetch(&self) -> Result<Vec<u8>, FetchFailed> {
        let began = Instant::now();
        let fetched = self.document().await;
        let elapsed_ms = began.elapsed().as_millis();
        tracing::debug!(succeeded = fetched.is_ok(), elapsed_ms, "fetched the key set");
        fetched
    }
}

impl HttpFetch {
    async fn document(&self) -> Result<Vec<u8>, FetchFailed> {
        let answer = self
            .client
            .get(&self.url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        let mut answer = answer.map_err(|_| FetchFailed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| FetchFailed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMIT {
                return Err(FetchFailed);
            }
        }
        Ok(body)
    }
}
