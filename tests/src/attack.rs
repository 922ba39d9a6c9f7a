//! Clients that mean no good, many at a time, and what the service holds before, under and after them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::TestDatabase;
use crate::hooks::SETTINGS;
use crate::people::Person;
use crate::process::free_port;
use crate::service::Service;
use crate::usage::Usage;

/// What such a client does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attack {
    /// Connects and says nothing.
    Silence,
    /// Sends the head of a request, byte by byte, without an end.
    HalfHeads,
    /// Announces a body and sends little of it, and then a byte from time to time.
    UnfinishedBodies,
    /// Sends a body byte by byte.
    ByteByByte,
    /// Asks for pages that anybody may have, and doesn't read them.
    UnreadPages,
    /// Asks for a tenant's rows, with a good token, and doesn't read them.
    UnreadRows,
    /// Speaks HTTP/2.
    Http2,
    /// Sends webhooks that prove nothing, in every wrong way.
    JunkWebhooks,
    /// Sends bytes that are no HTTP.
    Noise,
}

impl Attack {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Silence,
        Self::HalfHeads,
        Self::UnfinishedBodies,
        Self::ByteByByte,
        Self::UnreadPages,
        Self::UnreadRows,
        Self::Http2,
        Self::JunkWebhooks,
        Self::Noise,
    ];

    /// One connection, until it is closed. Its errors are the attacker's affair.
    pub async fn connect(self, address: SocketAddr, number: usize) -> std::io::Result<()> {
        let mut stream = self.open(address).await?;
        stream.write_all(&self.opening(number)).await?;
        match self {
            Self::HalfHeads | Self::UnfinishedBodies => loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                stream.write_all(b"x").await?;
            },
            Self::ByteByByte => loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                stream.write_all(b"x").await?;
            },
            Self::UnreadPages | Self::UnreadRows => std::future::pending().await,
            Self::Silence | Self::Http2 | Self::JunkWebhooks | Self::Noise => {
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.map(drop)
            }
        }
    }

    async fn open(self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if self == Self::ByteByByte {
            socket.set_nodelay(true)?;
        }
        if matches!(self, Self::UnreadPages | Self::UnreadRows) {
            // As little as the kernel takes: the rest stays with the service.
            socket.set_recv_buffer_size(2304)?;
        }
        socket.connect(address).await
    }

    /// What it sends first.
    pub(crate) fn opening(self, number: usize) -> Vec<u8> {
        let token = || Person::Alice.token();
        match self {
            Self::Silence => Vec::new(),
            Self::HalfHeads => b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ".to_vec(),
            Self::UnfinishedBodies if number.is_multiple_of(2) => {
                let head = "POST /webhooks/vapi HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n";
                [head.as_bytes(), &vec![b'['; 200_000]].concat()
            }
            Self::UnfinishedBodies => format!(
                "POST /v1/leads HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
                 content-type: application/json\r\ncontent-length: 500000\r\n\r\n{{\"name\":\"",
                token()
            )
            .into_bytes(),
            Self::ByteByByte => {
                b"POST /webhooks/vapi HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n".to_vec()
            }
            Self::UnreadPages => b"GET /docs HTTP/1.1\r\nhost: x\r\n\r\n".repeat(8),
            Self::UnreadRows => format!(
                "GET /v1/leads?limit=200 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
                token()
            )
            .repeat(4)
            .into_bytes(),
            Self::Http2 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            Self::JunkWebhooks => junk_webhook(number).into_bytes(),
            Self::Noise => noise(number),
        }
    }
}

/// One of the wrong ways; the connection ends after it.
fn junk_webhook(number: usize) -> String {
    let key = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    let (path, headers, body) = [
        (
            "/webhooks/twilio",
            "x-twilio-signature: AAAA\r\n",
            "From=%2B1".to_owned(),
        ),
        ("/webhooks/twilio", "", "x".repeat(60_000)),
        (
            "/webhooks/vapi",
            "x-vapi-secret: wrong\r\n",
            "{\"message\":".repeat(2_000),
        ),
        ("/webhooks/make", "x-make-apikey: wrong\r\n", "[".repeat(100_000)),
        ("/webhooks/nobody", "", "{}".to_owned()),
        ("/webhooks/make/KEY", "", "{}".to_owned()),
        (
            "/webhooks/twilio/KEY",
            "content-encoding: gzip\r\n",
            "\u{1f}\u{fffd}".repeat(500),
        ),
    ][number % 7]
        .clone();
    let path = path.replace("KEY", key);
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Bytes that look random, and end as no head does.
fn noise(number: usize) -> Vec<u8> {
    let mut state = number as u64;
    let byte = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..2_000).map(byte).chain(*b"\r\n\r\n").collect()
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Connections at the same time; each that ends is followed by another.
    pub attackers: usize,
    /// For how long.
    pub lasts: Duration,
    /// How long afterwards the service may take until it is as before.
    pub recovers: Duration,
}

/// What one attack did to the service.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// Idle, after as much of the same: what the allocator was given once it keeps.
    pub before: Usage,
    /// The most at any moment of the attack.
    pub under: Usage,
    /// As soon as it was back, or else at the end of the time for it.
    pub after: Usage,
    /// Percent of a core, under the attack and after it.
    pub load: (f64, f64),
    /// From the end of the attack to `after`.
    pub recovered_after: Duration,
    /// How long `/health` took to answer at most, under the attack.
    pub slowest: Duration,
    /// How often `/health` wasn't answered in time, under the attack.
    pub unanswered: usize,
    /// Connections that were opened.
    pub connections: usize,
}

