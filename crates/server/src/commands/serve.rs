//! `mako serve`: the service alone, from the environment.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use store::{Fallback, ReplicaMonitor, Store};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Failure;
use crate::config::{Config, Environment};
use crate::http::server::{self, Draining, Limits, Shutdown};
use crate::otlp::Export;
use crate::proof::{ProofState, RequiredProof};
use crate::receiver::BackgroundWorker;
use crate::sender::{PLACES, SenderWorker};

/// Serves until SIGINT or SIGTERM; then for `DRAIN_TIME` more, and lets running requests finish.
pub(crate) async fn run(options: crate::cli::Serve) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    let log = environment.log()?;
    let export = log.collector.as_ref().map(Export::to).transpose()?;
    crate::log::start_with_export(&log, export.as_ref());
    let config = environment.serve()?;
    let required = options
        .require_proof
        .map(|file| RequiredProof::new(file, config.target.clone()));
    if let Some(required) = &required {
        let unproven = |error| format!("--require-proof {}: {error}", required.file().display());
        required.check().await.map_err(unproven)?;
    }
    let drain = config.drain_time;
    let stop = stop_signal()?;
    let mut service = Service::bind(config).await?;
    let checking = required.map(|required| required.keep_checking(options.recheck, options.on_drift));
    // Ends with this function.
    let (proof, _checks) = checking.unwrap_or_default();
    service.proof = proof;
    tracing::info!(address = %service.address, "serving");
    service.until(stop, drain, GRACE).await?;
    Ok(ExitCode::SUCCESS)
}

/// How long running requests may go on after a signal.
const GRACE: Duration = Duration::from_secs(20);

/// How long a client may leave its answer unread.
const UNREAD: Duration = Duration::from_secs(30);

/// A connection may be silent for so many times `REQUEST_TIMEOUT`: 75 s by default, more than load balancers keep one
/// that they don't use.
const SILENCE: u32 = 5;

/// How often the database is told again what it couldn't be told.
const RETRY: Duration = Duration::from_secs(1);

/// The service on its socket, not yet answering.
pub(crate) struct Service {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    listener: TcpListener,
    store: Arc<Store>,
    config: Config,
    _trusting: Trusting,
    _replica_monitor: Option<ReplicaMonitor>,
    proof: ProofState,
}

/// Has the database trust the apps that `THIRD_PARTY_CLIENTS` names, as soon as it can be told; stops when dropped.
struct Trusting {
    _retries: JoinSet<()>,
}

impl Trusting {
    async fn now(store: &Arc<Store>, clients: Vec<String>) -> Self {
        match store.trust_clients(&clients).await {
            Ok(()) => Self {
                _retries: JoinSet::new(),
            },
            Err(error) => {
                tracing::warn!(%error, "THIRD_PARTY_CLIENTS can't be written to the database yet");
                Self::later(store, clients)
            }
        }
    }

    fn later(store: &Arc<Store>, clients: Vec<String>) -> Self {
        let mut retries = JoinSet::new();
        let store = Arc::clone(store);
        retries.spawn(async move {
            loop {
                tokio::time::sleep(RETRY).await;
                if store.trust_clients(&clients).await.is_ok() {
                    return;
                }
            }
        });
        Self { _retries: retries }
    }
}

impl Service {
    /// Takes the socket, and refuses a database login that must not serve tenants.
    pub(crate) async fn bind(config: Config) -> Result<Self, Failure> {
        let store = Arc::new(open_store(&config)?);
        let clients = config.authorization.trusted_clients.iter().cloned().collect();
        let trusting = match store.readiness().await {
            Err(error @ store::Error::UnsafeLogin(_)) => return Err(error.into()),
            // Not there yet, or not migrated yet: /ready says so until it is, and requests get 503.
            Err(error) => {
                tracing::warn!(error = %error, "the database is not ready");
                Trusting::later(&store, clients)
            }
            Ok(_) => Trusting::now(&store, clients).await,
        };
        let replica_monitor = watch_replica(&store).await?;
        let unusable = |error| format!("LISTEN: {} can't be listened on: {error}", config.listen);
        let listener = TcpListener::bind(config.listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        Ok(Self {
            address,
            listener,
            store,
            config,
            _trusting: trusting,
            _replica_monitor: replica_monitor,
            proof: ProofState::default(),
        })
    }

    /// Answers until `stop` is there, then for `drain` or until a second signal, and then for at most `grace`
    /// what has been asked before.
    pub(crate) async fn until(
        mut self,
        stop: impl Future<Output = ()>,
        drain: Duration,
        grace: Duration,
    ) -> Result<(), Failure> {
        let pools = 1 + usize::from(self.config.replica.is_some());
        let own_connections = pools * self.config.store.pool_size + PLACES;
        self.config.max_connections = server::connections(self.config.max_connections, own_connections);
        let limits = Limits {
            connections: self.config.max_connections,
            connections_per_address: self.config.max_connections_per_address,
            head: self.config.request_timeout,
            idle: self.config.request_timeout * SILENCE,
            write: UNREAD,
        };
        let retention_days = self.config.webhooks.retention_days;
        let draining = Draining::default();
        let app = crate::app::app(&self.store, self.config, self.address, &draining, &self.proof)?;
        let _background_worker = BackgroundWorker::start(&app.receiver, retention_days);
        let key_use_writer = app.key_use_queue.write_to(self.store);
        let sender_worker = SenderWorker::start(&app.sender, retention_days);
        let stop = async {
            stop.await;
            sender_worker.stop();
        };
        let shutdown = Shutdown {
            stop,
            again: second_signal,
            drain,
            grace,
        };
        server::serve(
            self.listener,
            app.endpoint,
            limits,
            app.connections,
            draining,
            shutdown,
        )
        .await;
        key_use_writer.finish().await;
        sender_worker.finish(drain + grace).await;
        Ok(())
    }
}

fn open_store(config: &Config) -> Result<Store, store::Error> {
    let store = Store::new(&config.target, &config.store)?;
    match &config.replica {
        Some(replica) => store.with_replica(replica, &config.store),
        None => Ok(store),
    }
}

/// Begins to watch the replica, if there is one. What can't get better by itself is refused.
async fn watch_replica(store: &Arc<Store>) -> Result<Option<ReplicaMonitor>, Failure> {
    let monitor = ReplicaMonitor::start(store)
        .await
        .map_err(|error| format!("DATABASE_URL_READ: {error}"))?;
    match store.replica_status().and_then(|replica| replica.unfit) {
        Some(Fallback::OtherDatabase) => {
            Err("DATABASE_URL_READ: not a standby of the database that DATABASE_URL names".into())
        }
        _ => Ok(monitor),
    }
}

/// Completes at the next SIGINT or SIGTERM.
async fn second_signal() {
    match stop_signal() {
        Ok(signal) => signal.await,
        Err(_) => std::future::pending().await,
    }
}

/// Completes at SIGINT or SIGTERM; listens from the moment it is made.
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
