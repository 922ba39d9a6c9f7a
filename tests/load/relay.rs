//! What the relay adds to a call: beside the provider itself, called directly.

use std::convert::Infallible;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tests::TestDatabase;
use tests::service::Answer;
use tokio::net::TcpListener;

use crate::clients::{Asked, CONNECTIONS, latency, rates};
use crate::report::Line;
use crate::report::Target::{AtLeast, AtMost};
use crate::serve;

const PATH: &str = "/v1/relay/vapi/call";
/// What an answer of the provider's is long.
const ANSWER: usize = 1024;

/// All of it.
pub(crate) async fn measure() -> Vec<Line> {
    let (database, provider) = (TestDatabase::new().await, provider().await);
    let service = serve(
        &database.login_url(),
        &[("RELAY_BASE_URL_VAPI", provider.as_str())],
    )
    .await;
    for user in 1..=CONNECTIONS {
        let saved = service
            .request(Method::PUT, "/v1/api-keys/vapi")
            .header("authorization", crate::clients::token(&format!("user-{user}")))
            .json(&json!({"api_key": "sk-load-Zq7vXw2KpLr9TnBd4HsJ"}));
        assert_eq!(Answer::of(saved).await.status, 200);
    }
    let (relayed, _) = latency(&service.url, "user-1", PATH, 2_000).await;
    let (direct, _) = latency(&provider, "user-1", "/call", 2_000).await;
    let measured = rates(&[
        Asked::get(&service.url, PATH, ANSWER),
        Asked::get(&provider, "/call", ANSWER),
    ])
    .await;
    let [through, directly] = measured[..] else {
        unreachable!("as many as were asked for")
    };
    vec![
        Line::new(
            "a relayed call, longer than a direct one by",
            relayed - direct,
            " ms",
            AtMost(1.0),
        )
        .of(format!("{relayed:.2} and {direct:.2} ms")),
        Line::new(
            "relayed calls, of direct ones",
            through / directly,
            "",
            AtLeast(0.5),
        )
        .of(format!("{through:.0}/s and {directly:.0}/s")),
    ]
}

/// A provider that does nothing but answer.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("TCP");
            let answering = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(answering);
        }
    });
    url
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(&[b'x'; ANSWER]))))
}
