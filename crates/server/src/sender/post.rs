//! Posts a signed event: over TLS to a public address, to nobody that the receiver sends us on to, for a bounded time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::receiver_url::is_loopback;
use super::schedule::retry_after;
use crate::relay::{Reach, one_tenants_client};

/// For a whole attempt, its answer included.
const WHOLE: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read; the connection of a longer one is closed.
const LARGEST: usize = 1024 * 1024;
/// Bytes of an answer that its tenant may read.
const SHOWN: usize = 2048;
/// For how long after its last event a tenant's client is kept.
const KEPT: Duration = Duration::from_mins(1);

/// A signed event. No `Debug`: it holds a row.
pub(super) struct Message<'a> {
    pub(super) user_id: &'a str,
    pub(super) url: &'a Url,
    pub(super) id: &'a str,
    /// Seconds since 1970, as it was signed.
    pub(super) timestamp: i64,
    pub(super) signature: &'a str,
    pub(super) body: Vec<u8>,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Answered {
    /// None: there was no answer, and `error` says why.
    pub(super) status: Option<StatusCode>,
    pub(super) error: Option<String>,
    /// How the answer begins.
    pub(super) beginning: String,
    /// For how long the receiver wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl Answered {
    /// There was no answer.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self {
            status: None,
            error: Some(error.into()),
            beginning: String::new(),
            retry_after: None,
        }
    }
}

/// Posts events. Connections are used again, but never one tenant's for another's.
pub(super) struct Poster {
    tls: rustls::ClientConfig,
    clients: Mutex<HashMap<(String, bool), Kept>>,
}

struct Kept {
    client: Client,
    used: Instant,
}

impl Poster {
    pub(super) fn new() -> Result<Self, rustls::Error> {
        // No provider is built in; a second installation is refused and harmless.
        drop(rustls::crypto::ring::default_provider().install_default());
        // Once for all tenants: reading the machine's certificates takes milliseconds.
        let tls = rustls::ClientConfig::builder()
            .with_platform_verifier()?
            .with_no_client_auth();
        Ok(Self {
            tls,
            clients: Mutex::default(),
        })
    }

    /// Posts an event and reads how the answer begins.
    pub(super) async fn post(&self, message: Message<'_>, clock: impl Fn() -> DateTime<Utc>) -> Answered {
        let Ok(client) = self.client(message.user_id, message.url) else {
            return Answered::failed("TLS can't be set up");
        };
        let Some(headers) = headers(&message) else {
            return Answered::failed("it can't be signed");
        };
        let request = client
            .post(message.url.clone())
            .headers(headers)
            .body(message.body);
        match request.send().await {
            Ok(answer) => answered(answer, clock()).await,
            Err(error) => Answered::failed(reason(&error)),
        }
    }

    fn client(&self, user_id: &str, url: &Url) -> Result<Client, reqwest::Error> {
        let local = url.scheme() == "http" && is_loopback(url);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let used = Instant::now();
        let key = (user_id.to_owned(), local);
        if let Some(kept) = clients.get_mut(&key) {
            kept.used = used;
            return Ok(kept.client.clone());
        }
        clients.retain(|_, kept| used.duration_since(kept.used) < KEPT);
        let reach = if local { Reach::Anywhere } else { Reach::Public };
        let client = one_tenants_client(reach, WHOLE, self.tls.clone())?;
        let kept = Kept {
            client: client.clone(),
            used,
        };
        clients.insert(key, kept);
        Ok(client)
    }
}

fn headers(message: &Message<'_>) -> Option<HeaderMap> {
    let timestamp = HeaderValue::from(message.timestamp);
    let json = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, json);
    headers.insert("webhook-id", HeaderValue::from_str(message.id).ok()?);
    headers.insert("webhook-timestamp", timestamp);
    headers.insert(
        "webhook-signature",
        HeaderValue::from_str(message.signature).ok()?,
    );
    Some(headers)
}

async fn answered(mut answer: reqwest::Response, now: DateTime<Utc>) -> Answered {
    let status = answer.status();
    let asked = answer.headers().get(RETRY_AFTER);
    let asked = asked.and_then(|value| retry_after(value.to_str().ok()?, now));
    let (mut beginning, mut size) = (Vec::new(), 0);
    // The status is the answer: what breaks off or takes too long after it is merely not shown.
    while let Ok(Some(piece)) = answer.chunk().await {
        size += piece.len();
        let room = SHOWN - beginning.len();
        beginning.extend_from_slice(&piece[..piece.len().min(room)]);
        if size > LARGEST {
            break;
        }
    }
    Answered {
        status: Some(status),
        error: None,
        // Postgres' texts hold no NUL.
        beginning: String::from_utf8_lossy(&beginning).replace('\0', "\u{fffd}"),
        retry_after: asked,
    }
}

