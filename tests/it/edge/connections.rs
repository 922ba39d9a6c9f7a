//! What may a connection do to the service? Bodies in pieces, slow ones and silence.

use tests::people::Person::Alice;
use tests::{Service, TestDatabase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::PAGE;

#[tokio::test]
async fn a_chunked_body_is_limited_too() {
    let database = TestDatabase::new().await;
    let settings = [("BODY_LIMIT", "2000"), ("CORS_ALLOWED_ORIGINS", PAGE)];
    let service = Service::with(&database.login_url(), &settings).await;
    for origin in ["", "origin: https://app.example.com\r\n"] {
        let answer = answer_to_chunks(service.url.trim_start_matches("http://"), origin).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("MK413"), "{answer}");
    }
}

async fn answer_to_chunks(address: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/leads HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n{header}\r\n",
        Alice.token()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..4 {
        let chunk = format!("{:x}\r\n{}\r\n", 1000, " ".repeat(1000));
        // The service may answer, and close, before it has read everything.
        drop(stream.write_all(chunk.as_bytes()).await);
    }
    drop(stream.write_all(b"0\r\n\r\n").await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_the_clients_fault() {
    let database = TestDatabase::new().await;
    let settings = [("STATEMENT_TIMEOUT", "100ms"), ("REQUEST_TIMEOUT", "600ms")];
    let service = Service::with(&database.login_url(), &settings).await;
    let address = service.url.trim_start_matches("http://");
    for path in ["/v1/leads", "/webhooks/make"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let half = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{{\"na",
            Alice.token()
        );
        stream.write_all(half.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
        assert!(answer.contains("MK408"), "{path}: {answer}");
        assert!(
            answer.to_lowercase().contains("connection: close"),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_closed_also_within_a_head() {
    let database = TestDatabase::new().await;
    let settings = [("STATEMENT_TIMEOUT", "100ms"), ("REQUEST_TIMEOUT", "200ms")];
    let service = Service::with(&database.login_url(), &settings).await;
    let address = service.url.trim_start_matches("http://");
    for head in [
        "",
        "GET /health HTTP/1.1\r\nhost: x\r\nx-half: ",
        "GET /health HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(10), ended).await;
        assert!(ended.is_ok(), "still open after {head:?}");
        assert_eq!(answer.is_empty(), !head.ends_with("\r\n\r\n"), "{head:?}");
    }
}
