//! An OpenTelemetry collector on loopback that keeps what it is sent.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Endpoint, Request, Response, Server};
use prost::Message as _;

/// What arrived.
#[derive(Clone, Default)]
pub struct Collector {
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Collector {
    /// Listens at `/v1/traces`.
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .expect("a free port");
        let address = acceptor.local_addr().remove(0);
        let port = address.as_socket_addr().expect("TCP").port();
        let collector = Self {
            bodies: Arc::default(),
            url: format!("http://127.0.0.1:{port}"),
        };
        tokio::spawn(Server::new_with_acceptor(acceptor).run(collector.clone()));
        collector
    }

    /// All that arrived, as it was sent.
    #[must_use]
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The spans that arrived, each with the name of the service that it is from.
    #[must_use]
    pub fn spans(&self) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        for body in self.bodies() {
            let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("OTLP");
            for of_resource in request.resource_spans {
                let attributes = of_resource.resource.unwrap_or_default().attributes;
                let service = attributes
                    .iter()
                    .find(|attribute| attribute.key == "service.name");
                let service = format!("{:?}", service.and_then(|service| service.value.clone()));
                for scope in of_resource.scope_spans {
                    spans.extend(scope.spans.into_iter().map(|span| (service.clone(), span)));
                }
            }
        }
        spans
    }
}

impl Endpoint for Collector {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        assert_eq!(request.uri().path(), "/v1/traces");
        let body = request.take_body().into_vec().await?;
        self.bodies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(body);
        Ok(Response::default())
    }
}
