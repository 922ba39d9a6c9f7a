//! Connects with the stream in place: above TLS, or where there is none, in its stead.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use deadpool_postgres::ClientWrapper;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio_postgres::config::{Config, Host, SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};

use super::Preface;
use super::stream::Prefaced;
use crate::connect::Target;
use crate::error::Error;

/// A session, and what lets its statements have a preface: None if Unix sockets are among several addresses, which
/// only tokio-postgres tries one after the other.
///
/// `heard` is called for each notification, and dropped when the session ends.
pub(crate) async fn connect(
    target: &Target,
    heard: impl Fn() + Send + 'static,
) -> Result<(ClientWrapper, Option<Arc<Preface>>), Error> {
    let preface = Arc::<Preface>::default();
    let client = match target.config.get_hosts() {
        [Host::Unix(directory)] => over_unix_socket(&target.config, directory, &preface, heard).await?,
        hosts if hosts.iter().any(|host| !matches!(host, Host::Tcp(_))) => {
            return Ok((attend(target.config.connect(NoTls).await?, heard), None));
        }
        _ if target.config.get_ssl_mode() == SslMode::Disable => {
            // "TLS without negotiation", and then without TLS.
            let mut config = target.config.clone();
            config
                .ssl_mode(SslMode::Require)
                .ssl_negotiation(SslNegotiation::Direct);
            attend(config.connect(Connector::new(Plain, &preface)).await?, heard)
        }
        _ => {
            let tls = Connector::new(target.tls.clone(), &preface);
            attend(target.config.connect(tls).await?, heard)
        }
    };
    Ok((client, Some(preface)))
}

async fn over_unix_socket(
    config: &Config,
    directory: &Path,
    preface: &Arc<Preface>,
    heard: impl Fn() + Send + 'static,
) -> Result<ClientWrapper, Error> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let socket = UnixStream::connect(directory.join(format!(".s.PGSQL.{port}")))
        .await
        .map_err(|_| Error::Unavailable("connecting failed"))?;
    let stream = Prefaced::new(socket, Arc::clone(preface));
    Ok(attend(config.connect_raw(stream, NoTls).await?, heard))
}

/// Lets a connection do its work until its client is dropped.
fn attend<S, T>(
    (client, mut connection): (Client, Connection<S, T>),
    heard: impl Fn() + Send + 'static,
) -> ClientWrapper
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let attended = tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notification(_)) => heard(),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %Error::from(error), "a database connection ended");
                    return;
                }
            }
        }
    });
    ClientWrapper::new(client, attended)
}

/// A connector whose streams are [`Prefaced`].
struct Connector<T> {
    inner: T,
    preface: Arc<Preface>,
}

impl<T> Connector<T> {
    fn new(inner: T, preface: &Arc<Preface>) -> Self {
        Self {
            inner,
            preface: Arc::clone(preface),
        }
    }
}

impl<T> MakeTlsConnect<Socket> for Connector<T>
where
    T: MakeTlsConnect<Socket>,
    T::TlsConnect: Send + 'static,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    type Stream = Prefaced<T::Stream>;
    type TlsConnect = Connector<T::TlsConnect>;
    type Error = T::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, T::Error> {
        let inner = self.inner.make_tls_connect(domain)?;
        Ok(Connector::new(inner, &self.preface))
    }
}

impl<T> TlsConnect<Socket> for Connector<T>
where
    T: TlsConnect<Socket> + Send + 'static,
    T::Future: Send,
{
    type Stream = Prefaced<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move { Ok(Prefaced::new(self.inner.connect(socket).await?, self.preface)) })
    }
}

/// No TLS, where tokio-postgres expects some.
struct Plain;

impl MakeTlsConnect<Socket> for Plain {
    type Stream = PlainStream;
    type TlsConnect = Self;
    type Error = Infallible;

    fn make_tls_connect(&mut self, _domain: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl TlsConnect<Socket> for Plain {
    type Stream = PlainStream;
    type Error = Infallible;
    type Future = std::future::Ready<Result<PlainStream, Infallible>>;

    fn connect(self, socket: Socket) -> Self::Future {
        std::future::ready(Ok(PlainStream(socket)))
    }
}

/// The socket as it is.
struct PlainStream(Socket);

impl TlsStream for PlainStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for PlainStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for PlainStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
