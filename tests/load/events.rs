//! Webhooks, recorded and acted on before they are answered, with fsync on; and what waited in the spool meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tests::hooks::{self, BASE_URL, NUMBERS, platform, sms};
use tests::process::until;
use tests::{Restartable, Service, SpoolFolder};
use tokio::task::JoinSet;
use webhooks::Source;

use crate::clients::{CONNECTIONS, Connection, TURN, median};
use crate::report::Line;
use crate::report::Target::{AtLeast, AtMost};
use crate::{pgbench, serve};

/// How many wait in the spool.
const WAITING: u64 = 1_000;

/// A message of somebody unknown: a lead and an automation log.
fn message(number: u64) -> Request<Full<Bytes>> {
    let from = format!("+1555{number:07}");
    let delivery = platform(
        Source::Twilio,
        sms(&format!("SM{number}"), &from, NUMBERS[0].1, "I want a quote"),
    );
    let path = delivery.url().strip_prefix(BASE_URL).expect("below the base");
    let mut request = Request::post(path).header("host", "hooks.example.com");
    for (name, value) in delivery.headers() {
        request = request.header(name, value);
    }
    request
        .body(Full::new(Bytes::from(delivery.body().to_vec())))
        .expect("a request")
}

/// A service's senders of messages, none of them sent twice.
struct Senders {
    address: String,
    next: AtomicU64,
}

impl Senders {
    async fn send(&self, connection: &mut Connection) -> Duration {
        let request = message(self.next.fetch_add(1, Ordering::Relaxed));
        let started = Instant::now();
        let (status, _) = connection.send(request).await;
        assert!(status.is_success(), "{status}");
        started.elapsed()
    }

    /// Sends until it is over, or so many; answers per second.
    async fn all(self: &Arc<Self>, over: Duration, most: u64) -> f64 {
        let (sent, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let mut senders = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (it, sent) = (Arc::clone(self), Arc::clone(&sent));
            senders.spawn(async move {
                let mut connection = Connection::to(&it.address).await;
                while started.elapsed() < over && sent.fetch_add(1, Ordering::Relaxed) < most {
                    it.send(&mut connection).await;
                }
            });
        }
        senders.join_all().await;
        #[expect(clippy::cast_precision_loss, reason = "a report")]
        let sent = sent.load(Ordering::Relaxed).min(most) as f64;
        sent / started.elapsed().as_secs_f64()
    }

    /// Milliseconds that one takes while nobody else sends: the median until it is over.
    async fn latency(&self, over: &AtomicBool) -> f64 {
        let (mut connection, mut taken) = (Connection::to(&self.address).await, Vec::new());
        while !over.load(Ordering::Relaxed) || taken.is_empty() {
            taken.push(self.send(&mut connection).await.as_secs_f64() * 1000.0);
            // As many as a busy tenant gets; all that can be sent would be another measurement.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        median(&mut taken)
    }
}

/// All of it.
pub(crate) async fn measure() -> Vec<Line> {
    let (mut postgres, spool) = (Restartable::start().await, SpoolFolder::new());
    let settings = [&hooks::SETTINGS[..], &[spool.setting()]].concat();
    let service = serve(&postgres.login_url(), &settings).await;
    let senders = Arc::new(Senders {
        address: service.url.trim_start_matches("http://").to_owned(),
        next: AtomicU64::new(1),
    });
    senders.all(TURN, u64::MAX).await; // Warms up.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let script = script();
    for _ in 0..3 {
        ours.push(senders.all(TURN, u64::MAX).await);
        theirs.push(pgbench::transactions(&postgres.login_url(), "event", &script).await);
    }
    let (live, alone) = (median(&mut ours), median(&mut theirs));
    let mut lines = vec![
        Line::new(
            "webhook, recorded and acted on, of pgbench's same two transactions",
            live / alone,
            "",
            AtLeast(0.7),
        )
        .of(format!("{live:.0}/s and {alone:.0}/s")),
    ];
    lines.extend(drained(&mut postgres, &spool, &service, &senders, live).await);
    lines
}

async fn drained(
    postgres: &mut Restartable,
    spool: &SpoolFolder,
    service: &Service,
    senders: &Arc<Senders>,
    live: f64,
) -> Vec<Line> {
    let over = AtomicBool::new(false);
    let idle = async {
        tokio::time::sleep(TURN).await;
        over.store(true, Ordering::Relaxed);
    };
    let (undisturbed, ()) = tokio::join!(senders.latency(&over), idle);

    postgres.stop().await;
    senders.all(Duration::MAX, WAITING).await;
    let waiting = spool.deliveries().len();
    postgres.go_on().await;
    until(async || spool.deliveries().len() < waiting).await;
    let (started, over) = (Instant::now(), AtomicBool::new(false));
    let emptied = async {
        until(async || spool.deliveries().is_empty()).await;
        over.store(true, Ordering::Relaxed);
        started.elapsed()
    };
    let (disturbed, taken) = tokio::join!(senders.latency(&over), emptied);
    assert!(
        service
            .request(reqwest::Method::GET, "/ready")
            .send()
            .await
            .is_ok()
    );
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    let drained = waiting as f64 / taken.as_secs_f64();
    vec![
        Line::new(
            "spool drain, of the same events live",
            drained / live,
            "",
            AtLeast(0.8),
        )
        .of(format!("{drained:.0}/s")),
        Line::new(
            "a live event during the drain, of one before",
            disturbed / undisturbed,
            " ×",
            AtMost(1.25),
        )
        .of(format!("{disturbed:.1} and {undisturbed:.1} ms")),
    ]
}

/// The service's two transactions for a [`message`], statement by statement.
fn script() -> String {
    let user = NUMBERS[0].0.id();
    let when = "'2026-11-01'::timestamptz";
    [
        "\\set n random(1, 2000000000)\nbegin;\n".to_owned(),
        pgbench::settings("", "mako_router", "write"),
        format!(
            "select id from mako.record_event('twilio', null, 'k' || :n::text, 'sms', '{{\"body\": \"I want a quote\"}}'::jsonb, \
             '{{{number}}}'::text[], null, '{{}}'::text[], now()) \\gset\ncommit;\nbegin;\n",
            number = NUMBERS[0].1
        ),
        pgbench::settings(user, "authenticated", "write"),
        pgbench::statement("webhook_events/take", &[user, ":id", "true"]),
        pgbench::statement("event_effects/lead", &[user, "{+15550000000,15550000000}", "{15550000000}"]),
        pgbench::statement(
            "event_effects/add_lead",
            &[user, "Somebody", ":n::text", "new", "SMS", "I want a quote", "I want a quote", "neutral", when],
        ),
        pgbench::statement(
            "event_effects/log",
            &[user, "message", ":n::text", "sms", "completed", "{}", "0::smallint", when],
        ),
        pgbench::statement("webhook_events/finish", &[user, ":id", "false"]),
        "commit;\n".to_owned(),
    ]
    .concat()
}
