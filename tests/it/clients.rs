//! Clients that mean no good, or are in trouble: whatever they send or leave unread, the service goes on for the others.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tests::people::Person::Alice;
use tests::service::Answer;
use tests::{Service, TestDatabase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Time for what the service does by itself.
const PATIENCE: Duration = Duration::from_secs(30);

async fn connect(service: &Service) -> TcpStream {
    TcpStream::connect(service.url.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// Everything that the service sends until it closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends it as well; what came before counts.
    drop(
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("it closes"),
    );
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends bytes and reads the whole answer.
async fn exchange(service: &Service, bytes: &[u8]) -> String {
    let mut stream = connect(service).await;
    drop(stream.write_all(bytes).await);
    rest(&mut stream).await
}

/// Asks on a connection of its own, as a load balancer does: one that was kept may have made room for another.
async fn healthy(service: &Service) -> bool {
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .timeout(PATIENCE)
        .build();
    let health = client
        .unwrap()
        .get(format!("{}/health", service.url))
        .send()
        .await;
    health.is_ok_and(|answer| answer.status() == StatusCode::OK)
}

/// What the process holds: megabytes and descriptors.
fn usage(service: &Service) -> (usize, usize) {
    let pid = service.process.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: usize = resident.split_whitespace().next().unwrap().parse().unwrap();
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    (kilobytes / 1024, descriptors)
}

/// Waits until the process holds no more descriptors than before, but for a few of its own: connections to the database
/// are made on demand.
async fn until_released(service: &Service, before: usize) {
    let deadline = Instant::now() + PATIENCE;
    while usage(service).1 > before + 12 {
        assert!(
            Instant::now() < deadline,
            "{} descriptors, {before} before",
            usage(service).1
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// More than a process may use, whatever its clients do.
const MOST_MEGABYTES: usize = 150;

#[tokio::test]
async fn http_2_in_clear_is_not_spoken() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let (preface, settings) = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let answer = exchange(&service, &[&preface[..], &settings].concat()).await;
    assert_eq!(answer, "", "the connection ends without a frame");
    assert!(healthy(&service).await);
}

#[tokio::test]
async fn clients_that_never_read_hold_little_and_make_room_for_others() {
    let database = TestDatabase::new().await;
    let service = Service::with(
        &database.login_url(),
        &[
            ("MAX_CONNECTIONS", "200"),
            ("LOG", "warn"),
            ("LISTEN", &free_address()),
        ],
    )
    .await;
    assert!(healthy(&service).await);
    let before = usage(&service);
    let mut clients = Vec::new();
    for n in 0..600 {
        let mut client = connect(&service).await;
        drop(client.write_all(b"GET /docs HTTP/1.1\r\nhost: x\r\n\r\n").await);
        clients.push(client);
        if n % 100 == 99 {
            assert!(healthy(&service).await, "after {n}");
        }
    }
    until_released(&service, before.1 + 210).await;
    let during = usage(&service);
    assert!(during.0 < MOST_MEGABYTES, "{during:?}, before {before:?}");
    drop(clients);
    until_released(&service, before.1).await;
    println!(
        "megabytes, descriptors: before {before:?}, during {during:?}, after {:?}",
        usage(&service)
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_descriptors_accepting_pauses_and_goes_on_by_itself() {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    assert!(healthy(&service).await);
    let pid = i32::try_from(service.process.child.id().expect("it runs")).unwrap();
    let limited = Rlimit {
        current: Some(usage(&service).1 as u64 + 10),
        // Its own, which it got from us.
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    prlimit(Pid::from_raw(pid), Resource::Nofile, limited).unwrap();
    let mut open = connect(&service).await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(connect(&service).await);
    }
    tests::process::until(async || service.process.log().contains("no connection can be accepted")).await;
    // Who has a connection is served.
    open.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(rest(&mut open).await.starts_with("HTTP/1.1 200"));
    drop(clients);
    tests::process::until(async || healthy(&service).await).await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let database = TestDatabase::new().await;
    let settings = [("STATEMENT_TIMEOUT", "500ms"), ("REQUEST_TIMEOUT", "1s")];
    let service = Service::with(&database.login_url(), &settings).await;
    let mut stream = connect(&service).await;
    let started = Instant::now();
    drop(
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ")
            .await,
    );
    // A byte now and then: silence alone would not end it.
    while stream.write_all(b"x").await.is_ok() {
        assert!(started.elapsed() < PATIENCE, "still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn bodies_that_nobody_has_verified_share_a_bounded_memory() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let before = usage(&service);
    let mut posts = Vec::new();
    for _ in 0..64 {
        let mut stream = connect(&service).await;
        posts.push(tokio::spawn(async move {
            let head = "POST /webhooks/make HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 8000000\r\n\r\n";
            drop(stream.write_all(head.as_bytes()).await);
            // All but the end.
            drop(stream.write_all(&vec![b' '; 7_900_000]).await);
            stream
        }));
    }
    let small = service.post(Alice, "/v1/leads", &serde_json::json!({})).await;
    assert_eq!(small.status, 422, "{}", small.text);
    let mut during = usage(&service);
    let mut streams = Vec::new();
    for post in posts {
        streams.push(post.await.unwrap());
        during = during.max(usage(&service));
    }
    assert!(during.0 < MOST_MEGABYTES, "{during:?}, before {before:?}");
    drop(streams);
    until_released(&service, before.1).await;
    println!(
        "megabytes, descriptors: before {before:?}, during {during:?}, after {:?}",
        usage(&service)
    );
}

#[tokio::test]
async fn what_is_refused_before_it_was_read_gets_its_answer_and_the_end_of_the_connection() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    for (size, path, status) in [
        (500_000, "/v1/leads", "401"),
        (3_000_000, "/v1/contacts/import", "401"),
        (3_000_000, "/nothing", "404"),
        (9_000_000, "/webhooks/make", "413"),
    ] {
        let mut request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n").into_bytes();
        request.resize(request.len() + size, b' ');
        let answer = exchange(&service, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path} {size}: {answer}"
        );
        assert!(
            answer.to_lowercase().contains("connection: close"),
            "{path} {size}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_small_body_that_nobody_reads_costs_no_connection() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let mut stream = connect(&service).await;
    let request =
        "POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.unwrap();
    let last = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(last.as_bytes()).await.unwrap();
    let answers = rest(&mut stream).await;
    assert!(
        answers.starts_with("HTTP/1.1 404 ") && answers.contains("HTTP/1.1 200 OK"),
        "{answers}"
    );
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_with_a_problem() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let long = "x".repeat(100_000);
    for (request, status, code) in [
        ("nonsense\r\n\r\n".to_owned(), 400, "MK400"),
        (
            "GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n".to_owned(),
            400,
            "MK400",
        ),
        (
            format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n"),
            431,
            "MK431",
        ),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 431, "MK431"),
    ] {
        let answer = exchange(&service, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {answer}"
        );
        let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        assert_eq!((&body["status"], &body["code"]), (&status.into(), &code.into()));
        let id = body["request_id"].as_str().unwrap();
        assert!(head.contains(&format!("x-request-id: {id}")), "{head}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let request = service
        .request_as(Alice, Method::GET, "/v1/me")
        .header("authorization", "Bearer another");
    let answer = Answer::of(request).await;
    assert_eq!(answer.outcome(), (400, "MK400"), "{}", answer.text);
}

#[tokio::test]
async fn the_docs_are_sent_compressed_and_only_when_they_have_changed() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    for path in ["/docs", "/openapi.json"] {
        let plain = Answer::of(service.request(Method::GET, path)).await;
        let gzipped = service
            .request(Method::GET, path)
            .header("accept-encoding", "gzip");
        let gzipped = gzipped.send().await.unwrap();
        assert_eq!(gzipped.headers()["content-encoding"], "gzip");
        assert!(
            gzipped.bytes().await.unwrap().len() * 3 < plain.text.len(),
            "{path}"
        );
        let again = service
            .request(Method::GET, path)
            .header("if-none-match", plain.header("etag"));
        let again = Answer::of(again).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
    }
}

#[tokio::test]
async fn a_service_that_is_told_to_stop_says_so_first_and_still_serves() {
    let database = TestDatabase::new().await.with_rows().await;
    let mut service = Service::with(&database.login_url(), &[("DRAIN_TIME", "60s")]).await;
    assert_eq!(service.get(Alice, "/ready").await.status, 200);
    let mut half = connect(&service).await;
    half.write_all(b"GET /health HTTP/1.1\r\nhost: ").await.unwrap();
    service.process.signal("TERM").await;
    service
        .process
        .wait_for(|log| log.contains("draining").then_some(()))
        .await;
    let ready = service.get(Alice, "/ready").await;
    assert_eq!(ready.status, 503, "{}", ready.text);
    let leads = service.get(Alice, "/v1/leads").await;
    assert_eq!((leads.status, leads.header("connection")), (200, "close"));
    // A second signal ends the draining; a request that was never finished delays nobody.
    service.process.signal("TERM").await;
    let ended = tokio::time::timeout(Duration::from_secs(10), service.process.child.wait()).await;
    assert_eq!(ended.expect("it ends").unwrap().code(), Some(0));
}

/// An address that nobody listens on now.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
