//! Traffic of providers and users that is accounted for: what was acknowledged must be there, once, with exactly its
//! effects, and what wasn't at most once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_postgres::Client;
use webhooks::Source;

use crate::hooks::{NUMBERS, call, platform, report, request, sms};
use crate::process::{PATIENCE, until};

/// What is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A message that somebody writes: a lead and an automation log.
    Message,
    /// A call that ended: a call log and an automation log.
    Call,
    /// What Vapi reports of a call: a call log and a lead.
    Report,
    /// A lead that a user creates, with an idempotency key.
    Create,
    /// A page of leads.
    Read,
}

/// Rows of a customer's that a request makes: leads, call logs, automation logs.
type Rows = [i64; 3];

impl Kind {
    /// As a ledger calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Message | Self::Call | Self::Report => "event",
            Self::Create => "create",
            Self::Read => "read",
        }
    }

    fn rows(self) -> Rows {
        match self {
            Self::Message => [1, 0, 1],
            Self::Call => [0, 1, 1],
            Self::Report => [1, 1, 0],
            Self::Create => [1, 0, 0],
            Self::Read => [0, 0, 0],
        }
    }
}

/// How much of what is sent.
#[derive(Clone, Copy, Debug)]
pub struct TrafficPlan {
    /// Clients at the same time, each with a connection that it keeps.
    pub senders: u32,
    /// Requests a second, of all together.
    pub per_second: u32,
    /// What they send, each of them one kind.
    pub kinds: &'static [Kind],
}

/// Requests that go on until they are stopped.
pub struct Traffic {
    shared: Arc<Shared>,
    senders: JoinSet<()>,
}

struct Shared {
    client: reqwest::Client,
    url: String,
    plan: TrafficPlan,
    over: watch::Sender<bool>,
    ledger: watch::Sender<Ledger>,
}

/// What was sent, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Each request's number is in its customer's telephone number.
    sent: Vec<Kind>,
    acknowledged: BTreeSet<usize>,
    /// How many attempts were answered how, by kind: a status and a problem's code, or `none`
    /// where no answer came.
    pub answers: BTreeMap<(&'static str, String), usize>,
}

impl Traffic {
    /// Begins to send to a service, wherever it may run.
    #[must_use]
    pub fn start(url: &str, plan: TrafficPlan) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().timeout(PATIENCE).build();
        let shared = Arc::new(Shared {
            client: client.expect("a client"),
            url: url.to_owned(),
            plan,
            over: watch::Sender::new(false),
            ledger: watch::Sender::default(),
        });
        let mut senders = JoinSet::new();
        for sender in 0..plan.senders {
            senders.spawn(Arc::clone(&shared).send(sender));
        }
        Self { shared, senders }
    }

    /// Waits until so many more have been acknowledged.
    pub async fn until_acknowledged(&self, more: usize) {
        let mut ledger = self.shared.ledger.subscribe();
        let goal = ledger.borrow().acknowledged.len() + more;
        let reached = ledger.wait_for(|ledger| ledger.acknowledged.len() >= goal);
        let reached = tokio::time::timeout(PATIENCE, reached).await.is_ok();
        let answers = &self.shared.ledger.borrow().answers;
        assert!(reached, "hardly anything is acknowledged any more: {answers:?}");
    }

    /// Ends it; the service must be well by now, for those who go on until they are heard.
    pub async fn stop(self) -> Ledger {
        self.shared.over.send_replace(true);
        let ended = tokio::time::timeout(PATIENCE, self.senders.join_all()).await;
        assert!(ended.is_ok(), "somebody isn't heard");
        self.shared.ledger.borrow().clone()
    }
}

