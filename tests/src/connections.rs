//! Connections opened and dropped in every shape, many thousands, and what the service keeps of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::attack::{Attack, rest};
use crate::service::Service;
use crate::usage::Usage;

/// Clients at the same time, each from an address of its own.
const CLIENTS: u8 = 64;
/// How long one waits for what may not come.
const WAIT: Duration = Duration::from_millis(100);
/// How long the service may take until it is as before.
const RECOVERS: Duration = Duration::from_secs(30);

/// How a client ends a connection.
#[derive(Clone, Copy)]
enum End {
    /// Closes it at once.
    Close,
    /// Has the kernel reset it.
    Reset,
    /// Says that it has said everything, and reads.
    HalfClose,
    /// Reads for a while, and goes away.
    Read,
}

const ENDS: [End; 4] = [End::Close, End::Reset, End::HalfClose, End::Read];

/// All attacks but the one that keeps the database busy: this is about connections.
const SHAPES: [Attack; 7] = [
    Attack::Silence,
    Attack::HalfHeads,
    Attack::UnfinishedBodies,
    Attack::UnreadPages,
    Attack::Http2,
    Attack::JunkWebhooks,
    Attack::Noise,
];

/// The service before and after.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// Idle, after the first tenth of them.
    pub before: Usage,
    /// Idle, after all.
    pub after: Usage,
}

/// Opens and drops so many; `progress` is told after each tenth of them.
pub async fn run(service: &Service, connections: usize, mut progress: impl FnMut(usize, Usage)) -> Effect {
    let address: SocketAddr = service
        .url
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let tenth = connections / 10;
    some(address, 0..tenth).await;
    let before = settled(service).await;
    progress(tenth, before);
    for done in 1..10 {
        some(address, done * tenth..(done + 1) * tenth).await;
        progress((done + 1) * tenth, Usage::of(&service.process));
    }
    let began = tokio::time::Instant::now();
    let mut after = settled(service).await;
    while !after.is_back_at(&before) && began.elapsed() < RECOVERS {
        after = settled(service).await;
    }
    Effect { before, after }
}

/// What is used once the last client's end has been noticed.
async fn settled(service: &Service) -> Usage {
    let (mut before, _) = rest(service).await;
    loop {
        let (now, _) = rest(service).await;
        if now.descriptors >= before.descriptors {
            return now;
        }
        before = now;
    }
}

async fn some(address: SocketAddr, numbers: std::ops::Range<usize>) {
    let next = Arc::new(AtomicUsize::new(numbers.start));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let next = Arc::clone(&next);
        clients.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    return;
                }
                // Its errors are the client's affair.
                drop(one(address, client, number).await);
            }
        });
    }
    clients.join_all().await;
}

async fn one(address: SocketAddr, client: u8, number: usize) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 1, client + 1), 0).into())?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(&opening(number)).await?;
    match ENDS[number % ENDS.len()] {
        End::Close => Ok(()),
        End::Reset => stream.set_zero_linger(),
        End::HalfClose => {
            stream.shutdown().await?;
            read(&mut stream).await
        }
        End::Read => read(&mut stream).await,
    }
}

/// What some attack begins with, or a good client.
fn opening(number: usize) -> Vec<u8> {
    match SHAPES.get(number / ENDS.len() % (SHAPES.len() + 1)) {
        Some(attack) => attack.opening(number),
        None => b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
    }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut answer = [0; 4096];
    match tokio::time::timeout(WAIT, stream.read(&mut answer)).await {
        Ok(read) => read.map(drop),
        Err(_) => Ok(()),
    }
}
