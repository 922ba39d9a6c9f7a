//! Serves bytes that are the same for everybody: one copy in memory, compressed once, fetched again only if they changed.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, Request, Response, Result};
use std::io::Write as _;
use tokio::sync::OnceCell;

use super::server::SharedBytes;

/// The document, or the page that shows it.
pub(crate) struct StaticPage {
    media_type: &'static str,
    plain: Bytes,
    /// Made when the first client asks for it, not at start-up.
    gzipped: OnceCell<Bytes>,
    tag: HeaderValue,
}

impl StaticPage {
    pub(crate) fn new(media_type: &'static str, text: String) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        // Weak: the compressed bytes are another representation with the same tag.
        let tag = format!("W/\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]));
        Self {
            media_type,
            plain: text.into(),
            gzipped: OnceCell::new(),
            tag: HeaderValue::try_from(tag).unwrap_or_else(|_| unreachable!("base64 is visible ASCII")),
        }
    }

    async fn body(&self, headers: &HeaderMap) -> (Bytes, bool) {
        if !takes_gzip(headers) {
            return (self.plain.clone(), false);
        }
        let compressed = self
            .gzipped
            .get_or_try_init(|| compress(self.plain.clone()))
            .await;
        match compressed {
            Ok(gzipped) => (gzipped.clone(), true),
            Err(_) => (self.plain.clone(), false),
        }
    }
}

impl Endpoint for StaticPage {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut response = Response::default();
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if has(request.headers(), &self.tag) {
            response.set_status(StatusCode::NOT_MODIFIED);
            return Ok(response);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        let (bytes, gzipped) = self.body(request.headers()).await;
        if gzipped {
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response.set_body(Body::from(bytes));
        response.set_data(SharedBytes);
        Ok(response)
    }
}

async fn compress(plain: Bytes) -> std::io::Result<Bytes> {
    let compressed = tokio::task::spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&plain)?;
        encoder.finish()
    });
    Ok(compressed.await.map_err(std::io::Error::other)??.into())
}

/// Whether gzip is listed and not refused (RFC 9110, 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = listed
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"))
            && !parts.any(|weight| {
                weight
                    .strip_prefix("q=")
                    .and_then(|weight| weight.parse::<f32>().ok())
                    .is_some_and(|weight| weight <= 0.0)
            })
    })
}

/// Whether the client has these bytes already (RFC 9110, 13.1.2: tags are compared weakly).
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let tag = tag.to_str().unwrap_or_default().trim_start_matches("W/");
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    known.any(|known| known.trim() == "*" || known.trim().trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const TEXT: &str = "the same for everybody";

    async fn get(page: &StaticPage, name: header::HeaderName, value: &str) -> Response {
        let request = Request::builder().header(name, value).finish();
        page.call(request).await.unwrap_or_else(|_| panic!("it answers"))
    }

    #[tokio::test]
    async fn who_takes_gzip_gets_it_and_who_refuses_it_does_not() {
        let page = StaticPage::new("text/plain", TEXT.to_owned());
        for (asked, gzipped) in [
            ("gzip, br", true),
            ("br;q=1, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            let response = get(&page, header::ACCEPT_ENCODING, asked).await;
            assert_eq!(
                response.headers().contains_key(header::CONTENT_ENCODING),
                gzipped,
                "{asked}"
            );
            let body = response.into_body().into_vec().await.unwrap_or_default();
            let mut text = String::new();
            if gzipped {
                let read = flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text);
                assert!(read.is_ok(), "{asked}");
            } else {
                text = String::from_utf8_lossy(&body).into_owned();
            }
            assert_eq!(text, TEXT, "{asked}");
        }
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_sent_again() {
        let page = StaticPage::new("text/plain", TEXT.to_owned());
        let first = get(&page, header::ACCEPT_ENCODING, "br").await;
        let tag = first.headers()[header::ETAG]
            .to_str()
            .unwrap_or_default()
            .to_owned();
        let again = get(&page, header::IF_NONE_MATCH, &format!("\"other\", {tag}")).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = StaticPage::new("text/plain", "another text".to_owned());
        let changed = get(&other, header::IF_NONE_MATCH, &tag).await;
        assert_eq!(changed.status(), StatusCode::OK);
    }
}
