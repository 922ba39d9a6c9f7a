//! Hands one request to the application and its answer to hyper, and bounds the memory that both hold.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use poem::endpoint::Endpoint;
use poem::http::uri::Scheme;
use poem::http::{HeaderValue, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, IntoResponse as _, Request, Response};

use super::Server;
use super::body::{AnswerBody, BudgetExhausted, RequestBody, RequestSlot};
use super::registry::Connection;
use crate::http::problem::Problem;

/// Answers one request of a connection.
pub(super) async fn answer<E>(
    server: &Server<E>,
    connection: &Arc<Connection>,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> hyper::Response<AnswerBody>
where
    E: Endpoint<Output = Response>,
{
    let turn = RequestSlot::new(Arc::clone(connection));
    let peer = RemoteAddr(Addr::SocketAddr(peer));
    let mut request = Request::from((request, LocalAddr::default(), peer, Scheme::HTTP));
    let body = RequestBody::of(&mut request, connection, &server.memory);
    // A client that asks before it sends has sent nothing yet.
    let asks_first = request.headers().contains_key(header::EXPECT);

    let mut response = match server.app.call(request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    let unread = match &body {
        Some(body) => asks_first || !body.drain().await,
        None => false,
    };
    let held = server
        .memory
        .hold_answer(&mut response)
        .unwrap_or_else(|BudgetExhausted| {
            response = Problem::busy().into_response();
            None
        });
    if unread || server.draining.is_on() {
        // Said before the end comes, so that the client's next request goes elsewhere instead of nowhere.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    hyper::Response::<BoxBody<Bytes, io::Error>>::from(response)
        .map(|inner| AnswerBody::new(inner, turn, held))
}
