//! A tenant's receiver of events, on loopback: it records what arrives and answers as its path says, also badly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::process::until;

/// An event as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The path that it came in on.
    pub path: String,
    /// The headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// What it was answered; 0 for nothing.
    pub answered: u16,
}

impl Arrived {
    /// The header `webhook-id`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// What a receiver says who talks.
pub const SAID: &str = "what-the-receiver-said";

/// A running receiver; it stops with its test's runtime. What follows the first part of a path is the test's:
///
/// | path | answers |
/// |---|---|
/// | `/takes/…` | 204 |
/// | `/answers/STATUS/…` | that status |
/// | `/second/…` | 500 to the first attempt of each event, then 200 |
/// | `/busy/…` | 503 with `Retry-After: 3600` |
/// | `/floods/…` | 200 with a body of 2 MB |
/// | `/closes/…` | nothing: it closes the connection |
/// | `/talks/…` | 500, and [`SAID`] in a header and in its body |
/// | `/hangs/…` | nothing, for ever |
/// | `/late/…` | 200 once the test says so |
/// | `/mixed/…` | by the event's id and how often it came: takes, 500, closes, floods, or takes after a while |
/// | `/wild/…` | the same, and of one in 256 it never answers the first attempt |
pub struct EventReceiver {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    arrived: Mutex<Vec<Arrived>>,
    /// How often each event has come.
    seen: Mutex<BTreeMap<String, usize>>,
    released: tokio::sync::Notify,
}

impl EventReceiver {
    /// On a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has free ports");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Self { url, shared }
    }

    /// Everything that has arrived, in its order.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared
            .arrived
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How much has arrived.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared
            .arrived
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// What has arrived on a path.
    #[must_use]
    pub fn on(&self, path: &str) -> Vec<Arrived> {
        let mut arrived = self.arrived();
        arrived.retain(|event| event.path == path);
        arrived
    }

    /// Waits until so many have arrived on a path, and returns them.
    pub async fn until(&self, path: &str, events: usize) -> Vec<Arrived> {
        until(async || self.on(path).len() >= events).await;
        self.on(path)
    }

    /// Lets those on `/late/…` have their answers.
    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }
}

/// Takes events from one connection, one after the other.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some((path, headers, body)) = request(&mut read).await {
        let released = shared.released.notified();
        let id = headers.get("webhook-id").cloned().unwrap_or_default();
        let before = {
            let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let times = seen.entry(id.clone()).or_default();
            *times += 1;
            *times - 1
        };
        let manner = manner(&path, &id, before);
        let (answered, whole) = answer(manner, &path, before);
        shared
            .arrived
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arrived {
                path: path.clone(),
                headers,
                body,
                answered,
            });
        match manner {
            "late" => released.await,
            "dawdles" => tokio::time::sleep(Duration::from_millis(200)).await,
            "hangs" => return hang(read, write).await,
            _ => {}
        }
        if answered == 0 || write.write_all(&whole).await.is_err() {
            return;
        }
    }
}

/// Until the sender gives up.
async fn hang(mut read: BufReader<OwnedReadHalf>, write: OwnedWriteHalf) {
    let mut rest = Vec::new();
    drop(read.read_to_end(&mut rest).await);
    drop(write);
}

/// How the receiver behaves: the first part of a path, or what that stands for at this attempt.
fn manner<'a>(path: &'a str, id: &str, before: usize) -> &'a str {
    let word = path.split('/').nth(1).unwrap_or_default();
    match word {
        "wild" if before == 0 && id.starts_with("00") => "hangs",
        // Every event comes through at its third attempt, if not before.
        "mixed" | "wild" if before < 2 => {
            let manners = ["fails", "closes", "floods", "dawdles", "takes"];
            manners[id.bytes().map(usize::from).sum::<usize>() % manners.len()]
        }
        "mixed" | "wild" => "takes",
        word => word,
    }
}

/// The status of an answer and all of it.
fn answer(manner: &str, path: &str, before: usize) -> (u16, Vec<u8>) {
    let short = |status: u16| {
        let whole = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 5\r\n\r\nheard");
        (status, whole.into_bytes())
    };
    let flood = || {
        let mut whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n".to_vec();
        whole.resize(whole.len() + 2_000_000, b'x');
        (200, whole)
    };
    let none = || (0, Vec::new());
    match manner {
        "answers" => {
            let status = path.split('/').nth(2).and_then(|word| word.parse().ok());
            short(status.expect("a status"))
        }
        "second" if before == 0 => short(500),
        "fails" => short(500),
        "busy" => (
            503,
            b"HTTP/1.1 503 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n".to_vec(),
        ),
        "talks" => {
            let length = SAID.len();
            let whole =
                format!("HTTP/1.1 500 Talk\r\nx-said: {SAID}\r\ncontent-length: {length}\r\n\r\n{SAID}");
            (500, whole.into_bytes())
        }
        "floods" => flood(),
        "closes" | "hangs" => none(),
        "takes" => (204, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        _ => short(200),
    }
}

async fn request(read: &mut BufReader<OwnedReadHalf>) -> Option<(String, BTreeMap<String, String>, String)> {
    let mut line = String::new();
    read.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        read.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    read.read_exact(&mut body).await.ok()?;
    Some((path, headers, String::from_utf8(body).ok()?))
}
