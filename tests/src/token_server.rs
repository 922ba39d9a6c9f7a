//! A provider that says what it is told to: its token address gives the next of the answers that a test has prepared, its API
//! takes the access tokens that the test names. For what real providers do and no library would.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use poem::http::StatusCode;
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Endpoint, Request, Response, Server};
use serde_json::Value;

use crate::provider::Seen;

#[derive(Default)]
struct State {
    answers: VecDeque<(u16, Value)>,
    taken: BTreeSet<String>,
    seen: Vec<Seen>,
}

/// A running provider; it stops with its test's runtime.
pub struct TokenServer {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    state: Arc<Mutex<State>>,
}

struct Answers(Arc<Mutex<State>>);

impl Endpoint for Answers {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_string().await.unwrap_or_default();
        let target = request.original_uri().to_string();
        let text = |value: &poem::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: BTreeMap<_, _> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        let sent: Vec<_> = ["authorization", "x-api-token"]
            .iter()
            .filter_map(|name| headers.get(*name).cloned())
            .collect();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen.push(Seen {
            method: request.method().to_string(),
            target: target.clone(),
            headers,
            body: body.clone(),
        });
        let answer = if target.ends_with("/revoke") {
            (200, Value::Null)
        } else if target.ends_with("/token") {
            state
                .answers
                .pop_front()
                .expect("the test has prepared an answer")
        } else if sent.iter().any(|sent| state.taken.contains(sent)) {
            (200, body.into())
        } else {
            (401, Value::Null)
        };
        let status = StatusCode::from_u16(answer.0).expect("a status");
        Ok(Response::builder()
            .status(status)
            .content_type("application/json")
            .body(answer.1.to_string()))
    }
}

impl TokenServer {
    /// On a free port, with nothing prepared.
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .expect("loopback has free ports");
        let address = acceptor.local_addr()[0].to_string();
        let state = Arc::default();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(Answers(Arc::clone(&state))));
        Self {
            url: address.replace("socket://", "http://"),
            state,
        }
    }

    /// Prepares what the token address answers next, after what was prepared before.
    pub fn answers(&self, status: u16, answer: Value) {
        self.state().answers.push_back((status, answer));
    }

    /// The API takes these values of `Authorization`, and no others.
    pub fn takes(&self, sent: &[&str]) {
        self.state().taken = sent.iter().map(|sent| (*sent).to_owned()).collect();
    }

    /// Everything that has reached it so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
