//! The comparison with PostgREST; see the README beside this file.
#![expect(clippy::print_stdout, reason = "a report on a terminal")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tests::database::batch;
use tests::people::{now, sign};
use tests::postgrest::Postgrest;
use tests::process::free_port;
use tests::service::{self, Answer};
use tests::{Service, TestDatabase};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const USERS: u32 = 1_000;
const LEADS: u32 = 300;
const CONNECTIONS: u32 = 16;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    service::build(&["--release"]).await;
    let database = TestDatabase::new().await;
    let sql = format!(
        "insert into users (id, email, password) select 'user-' || n, n || '@example.com', '!' from generate_series(1, {USERS}) n;
         insert into leads (user_id, name, phone, status, source, summary, created_at)
         select 'user-' || (1 + n % {USERS}), 'Lead ' || n, '+1555' || lpad(n::text, 7, '0'), 'new', 'Voice', 'Wants a quote for ' || n,
           now() - n * interval '1 minute' from generate_series(1, {USERS} * {LEADS}) n"
    );
    let superuser = database.superuser().await;
    batch(&superuser, &sql).await;
    batch(&superuser, "vacuum analyze").await;

    let started = Instant::now();
    let address = format!("127.0.0.1:{}", free_port());
    let service = Service::with(&database.login_url(), &[("LISTEN", &address), ("LOG", "warn")]).await;
    let ready = Answer::of(service.request(reqwest::Method::GET, "/ready")).await;
    let ready_after = started.elapsed();
    assert_eq!(ready.status, 200, "{}", ready.text);
    let postgrest = Postgrest::on(&database).await;

    let ours = "/v1/leads?limit=20";
    let theirs = "/leads?limit=20&order=created_at.desc,id.desc\
        &select=id,name,phone,status,source,summary,ai_summary,sentiment,created_at,updated_at";
    let (mut mako, mut other) = (Vec::new(), Vec::new());
    turn(&service.url, ours).await; // Warm caches and pools.
    turn(&postgrest.url, theirs).await;
    for _ in 0..TURNS {
        mako.push(turn(&service.url, ours).await);
        other.push(turn(&postgrest.url, theirs).await);
    }
    println!(
        "requests per second in turns of {} s, {CONNECTIONS} connections",
        TURN.as_secs()
    );
    println!("mako       {mako:>8?}");
    println!("PostgREST  {other:>8?}");
    println!("ratio of medians  {:.1}", median(&mut mako) / median(&mut other));
    println!(
        "resident memory of mako after the load  {} MB",
        resident(&service) / 1024
    );
    println!("from start to ready  {} ms", ready_after.as_millis());
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn median(turns: &mut [u64]) -> f64 {
    turns.sort_unstable();
    turns[turns.len() / 2] as f64
}

/// Kilobytes, as Linux counts them.
fn resident(service: &Service) -> u64 {
    let pid = service.process.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("a process has memory");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// Answers per second over one turn.
async fn turn(url: &str, path: &'static str) -> u64 {
    let address = url.trim_start_matches("http://").to_owned();
    let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut connections = JoinSet::new();
    let started = Instant::now();
    for user in 1..=CONNECTIONS {
        connections.spawn(ask(
            address.clone(),
            path,
            user,
            Arc::clone(&over),
            Arc::clone(&answers),
        ));
    }
    tokio::time::sleep(TURN).await;
    over.store(true, Ordering::Relaxed);
    connections.join_all().await;
    answers.load(Ordering::Relaxed) * 1000 / u64::try_from(started.elapsed().as_millis()).expect("seconds")
}

/// One user on one connection, one request after the other.
async fn ask(address: String, path: &'static str, user: u32, over: Arc<AtomicBool>, answers: Arc<AtomicU64>) {
    let claims =
        json!({"sub": format!("user-{user}"), "role": "authenticated", "iat": now(), "exp": now() + 3600});
    let token = format!("Bearer {}", sign(&claims));
    let stream = TcpStream::connect(&address).await.expect("it listens");
    stream.set_nodelay(true).expect("TCP");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1");
    tokio::spawn(connection);
    while !over.load(Ordering::Relaxed) {
        let request = hyper::Request::get(path)
            .header("host", &address)
            .header("authorization", &token)
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert!(body.len() > 2_000, "twenty leads");
        answers.fetch_add(1, Ordering::Relaxed);
    }
}
