//! Serves HTTP/1.1 on a socket, so that no client can hold the service's memory, descriptors or time.
//!
//! ```text
//! mod.rs: accept ─► registry.rs: a place among the connections, or the longest waiting one makes room
//!                    └► connection.rs: hyper ─► request.rs: one request, one answer ─► the application
//!                        └ socket.rs: time limits for head, silence and unread answers
//! ```
//!
//! HTTP/2 ends at the proxy in front: in clear no browser speaks it, and its streams would need a second set of bounds.

mod body;
mod connection;
mod descriptors;
mod refusal;
mod registry;
mod request;
mod socket;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poem::Response;
use poem::endpoint::Endpoint;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use body::BodyBudget;
pub(crate) use body::{BodyPending, BudgetExhausted, SharedBytes};
pub(crate) use descriptors::connections;
pub(crate) use registry::ConnectionMetrics;
use registry::Registry;

/// How much clients may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at the same time.
    pub(crate) connections: usize,
    /// Connections of one address at the same time; a proxy in front is one address.
    pub(crate) connections_per_address: usize,
    /// From the first byte of a request's head to its last.
    pub(crate) head: Duration,
    /// Silence between requests. Longer than load balancers keep a connection that they don't use.
    pub(crate) idle: Duration,
    /// How long a client may not take any of its answer.
    pub(crate) write: Duration,
}

/// Told to everything that has to know that the service is about to stop.
#[derive(Clone, Default)]
pub(crate) struct Draining(Arc<AtomicBool>);

impl Draining {
    /// Whether requests should go elsewhere from now on.
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How the service stops.
pub(crate) struct Shutdown<S, A> {
    /// Completes when the service is told to stop.
    pub(crate) stop: S,
    /// Called when it begins to drain: completes when it is told to stop again, which ends the draining.
    pub(crate) again: A,
    /// How long everything is still served, with `/ready` answering 503, so that a load balancer can notice.
    pub(crate) drain: Duration,
    /// How long requests under way may then go on.
    pub(crate) grace: Duration,
}

/// Answers on `listener` with `app` until it is told to stop and everything under way has been answered.
pub(crate) async fn serve<E, A>(
    listener: TcpListener,
    app: E,
    limits: Limits,
    metrics: ConnectionMetrics,
    draining: Draining,
    shutdown: Shutdown<impl Future<Output = ()>, impl FnOnce() -> A>,
) where
    E: Endpoint<Output = Response> + 'static,
    A: Future<Output = ()>,
{
    let (closing, closed) = watch::channel(false);
    let server = Arc::new(Server {
        app,
        limits,
        registry: Registry::new(limits.connections, limits.connections_per_address, metrics),
        memory: BodyBudget::new(),
        draining: draining.clone(),
    });
    let told_to_stop = async {
        shutdown.stop.await;
        draining.begin();
        tracing::info!(drain_seconds = shutdown.drain.as_secs_f32(), "draining");
        tokio::select! {
            () = tokio::time::sleep(shutdown.drain) => {}
            () = (shutdown.again)() => {}
        }
    };
    tokio::select! {
        () = accept(&listener, &server, &closed) => {}
        () = told_to_stop => {}
    }
    tracing::info!(connections = server.registry.open(), "graceful shutdown");
    drop(listener);
    drop(closed);
    closing.send_replace(true);
    // The connections hold the other ends.
    if tokio::time::timeout(shutdown.grace, closing.closed())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = server.registry.open(),
            "requests that take too long are cut off"
        );
    }
}

/// What all connections share.
struct Server<E> {
    app: E,
    limits: Limits,
    registry: Registry,
    memory: BodyBudget,
    draining: Draining,
}

/// Takes connections for ever.
async fn accept<E>(listener: &TcpListener, server: &Arc<Server<E>>, closed: &watch::Receiver<bool>)
where
    E: Endpoint<Output = Response> + 'static,
{
    let mut pause = SHORTEST_PAUSE;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                pause = SHORTEST_PAUSE;
                let Some(place) = server.registry.enter(peer.ip()).await else {
                    continue; // Everyone else is being served: this one is closed.
                };
                prepare(&stream);
                tokio::spawn(connection::run(
                    Arc::clone(server),
                    stream,
                    peer,
                    place,
                    closed.clone(),
                ));
            }
            // The client went away before it was its turn.
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                // Without descriptors `accept` fails at once, again and again.
                tracing::error!(%error, pause_ms = pause.as_millis(), "no connection can be accepted");
                server.registry.metrics().accept_failed();
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn prepare(stream: &TcpStream) {
    // Answers are written whole; waiting for more to send would only delay them. A refusal changes speed alone.
    drop(stream.set_nodelay(true));
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
