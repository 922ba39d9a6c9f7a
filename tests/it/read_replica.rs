//! Does a replica answer what may be a moment old, and nothing that may not? And does its end cost anybody an answer?

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::people::JWT_SECRET;
use tests::people::Person::Alice;
use tests::process::{Process, until};
use tests::service::{Answer, ENCRYPTION_KEY, mako};
use tests::{Restartable, Service, TestDatabase};

/// A service on a primary and its replica, which it reads from.
struct Pair {
    primary: Restartable,
    replica: Restartable,
    service: Service,
}

impl Pair {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let mut primary = Restartable::start().await;
        let replica = primary.replica().await;
        let url = replica.login_url();
        let mut all = vec![("DATABASE_URL_READ", url.as_str())];
        all.extend(settings);
        let service = Service::with(&primary.login_url(), &all).await;
        let pair = Self {
            primary,
            replica,
            service,
        };
        pair.until("serving").await;
        pair
    }

    /// Waits until `/ready`, which is 200 whatever becomes of the replica, says this of it.
    async fn until(&self, state: &str) {
        until(async || {
            let ready = Answer::of(self.service.request(Method::GET, "/ready")).await;
            assert_eq!(ready.status, 200, "{ready:?}");
            ready.body["replica"] == state
        })
        .await;
    }

    /// Has the replica keep what it has, or go on.
    async fn replay(&self, goes_on: bool) {
        let sql = if goes_on {
            "select pg_wal_replay_resume()"
        } else {
            "select pg_wal_replay_pause()"
        };
        let superuser = self.replica.superuser().await;
        batch(&superuser, sql).await;
        let state = "select pg_get_wal_replay_pause_state() = $1";
        let wanted = if goes_on { "not paused" } else { "paused" };
        until(async || superuser.query_one(state, &[&wanted]).await.unwrap().get(0)).await;
    }

    /// Makes a lead; the answer's position in the log.
    async fn create(&self, name: &str) -> String {
        let lead = json!({"name": name, "phone": "+14155550100", "status": "new", "source": "Voice"});
        let made = self.service.post(Alice, "/v1/leads", &lead).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.header("x-mako-lsn").to_owned()
    }

    /// The names of all leads, to somebody who brings a position.
    async fn leads(&self, lsn: Option<&str>) -> Vec<String> {
        let mut request = self.service.request_as(Alice, Method::GET, "/v1/leads");
        if let Some(lsn) = lsn {
            request = request.header("x-mako-lsn", lsn);
        }
        let list = Answer::of(request).await;
        assert_eq!(list.status, 200, "{list:?}");
        let rows = list.body["data"].as_array().unwrap();
        rows.iter()
            .map(|lead| lead["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// How often something of the replica's was counted.
    async fn counted(&self, sample: &str) -> u64 {
        let metrics = Answer::of(self.service.request(Method::GET, "/metrics"))
            .await
            .text;
        let line = metrics.lines().find_map(|line| line.strip_prefix(sample));
        line.unwrap_or_else(|| panic!("{sample} in {metrics}"))
            .trim()
            .parse()
            .unwrap()
    }
}

const READS: &str = "mako_replica_reads_total";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_is_read_from_the_replica_and_what_decides_is_not() {
    let pair = Pair::with(&[]).await;
    let lsn = pair.create("Ada").await;
    until(async || pair.leads(None).await == ["Ada"]).await;
    let id = pair.service.get(Alice, "/v1/leads").await.body["data"][0]["id"].clone();
    let lead = format!("/v1/leads/{}", id.as_str().unwrap());
    for (path, is_read_there) in [
        ("/v1/me", true),
        ("/v1/leads?count=exact&status=new&phone=%2B14155550100", true),
        (lead.as_str(), true),
        ("/v1/contacts", true),
        ("/v1/call-logs?created_before=2020-01-01T00:00:00Z", true),
        ("/v1/automation-logs", true),
        ("/v1/dashboard/stats", true),
        ("/v1/dashboard/timeseries", true),
        ("/v1/dashboard/funnel", true),
        ("/v1/dashboard/activity", true),
        ("/v1/key-uses", true),
        ("/v1/webhook-events", true),
        ("/v1/event-deliveries", true),
        ("/v1/phone-numbers", true),
        ("/v1/api-keys", false),
        ("/v1/access-tokens", false),
        ("/v1/webhook-endpoints", false),
        ("/v1/event-subscriptions", false),
        ("/v1/connections", false),
    ] {
        let is_read = async || {
            let before = pair.counted(READS).await;
            let request = pair.service.request_as(Alice, Method::GET, path);
            let answer = Answer::of(request.header("x-mako-lsn", &lsn)).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            assert_eq!(answer.header("x-mako-lsn"), "", "{path}: nothing was written");
            pair.counted(READS).await > before
        };
        if is_read_there {
            until(is_read).await;
        } else {
            assert!(!is_read().await, "{path}");
        }
    }
    let before = pair.counted(READS).await;
    for (method, status) in [(Method::PATCH, 200), (Method::DELETE, 204)] {
        let request = pair.service.request_as(Alice, method.clone(), &lead);
        let answer = Answer::of(request.json(&json!({"status": "booked"}))).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_ne!(answer.header("x-mako-lsn"), "", "{method}");
    }
    assert_eq!(pair.counted(READS).await, before, "writes ask no replica");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_brings_the_position_of_a_write_sees_it_though_the_replica_has_not_replayed_it() {
    let page = "https://app.example.com";
    let pair = Pair::with(&[
        ("REPLICA_MAX_LAG", "1h"),
        ("AUTH_COOKIE", "session"),
        ("CORS_ALLOWED_ORIGINS", page),
    ])
    .await;
    let first = pair.create("Ada").await;
    until(async || pair.leads(None).await == ["Ada"]).await;
    pair.replay(false).await;
    let second = pair.create("Grace").await;
    // The replica's answer, which is the older one.
    until(async || pair.leads(None).await == ["Ada"]).await;
    until(async || pair.leads(Some(&first)).await == ["Ada"]).await;
    until(async || {
        assert_eq!(pair.leads(Some(&second)).await, ["Grace", "Ada"]);
        assert_eq!(pair.leads(Some("nonsense")).await, ["Grace", "Ada"]);
        pair.counted("mako_replica_fallbacks_total{reason=\"not_replayed\"}")
            .await
            > 0
    })
    .await;
    pair.until("serving").await;

    let session = format!("session={}", Alice.token());
    let lead = json!({"name": "Edith", "phone": "+14155550100", "status": "new", "source": "Voice"});
    let create = pair.service.request(Method::POST, "/v1/leads").json(&lead);
    let made = Answer::of(create.header("cookie", &session).header("origin", page)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let exposed = made.header("access-control-expose-headers");
    assert!(exposed.contains("x-mako-lsn"), "{exposed}");
    let position = made.header("set-cookie").split(';').next().unwrap().to_owned();
    let list = pair.service.request(Method::GET, "/v1/leads");
    let list = Answer::of(list.header("cookie", format!("{session}; {position}"))).await;
    assert_eq!(list.body["data"][0]["name"], "Edith", "{position}");

    pair.replay(true).await;
    until(async || {
        let before = pair.counted(READS).await;
        pair.leads(Some(&second)).await.len() == 3 && pair.counted(READS).await > before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_older_than_it_may_be_is_not_asked() {
    let pair = Pair::with(&[("REPLICA_MAX_LAG", "1s")]).await;
    pair.replay(false).await;
    pair.create("Ada").await;
    pair.until("behind").await;
    assert_eq!(pair.leads(None).await, ["Ada"], "the primary's answer");
    assert!(
        pair.counted("mako_replica_fallbacks_total{reason=\"behind\"}")
            .await
            > 0
    );
    pair.replay(true).await;
    pair.until("serving").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hangs_is_killed_and_promoted_costs_nobody_an_answer() {
    let mut pair = Pair::with(&[]).await;
    pair.create("Ada").await;
    pair.replica.freeze();
    // Every one of them is an assertion that it is answered.
    for _ in 0..20 {
        assert_eq!(pair.leads(None).await, ["Ada"], "it hangs");
    }
    pair.until("unreachable").await;
    pair.replica.kill().await;
    assert_eq!(pair.leads(None).await, ["Ada"], "it is away");
    pair.replica.go_on().await;
    let before = pair.counted(READS).await;
    until(async || {
        assert_eq!(pair.leads(None).await, ["Ada"], "it comes back");
        pair.counted(READS).await > before
    })
    .await;
    pair.replica.kill().await;
    for _ in 0..20 {
        assert_eq!(pair.leads(None).await, ["Ada"], "it was killed");
    }
    pair.replica.go_on().await;
    pair.until("serving").await;
    batch(&pair.replica.superuser().await, "select pg_promote()").await;
    for number in 0..20 {
        pair.create("Grace").await;
        assert_eq!(
            pair.leads(None).await.len(),
            number + 2,
            "a promoted one is no replica"
        );
    }
    pair.until("not_a_standby").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_primary_is_away_the_replica_goes_on_answering() {
    let mut pair = Pair::with(&[]).await;
    let lsn = pair.create("Ada").await;
    until(async || pair.leads(None).await == ["Ada"]).await;
    pair.primary.kill().await;
    for _ in 0..20 {
        let list = pair.service.get(Alice, "/v1/leads").await;
        assert_eq!(list.body["data"][0]["name"], "Ada", "{list:?}");
    }
    assert_eq!(pair.leads(Some(&lsn)).await, ["Ada"]);
    let later = pair.service.request_as(Alice, Method::GET, "/v1/leads");
    let later = Answer::of(later.header("x-mako-lsn", "FFFFFFFF/0")).await;
    assert_eq!(
        later.status, 503,
        "what the primary alone may have is not made up: {later:?}"
    );
}

#[tokio::test]
async fn a_replica_that_is_not_one_or_has_an_unsafe_login_is_refused_at_the_start() {
    let (database, other) = (TestDatabase::new().await, TestDatabase::new().await);
    for (url, why) in [
        (database.superuser_url(), "is a superuser"),
        (other.login_url(), "not a standby of the database"),
    ] {
        let settings = [
            ("DATABASE_URL", database.login_url()),
            ("DATABASE_URL_READ", url),
            ("JWT_SECRET", JWT_SECRET.to_owned()),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY.to_owned()),
            ("LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let (code, log) = Process::start(&mut mako(&["serve"], &settings).await)
            .output()
            .await;
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains("DATABASE_URL_READ") && log.contains(why), "{log}");
    }
}

#[tokio::test]
async fn without_a_replica_no_answer_says_where_a_write_is() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::on(&database).await;
    let lead = json!({"name": "Ada", "phone": "+14155550100", "status": "new", "source": "Voice"});
    let made = service.post(Alice, "/v1/leads", &lead).await;
    assert_eq!((made.status, made.header("x-mako-lsn")), (201, ""));
    let ready = Answer::of(service.request(Method::GET, "/ready")).await;
    assert_eq!(ready.body["replica"], Value::Null);
    let metrics = Answer::of(service.request(Method::GET, "/metrics")).await.text;
    assert!(
        !metrics.lines().any(|line| line.starts_with("mako_replica")),
        "{metrics}"
    );
}
