use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use seal::SecretText;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::http::authorization::tests::claims;
use crate::key_uses::KeyUseMetrics;
use crate::relay::client::{Relay, RelayResponse, WHOLE, client};
use crate::relay::metrics::RelayMetrics;
use crate::relay::request::{RelayKey, RelayRequest};
use crate::relay::service::Service;

const FILES: &str = "mms.twiliocdn.com";
const KEY: &str = "AC00000000000000000000000000000000:the-auth-token-of-a-tenant";
const FILE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: audio/x-wav\r\ncontent-length: 4\r\nconnection: close\r\n\r\nRIFF";
const GONE: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Reads a request's head, writes the answer, and says what the head was.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        head.push(byte[0]);
    }
    stream.write_all(answer.as_bytes()).await.expect("it reads");
    stream.shutdown().await.expect("it reads");
    String::from_utf8(head).expect("a head")
}

/// A provider that redirects everything to `location`, and its host of files, which answers `file`.
struct Setting {
    relay: Relay,
    /// The heads of requests that the host of files got.
    heads: mpsc::UnboundedReceiver<String>,
}

async fn setting(location: &str, file: &'static str) -> Setting {
    drop(rustls::crypto::ring::default_provider().install_default());
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let api = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let api_address = api.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = api.accept().await {
            exchange(stream, &redirect).await;
        }
    });
    let certified = rcgen::generate_simple_self_signed(vec![FILES.to_owned()]).expect("a certificate");
    let (heads, address) = files(&certified, file).await;
    let certificate = reqwest::Certificate::from_der(certified.cert.der()).expect("a certificate");
    let towards_files = client(WHOLE)
        .tls_certs_only([certificate])
        .resolve(FILES, address)
        .build()
        .expect("a client");
    let base = format!("http://{api_address}/").parse().expect("a URL");
    let bases = HashMap::from([(Service::twilio(), base)]);
    let (key_uses, _) = crate::key_uses::queue(&KeyUseMetrics::default());
    let relay = Relay::new(bases, RelayMetrics::default(), key_uses).expect("a client");
    Setting {
        relay: relay.calling_by(towards_files),
        heads,
    }
}

async fn files(
    certified: &rcgen::CertifiedKey<rcgen::KeyPair>,
    answer: &'static str,
) -> (mpsc::UnboundedReceiver<String>, SocketAddr) {
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .expect("a certificate and its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (heard, heads) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.expect("it trusts the certificate");
            drop(heard.send(exchange(stream, answer).await));
        }
    });
    (heads, address)
}

impl Setting {
    async fn call(&self, method: Method) -> Result<RelayResponse, RelayError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-3"));
        headers.insert("x-of-the-provider", HeaderValue::from_static("something private"));
        let ask = RelayRequest {
            service: Service::twilio(),
            method,
            raw_path: "2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1".to_owned(),
            query: None,
            headers,
            body: None,
        };
        let text = &SecretText::new(KEY.to_owned());
        self.relay
            .call(&claims(&json!({})), ask, RelayKey { text, oauth: false })
            .await
    }
}

#[tokio::test]
async fn a_file_at_a_host_of_the_table_is_fetched_without_the_key() {
    let mut it = setting("https://mms.twiliocdn.com/AC1/ME1?signature=x", FILE).await;
    let answer = it
        .call(Method::GET)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (answer.status, answer.status_with_key),
        (StatusCode::OK, StatusCode::TEMPORARY_REDIRECT)
    );
    assert_eq!(answer.headers.get(REDIRECT), None);
    assert_eq!(answer.body.into_bytes().await.expect("a body"), "RIFF");
    let head = it.heads.recv().await.expect("a request").to_ascii_lowercase();
    assert!(
        head.starts_with("get /ac1/me1?signature=x http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("range: bytes=0-3"), "{head}");
    for private in ["authorization", "auth-token", "x-of-the-provider", "private"] {
        assert!(!head.contains(private), "{head}");
    }
}

#[tokio::test]
async fn what_the_files_host_refuses_says_nothing_of_the_key() {
    let it = setting("https://mms.twiliocdn.com/AC1/ME1", GONE).await;
    let answer = it
        .call(Method::GET)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (answer.status.as_u16(), answer.status_with_key.as_u16()),
        (403, 307)
    );
}

#[tokio::test]
async fn any_other_redirect_is_the_callers_to_follow() {
    for (method, location) in [
        (Method::POST, "https://mms.twiliocdn.com/AC1/ME1"),
        (Method::DELETE, "https://mms.twiliocdn.com/AC1/ME1"),
        (Method::GET, "https://mms.twiliocdn.com:8443/AC1/ME1"),
        (Method::GET, "https://mms.twiliocdn.com.example.org/AC1/ME1"),
        (Method::GET, "https://files.mms.twiliocdn.com/AC1/ME1"),
        (Method::GET, "https://mms.twiliocdn.com@example.org/AC1/ME1"),
    ] {
        let mut it = setting(location, FILE).await;
        let answer = it
            .call(method.clone())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.status.as_u16(), 307, "{method} {location}");
        assert_eq!(answer.headers[REDIRECT], location, "{method} {location}");
        assert!(it.heads.try_recv().is_err(), "{method} {location}");
    }
}

#[tokio::test]
async fn a_redirect_in_clear_or_with_the_key_leads_nowhere() {
    for location in [
        "http://mms.twiliocdn.com/AC1/ME1".to_owned(),
        format!("https://mms.twiliocdn.com/AC1/ME1?as={KEY}"),
    ] {
        let mut it = setting(&location, FILE).await;
        let refused = it.call(Method::GET).await.err();
        assert!(matches!(refused, Some(RelayError::Redirected)), "{location}");
        assert!(it.heads.try_recv().is_err(), "{location}");
    }
}

#[tokio::test]
async fn a_files_host_that_redirects_again_is_not_followed() {
    const AGAIN: &str = "HTTP/1.1 302 Found\r\nlocation: https://mms.twiliocdn.com/elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut it = setting("https://mms.twiliocdn.com/AC1/ME1", AGAIN).await;
    let answer = it
        .call(Method::GET)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status.as_u16(), 302);
    assert_eq!(answer.headers[REDIRECT], "https://mms.twiliocdn.com/elsewhere");
    assert!(it.heads.recv().await.is_some());
    assert!(it.heads.try_recv().is_err());
}

#[tokio::test]
async fn the_address_of_a_file_that_cannot_be_reached_from_here_is_handed_to_the_caller() {
    let mut it = setting("https://mms.twiliocdn.com/AC1/ME1", FILE).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("bound")
    };
    let unreachable = client(WHOLE).resolve(FILES, closed).build().expect("a client");
    it.relay = it.relay.calling_by(unreachable);
    let answer = it
        .call(Method::GET)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status.as_u16(), 307);
    assert_eq!(answer.headers[REDIRECT], "https://mms.twiliocdn.com/AC1/ME1");
}