impl Shared {
    /// One client: a request at a time; every other one is repeated until it is acknowledged.
    async fn send(self: Arc<Self>, sender: u32) {
        let every = Duration::from_secs(1) * self.plan.senders / self.plan.per_second;
        let first = Instant::now() + every * sender / self.plan.senders;
        let mut turns = tokio::time::interval_at(first, every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let kind = self.plan.kinds[sender as usize % self.plan.kinds.len()];
        let mut repeats = false;
        while !*self.over.borrow() {
            turns.tick().await;
            let number = self.number(kind);
            repeats = !repeats;
            while !self.attempt(number, kind).await && repeats {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// A new request's.
    fn number(&self, kind: Kind) -> usize {
        let mut number = 0;
        self.ledger.send_modify(|ledger| {
            number = ledger.sent.len();
            ledger.sent.push(kind);
        });
        number
    }

    /// Sends it once; whether it was acknowledged.
    async fn attempt(&self, number: usize, kind: Kind) -> bool {
        let (status, heard) = match self.request(number, kind).send().await {
            Ok(answer) => heard(answer).await,
            Err(_) => (None, "none".to_owned()),
        };
        let acknowledged = matches!(status, Some(200 | 201 | 204));
        self.ledger.send_modify(|ledger| {
            *ledger.answers.entry((kind.name(), heard)).or_default() += 1;
            if acknowledged {
                ledger.acknowledged.insert(number);
            }
        });
        acknowledged
    }

    fn request(&self, number: usize, kind: Kind) -> RequestBuilder {
        let (person, ours) = NUMBERS[number % NUMBERS.len()];
        let from = phone(number);
        let to = |method, path: &str| self.client.request(method, format!("{}{path}", self.url));
        let hook = |source, body: Vec<u8>| request(&platform(source, body), |path| to(Method::POST, path));
        match kind {
            Kind::Message => hook(
                Source::Twilio,
                sms(&format!("SM{number}"), &from, ours, "hi, a text"),
            ),
            Kind::Call => hook(
                Source::Twilio,
                call(&format!("CA{number}"), "completed", &from, ours, 1),
            ),
            Kind::Report => {
                let id = format!("call-{number}");
                let body = report(&id, None, &from, ours, "wants a demo");
                hook(Source::Vapi, body.to_string().into_bytes())
            }
            Kind::Create => to(Method::POST, "/v1/leads")
                .bearer_auth(person.token())
                .header("idempotency-key", format!("create-{number}"))
                .json(&json!({"name": "x", "phone": from, "status": "new", "source": "Voice"})),
            Kind::Read => to(Method::GET, "/v1/leads?limit=20").bearer_auth(person.token()),
        }
    }
}

/// The status of a whole answer, and what to call it: a refusal with its code, or whose it is if it isn't ours.
async fn heard(answer: reqwest::Response) -> (Option<u16>, String) {
    let status = answer.status();
    let Ok(body) = answer.bytes().await else {
        return (None, format!("half a {}", status.as_u16()));
    };
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let heard = match problem["code"].as_str() {
        Some(code) => format!("{} {code}", status.as_u16()),
        None if status.is_success() => status.as_u16().to_string(),
        None => format!("{} of a proxy", status.as_u16()),
    };
    (Some(status.as_u16()), heard)
}

/// The customer's number of a request.
fn phone(number: usize) -> String {
    format!("+1401{:07}", number + 2_000_000)
}

impl Ledger {
    /// How many requests were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Whether every attempt of these was answered with one of these statuses.
    #[must_use]
    pub fn only(&self, name: &str, statuses: &[u16]) -> bool {
        let of_kind = self.answers.keys().filter(|(kind, _)| *kind == name);
        let allowed: BTreeSet<String> = statuses.iter().map(u16::to_string).collect();
        let status = |heard: &str| heard.split(' ').next().unwrap_or_default().to_owned();
        of_kind
            .into_iter()
            .all(|(_, heard)| allowed.contains(&status(heard)))
    }

    /// Waits until every recorded event has been acted on, and compares the rows that are there with what was sent.
    pub async fn assert_exact(&self, superuser: &Client) {
        let waiting = "select not exists (select from webhook_events where status <> 'processed')";
        let is = async |sql| {
            superuser
                .query_one(sql, &[])
                .await
                .expect("a superuser may")
                .get::<_, bool>(0)
        };
        until(async || is(waiting).await).await;
        let once = "select count(*) = count(distinct (source, dedupe_key)) from webhook_events";
        assert!(is(once).await, "an event is recorded once");
        let mut found = rows(superuser).await;
        let mut wrong = Vec::new();
        for (number, kind) in self.sent.iter().enumerate() {
            let (expected, is_acknowledged) = (kind.rows(), self.acknowledged.contains(&number));
            let of_it = found.remove(&customer(number)).unwrap_or_default();
            if of_it != expected && (is_acknowledged || of_it != Rows::default()) {
                wrong.push((number, *kind, is_acknowledged, of_it));
            }
        }
        assert!(wrong.is_empty(), "request, acknowledged, rows: {wrong:?}");
        assert!(found.is_empty(), "nobody sent {found:?}");
    }
}

/// Whose customer a request is of: the tenant's id, and the customer's number.
fn customer(number: usize) -> (String, String) {
    let (person, _) = NUMBERS[number % NUMBERS.len()];
    (person.id().to_owned(), phone(number))
}

/// All rows there are, by customer.
async fn rows(superuser: &Client) -> BTreeMap<(String, String), Rows> {
    let sql = "
        select user_id, phone, sum(leads), sum(calls), sum(logs) from (
          select user_id, phone, 1 leads, 0 calls, 0 logs from leads union all
          select user_id, phone, 0, 1, 0 from call_logs union all
          select user_id, details::jsonb ->> 'from', 0, 0, 1 from automation_logs
        ) rows group by user_id, phone";
    let found = superuser.query(sql, &[]).await.expect("a superuser may");
    let row = |row: &tokio_postgres::Row| ((row.get(0), row.get(1)), [row.get(2), row.get(3), row.get(4)]);
    found.iter().map(row).collect()
}
