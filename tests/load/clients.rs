//! Clients that ask as fast as they are answered, each on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tests::people::{now, sign};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How many ask at the same time.
pub(crate) const CONNECTIONS: u32 = 16;
/// How long a turn takes.
pub(crate) const TURN: Duration = Duration::from_secs(2);

/// A token of a user's.
pub(crate) fn token(user: &str) -> String {
    let claims = json!({"sub": user, "role": "authenticated", "iat": now(), "exp": now() + 3600});
    format!("Bearer {}", sign(&claims))
}

/// What is asked for, the same by every client: only the user is another, also where the path has `{user}`.
#[derive(Clone)]
pub(crate) struct Asked {
    /// `127.0.0.1:PORT`.
    address: String,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// What an answer is at least long.
    at_least: usize,
}

impl Asked {
    /// A GET of a service's.
    pub(crate) fn get(url: &str, path: &str, at_least: usize) -> Self {
        Self {
            address: url.trim_start_matches("http://").to_owned(),
            method: Method::GET,
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
            at_least,
        }
    }

    /// A POST of JSON.
    pub(crate) fn post(url: &str, path: &str, body: String) -> Self {
        Self {
            method: Method::POST,
            body,
            headers: vec![("content-type", "application/json".to_owned())],
            ..Self::get(url, path, 0)
        }
    }

    /// With one header more.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn request(&self, token: &str) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(&self.method)
            .uri(&self.path)
            .header("host", &self.address)
            .header("authorization", token);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
            .body(Full::new(Bytes::from(self.body.clone())))
            .expect("a request")
    }
}

/// A connection that is kept, for as long as the service keeps it.
pub(crate) struct Connection {
    address: String,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn to(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            sender: connect(address).await,
        }
    }

    /// The status of the answer, and its body.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> (StatusCode, Bytes) {
        if self.sender.ready().await.is_err() {
            self.sender = connect(&self.address).await;
        }
        let answer = self.sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        (
            status,
            answer.into_body().collect().await.expect("a body").to_bytes(),
        )
    }
}

async fn connect(address: &str) -> http1::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("it listens");
    stream.set_nodelay(true).expect("TCP");
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1");
    tokio::spawn(connection);
    sender
}

/// Answers per second over one turn, all of them good ones.
pub(crate) async fn turn(asked: &Asked) -> f64 {
    let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut connections = JoinSet::new();
    let started = Instant::now();
    for user in 1..=CONNECTIONS {
        let (mut asked, over, answers) = (asked.clone(), Arc::clone(&over), Arc::clone(&answers));
        asked.path = asked.path.replace("{user}", &user.to_string());
        connections.spawn(async move {
            let token = token(&format!("user-{user}"));
            let mut connection = Connection::to(&asked.address).await;
            while !over.load(Ordering::Relaxed) {
                let (status, body) = connection.send(asked.request(&token)).await;
                assert!(
                    status.is_success() && body.len() >= asked.at_least,
                    "{} {status}",
                    asked.path
                );
                answers.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(TURN).await;
    over.store(true, Ordering::Relaxed);
    connections.join_all().await;
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    let answers = answers.load(Ordering::Relaxed) as f64;
    answers / started.elapsed().as_secs_f64()
}

/// Medians of turns, taken in rounds, so that a slow moment of the machine is everybody's; the first round only warms up.
pub(crate) async fn rates(asked: &[Asked]) -> Vec<f64> {
    let mut turns = vec![Vec::new(); asked.len()];
    for round in 0..=3 {
        for (asked, turns) in asked.iter().zip(&mut turns) {
            let rate = turn(asked).await;
            if round > 0 {
                turns.push(rate);
            }
        }
    }
    turns.iter_mut().map(|turns| median(turns)).collect()
}

/// The one in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Milliseconds that one request takes while no other is under way, and its status: the median of so many.
pub(crate) async fn latency(url: &str, user: &str, path: &str, times: usize) -> (f64, StatusCode) {
    let asked = Asked::get(url, path, 0);
    let (token, mut connection) = (token(user), Connection::to(&asked.address).await);
    let (mut millis, mut last) = (Vec::new(), StatusCode::OK);
    for _ in 0..times {
        let started = Instant::now();
        let (status, _) = connection.send(asked.request(&token)).await;
        millis.push(started.elapsed().as_secs_f64() * 1000.0);
        last = status;
    }
    (median(&mut millis), last)
}
