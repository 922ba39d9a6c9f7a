//! Serves one connection until its client, its time limits, its place or the service ends it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::Response;
use poem::endpoint::Endpoint;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::registry::{Connection, ConnectionSlot, Phase};
use super::socket::Socket;
use super::{Server, request};

/// Answers the requests of `stream`, one after the other.
pub(super) async fn run<E>(
    server: Arc<Server<E>>,
    stream: TcpStream,
    peer: SocketAddr,
    place: ConnectionSlot,
    mut closed: watch::Receiver<bool>,
) where
    E: Endpoint<Output = Response> + 'static,
{
    let connection = Arc::clone(&place.connection);
    let socket = Socket::new(stream, Arc::clone(&connection), server.limits);
    let service = service_fn(|request| {
        let (server, connection) = (&server, &connection);
        async move { Ok::<_, Infallible>(request::answer(server, connection, peer, request).await) }
    });
    let mut http = pin!(
        http1::Builder::new()
            .max_buf_size(BUFFER)
            .max_header_size(HEAD)
            .serve_connection(TokioIo::new(socket), service)
    );
    let evicted = pin!(connection.evicted());
    tokio::select! {
        // What ends a connection early is the client's affair: a reset, a time limit, a head that can't be read.
        _ = &mut http => {}
        () = evicted => {}
        () = is_closed(&mut closed) => {
            http.as_mut().graceful_shutdown();
            tokio::select! {
                _ = &mut http => {}
                () = half_a_head(&connection) => {}
            }
        }
    }
    server.registry.leave(&place);
}

/// Completes when the service answers no further requests.
async fn is_closed(closed: &mut watch::Receiver<bool>) {
    drop(closed.wait_for(|closed| *closed).await);
}

/// Completes when the client has begun a request that it doesn't finish; nobody waits for it then.
async fn half_a_head(connection: &Connection) {
    loop {
        tokio::time::sleep(PATIENCE).await;
        if connection.phase() == Phase::Head {
            return;
        }
    }
}

/// What hyper buffers of a connection each way.
const BUFFER: usize = 40 << 10;
/// A request's line and headers.
const HEAD: usize = 32 << 10;
const PATIENCE: Duration = Duration::from_secs(1);