/// By kind only: reqwest's text quotes the URL, whose path is often the receiver's only secret.
fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection: the name leads to no public address, nobody listens there, or TLS fails"
    } else {
        "the connection broke off before there was an answer"
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every request with this, or closes the connection if that is nothing; counts connections.
    async fn receiver(answer: Vec<u8>) -> (Url, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) && !answer.is_empty() {
                        stream.write_all(&answer).await.ok();
                        if answer.starts_with(b"HTTP/1.0") {
                            return;
                        }
                    }
                });
            }
        });
        (Url::parse(&url).unwrap(), connections)
    }

    async fn post(url: &Url) -> Answered {
        let poster = Poster::new().unwrap();
        post_as(&poster, "alice", url).await
    }

    async fn post_as(poster: &Poster, user_id: &str, url: &Url) -> Answered {
        let message = Message {
            user_id,
            url,
            id: "e1",
            timestamp: 1_614_265_330,
            signature: "v1,AAAA",
            body: b"{}".to_vec(),
        };
        poster
            .post(message, || "2026-11-29T03:00:00Z".parse().unwrap())
            .await
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_nobody_goes_there() {
        let head =
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let (url, _) = receiver(head.to_vec()).await;
        let answered = post(&url).await;
        assert_eq!(
            answered.status,
            Some(StatusCode::TEMPORARY_REDIRECT),
            "{answered:?}"
        );
    }

    #[tokio::test]
    async fn of_a_long_answer_the_beginning_is_kept_and_the_status_counts() {
        let mut answer = b"HTTP/1.1 200 OK\r\nretry-after: 7\r\ncontent-length: 9000000\r\n\r\n\0".to_vec();
        answer.resize(2 * LARGEST, b'x');
        let (url, _) = receiver(answer).await;
        let answered = post(&url).await;
        assert_eq!(answered.status, Some(StatusCode::OK));
        assert_eq!(answered.beginning.chars().count(), SHOWN);
        assert!(answered.beginning.starts_with("\u{fffd}xxx"));
        assert_eq!(answered.retry_after, Some(Duration::from_secs(7)));
    }

    #[tokio::test]
    async fn a_receiver_that_closes_early_has_not_answered() {
        let (url, _) = receiver(Vec::new()).await;
        let answered = post(&url).await;
        assert_eq!(answered.status, None);
        assert_eq!(
            answered.error.as_deref(),
            Some("the connection broke off before there was an answer")
        );
        // What breaks off after its status has answered.
        let (url, _) = receiver(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
        assert_eq!(post(&url).await.status, Some(StatusCode::NO_CONTENT));
    }

    #[tokio::test]
    async fn answers_of_every_kind_are_read_for_what_they_say() {
        let endless = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n100000\r\n{0}\r\n100000\r\n{0}\r\n",
            "x".repeat(LARGEST)
        );
        for (answer, status, shown) in [
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", Some(200), 13),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
                Some(204),
                0,
            ),
            // Another protocol is no receiver's answer.
            (
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
                Some(101),
                0,
            ),
            (endless.as_str(), Some(200), SHOWN),
            ("SSH-2.0-OpenSSH_9.2\r\n\r\n", None, 0),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nno",
                None,
                0,
            ),
        ] {
            let (url, _) = receiver(answer.as_bytes().to_vec()).await;
            let answered = post(&url).await;
            let head = answer.lines().next().unwrap();
            assert_eq!(answered.status.map(|status| status.as_u16()), status, "{head}");
            assert_eq!(answered.beginning.len(), shown, "{head}");
            assert_eq!(answered.error.is_none(), status.is_some(), "{head}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_never_ends_is_what_its_status_says() {
        let endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
        let (url, _) = receiver(endless.to_vec()).await;
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        let answered = post(&url).await;
        assert_eq!(answered.status, Some(StatusCode::OK), "{answered:?}");
        assert_eq!(answered.beginning, "ok");
        assert!(began.elapsed() <= WHOLE + Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_receiver_without_a_certificate_that_is_trusted_is_sent_nothing() {
        let poster = Poster::new().unwrap();
        let anywhere = one_tenants_client(Reach::Anywhere, WHOLE, poster.tls.clone()).unwrap();
        let kept = Kept {
            client: anywhere,
            used: Instant::now(),
        };
        let of = ("alice".to_owned(), false);
        poster.clients.lock().unwrap().insert(of, kept);
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let url = Url::parse(&url).unwrap();
        let accepting = async {
            let (stream, _) = listener.accept().await.unwrap();
            acceptor.accept(stream).await.is_ok()
        };
        let (answered, trusted) = tokio::join!(post_as(&poster, "alice", &url), accepting);
        assert!(
            answered
                .error
                .is_some_and(|error| error.starts_with("no connection"))
        );
        assert!(!trusted, "it was told so before there was anything to read");
    }

    #[tokio::test]
    async fn a_receiver_that_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        // The kernel takes the connection; nobody ever reads. Time passes when nothing else happens.
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        let answered = post(&url).await;
        assert_eq!(answered.error.as_deref(), Some("no answer in time"));
        assert!(began.elapsed() <= WHOLE + Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_called() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = Url::parse(&format!("https://localhost:{port}/")).unwrap();
        let called = tokio::select! {
            answered = post(&url) => answered.error,
            _ = listener.accept() => None,
        };
        assert!(called.is_some_and(|error| error.starts_with("no connection")));
    }

    #[tokio::test]
    async fn a_connection_is_used_again_by_the_same_tenant_and_by_no_other() {
        let (url, connections) = receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        let poster = Poster::new().unwrap();
        for (user_id, made) in [("alice", 1), ("alice", 1), ("bob", 2), ("alice", 2)] {
            assert_eq!(post_as(&poster, user_id, &url).await.status, Some(StatusCode::OK));
            assert_eq!(connections.load(Ordering::Relaxed), made);
        }
    }
}