/// A service that waits as little as it can be told to, on a database whose rows are worth reading.
pub async fn target() -> (Service, TestDatabase) {
    let database = TestDatabase::new().await.with_rows().await;
    let rows = "insert into leads (user_id, name, phone, status, source, ai_summary)
                select $1, 'Lead ' || n, '+1401' || n, 'new', 'Voice', repeat('x', 5000) from generate_series(1, 200) n";
    let superuser = database.superuser().await;
    superuser
        .execute(rows, &[&Person::Alice.id()])
        .await
        .expect("a superuser may");
    let mut settings = SETTINGS.to_vec();
    settings.extend([
        ("REQUEST_TIMEOUT", "2s"),
        ("STATEMENT_TIMEOUT", "1s"),
        ("LOG", "error"),
        // Connections to the database are made on demand: so few that they are there after the warm-up.
        ("POOL_SIZE", "2"),
    ]);
    // Where it listens is in its log otherwise, and what is logged of each attacker would be measured with it.
    let address = format!("127.0.0.1:{}", free_port());
    settings.push(("LISTEN", &address));
    let service = Service::with(&database.login_url(), &settings).await;
    (service, database)
}

/// Attacks to warm up, and to measure; again if more is held afterwards: what leaks grows every time, what an allocator
/// keeps doesn't.
pub async fn run(service: &Service, attack: Attack, size: Size) -> Effect {
    storm(service, attack, size).await;
    tokio::time::sleep(REST).await;
    let mut effect = once(service, attack, size).await;
    for _ in 0..ROUNDS {
        if effect.after.is_back_at(&effect.before) {
            break;
        }
        effect = once(service, attack, size).await;
    }
    effect
}

const ROUNDS: usize = 4;

async fn once(service: &Service, attack: Attack, size: Size) -> Effect {
    let before = Usage::of(&service.process);
    let began = Instant::now();
    let met = storm(service, attack, size).await;
    let under_load = met.most.load_since(&before, began.elapsed());
    let ended = Instant::now();
    let mut after = rest(service).await;
    while !after.0.is_back_at(&before) && ended.elapsed() < size.recovers {
        after = rest(service).await;
    }
    Effect {
        before,
        under: met.most,
        after: after.0,
        load: (under_load, after.1),
        recovered_after: ended.elapsed(),
        slowest: met.slowest,
        unanswered: met.unanswered,
        connections: met.connections,
    }
}

/// What is used after a while without clients, and percent of a core in it.
pub(crate) async fn rest(service: &Service) -> (Usage, f64) {
    let (began, before) = (Instant::now(), Usage::of(&service.process));
    tokio::time::sleep(REST).await;
    let usage = Usage::of(&service.process);
    (usage, usage.load_since(&before, began.elapsed()))
}

const REST: Duration = Duration::from_secs(2);

/// What was met in one attack; [`Effect`] says what each is.
struct Met {
    most: Usage,
    slowest: Duration,
    unanswered: usize,
    connections: usize,
}

async fn storm(service: &Service, attack: Attack, size: Size) -> Met {
    let address: SocketAddr = service
        .url
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let mut attackers = JoinSet::new();
    for number in 0..size.attackers {
        attackers.spawn(async move {
            let began = Instant::now();
            let mut connections = 0;
            while let Some(left) = size.lasts.checked_sub(began.elapsed()) {
                connections += 1;
                let one = attack.connect(address, number + connections);
                drop(tokio::time::timeout(left, one).await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            connections
        });
    }
    // As a monitor asks: by a connection of its own. One that is kept open may be closed for the attackers' sake
    // just as it is used again.
    let monitor = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .timeout(PATIENCE)
        .build();
    let monitor = monitor.expect("a client");
    let began = Instant::now();
    let mut most = Usage::of(&service.process);
    let (mut slowest, mut unanswered) = (Duration::ZERO, 0);
    while began.elapsed() < size.lasts {
        let asked = Instant::now();
        let health = monitor.get(format!("{}/health", service.url));
        let is_well = health.send().await.is_ok_and(|answer| answer.status() == 200);
        unanswered += usize::from(!is_well);
        slowest = slowest.max(asked.elapsed());
        let now = Usage::of(&service.process);
        most.resident = most.resident.max(now.resident);
        most.descriptors = most.descriptors.max(now.descriptors);
        most.cpu = now.cpu;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let connections = attackers.join_all().await.into_iter().sum();
    Met {
        most,
        slowest,
        unanswered,
        connections,
    }
}

/// How long somebody who means well waits for `/health`.
const PATIENCE: Duration = Duration::from_secs(5);
