//! Do events reach their receivers: signed, once under each id, again after failures, and only what their owner sees?

mod at_once;
mod in_flight;

use serde_json::{Value, json};
use tests::database::batch;
use tests::event_receiver::{Arrived, EventReceiver};
use tests::events_out::{Subscription, TO_LOOPBACK, count, make_due, subscribe, verify};
use tests::people::Person::{self, Alice, Bob};
use tests::people::{claims, now};
use tests::pgbouncer::PgBouncer;
use tests::process::until;
use tests::service::mako;
use tests::{Service, TestDatabase};
use tokio_postgres::Client;

/// A service that sends to loopback, its database, a receiver, and a superuser's session.
struct World {
    database: TestDatabase,
    service: Service,
    receiver: EventReceiver,
    superuser: Client,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        Self {
            service: Service::with(&database.login_url(), &[TO_LOOPBACK]).await,
            superuser: database.superuser().await,
            receiver: EventReceiver::start().await,
            database,
        }
    }

    async fn subscribe(&self, person: Person, url: &str, types: &[&str]) -> Subscription {
        subscribe(&self.database.login_url(), &person.claims(), url, types).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.receiver.url)
    }

    async fn lead(&self, person: Person, name: &str) -> Value {
        let lead = json!({"name": name, "phone": "+14155552671", "status": "new", "source": "Voice"});
        let made = self.service.post(person, "/v1/leads", &lead).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body
    }

    /// Waits until so many deliveries have this status.
    async fn until(&self, status: &str, deliveries: i64) {
        until(async || count(&self.superuser, status).await == deliveries).await;
    }

    /// A column of the only delivery's attempts, in their order.
    async fn attempts<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, column: &str) -> Vec<T> {
        let sql = format!("select {column} from mako.event_attempts order by attempted_at");
        let rows = self.superuser.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// A value of the only subscription's.
    async fn subscription<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, column: &str) -> T {
        let sql = format!("select {column} from mako.event_subscriptions");
        self.superuser.query_one(&sql, &[]).await.unwrap().get(0)
    }
}

#[tokio::test]
async fn an_event_arrives_signed_with_the_row_as_the_api_shows_it() {
    let world = World::new().await;
    let subscription = world.subscribe(Alice, &world.url("/takes/x7f3"), &[]).await;
    let made = world.lead(Alice, "Ada 👍").await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/leads/{id}");
    let changed = world
        .service
        .patch(Alice, &path, &json!({"status": "booked"}))
        .await;
    world.receiver.until("/takes/x7f3", 2).await;
    world.service.delete(Alice, &path).await;
    let arrived = world.receiver.until("/takes/x7f3", 3).await;

    let said: Vec<_> = arrived.iter().map(Arrived::json).collect();
    let types: Vec<_> = said.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["lead.created", "lead.updated", "lead.deleted"]);
    assert_eq!(said[1]["data"], changed.body, "as GET answers");
    assert_eq!(said[1]["changed"], json!(["status"]));
    assert_eq!(said[2]["data"], json!({"id": id}));
    for (event, said) in arrived.iter().zip(&said) {
        assert_eq!(said["id"], event.id());
        assert!(said["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
        assert_eq!(event.headers["content-type"], "application/json");
        assert!(event.headers["user-agent"].starts_with("Mako/"));
    }
    verify(&arrived, &subscription.secret).await;

    world.until("delivered", 3).await;
    let log = world.service.process.log();
    let signature = &arrived[0].headers["webhook-signature"];
    for secret in [
        &subscription.secret[6..],
        "x7f3",
        "Ada",
        "+14155552671",
        signature,
    ] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

#[tokio::test]
async fn what_its_owner_no_longer_sees_is_not_sent() {
    let database = TestDatabase::new().await;
    let (receiver, superuser) = (EventReceiver::start().await, database.superuser().await);
    let url = format!("{}/takes/", receiver.url);
    // What is captured while no service runs is sent by the next one.
    for person in [Alice, Bob] {
        subscribe(&database.login_url(), &person.claims(), &url, &[]).await;
    }
    let owners = [
        ("gone", Alice),
        ("hidden", Alice),
        ("moved", Alice),
        ("kept", Alice),
    ];
    for (name, owner) in owners {
        let row = "insert into leads (id, user_id, name, phone, status, source) values ('LEAD', 'USER', 'LEAD', '1', 'new', 'x')";
        batch(&superuser, &row.replace("LEAD", name).replace("USER", owner.id())).await;
    }
    let moved = format!("update leads set user_id = '{}' where id = 'moved'", Bob.id());
    batch(&superuser, &moved).await;
    batch(&superuser, "delete from leads where id = 'gone'").await;
    let hidden =
        "create policy hidden on leads as restrictive for select to authenticated using (id <> 'hidden')";
    batch(&superuser, hidden).await;

    let _service = Service::with(&database.login_url(), &[TO_LOOPBACK]).await;
    until(async || count(&superuser, "pending").await == 0).await;
    let mut arrived: Vec<_> = receiver.arrived().iter().map(Arrived::json).collect();
    arrived.sort_by_key(|event| format!("{} {}", event["data"]["id"], event["type"]));
    let said: Vec<_> = arrived
        .iter()
        .map(|event| {
            (
                event["data"]["id"].as_str().unwrap(),
                event["type"].as_str().unwrap(),
            )
        })
        .collect();
    // Whose row it is now hears of it as theirs; whose it was, that it is gone, and nothing that was in it.
    let expected = [
        ("gone", "lead.deleted"),
        ("kept", "lead.created"),
        ("moved", "lead.created"),
        ("moved", "lead.deleted"),
    ];
    assert_eq!(said, expected);
    assert_eq!(
        count(&superuser, "withheld").await,
        3,
        "gone, hidden, and alice's moved"
    );
    assert_eq!(count(&superuser, "delivered").await, 4);
}

#[tokio::test]
async fn what_failed_is_sent_again_under_the_same_id_with_a_new_signature() {
    let world = World::new().await;
    let subscription = world.subscribe(Alice, &world.url("/second/"), &[]).await;
    world.lead(Alice, "Ada").await;
    world.until("failed", 1).await;
    let due = "select extract(epoch from next_attempt_at - attempted_at)::float8
        from mako.event_deliveries d, mako.event_attempts a where a.delivery_id = d.id";
    let due: f64 = world.superuser.query_one(due, &[]).await.unwrap().get(0);
    assert!((5.0..10.0).contains(&due), "{due}");
    assert!(world.subscription::<bool>("failing_since is not null").await);

    make_due(&world.superuser).await;
    world.until("delivered", 1).await;
    let arrived = world.receiver.until("/second/", 2).await;
    assert_eq!(arrived[0].id(), arrived[1].id());
    assert_eq!(arrived[0].body, arrived[1].body);
    verify(&arrived, &subscription.secret).await;
    assert_eq!(
        world.attempts::<Option<i32>>("status_code").await,
        [Some(500), Some(200)]
    );
    assert_eq!(
        world.attempts::<Option<String>>("response_start").await[0].as_deref(),
        Some("heard")
    );
    assert!(world.subscription::<bool>("failing_since is null").await);
}

#[tokio::test]
async fn a_receiver_that_closes_floods_or_is_busy_is_noted_as_what_it_did() {
    let world = World::new().await;
    for (path, status, error, shown) in [
        (
            "/closes/",
            None,
            Some("the connection broke off before there was an answer"),
            0,
        ),
        ("/floods/", Some(200), None, 2048),
        ("/busy/", Some(503), Some("the receiver answered 503"), 0),
        ("/answers/307/", Some(307), Some("the receiver answered 307"), 5),
    ] {
        world.subscribe(Alice, &world.url(path), &[]).await;
        world.lead(Alice, "Ada").await;
        until(async || !world.attempts::<i32>("duration_ms").await.is_empty()).await;
        assert_eq!(
            world.attempts::<Option<i32>>("status_code").await,
            [status],
            "{path}"
        );
        assert_eq!(
            world.attempts::<Option<String>>("error").await[0].as_deref(),
            error,
            "{path}"
        );
        let beginning = world.attempts::<Option<String>>("response_start").await.remove(0);
        assert_eq!(beginning.unwrap_or_default().len(), shown, "{path}");
        if path == "/busy/" {
            let asked = "next_attempt_at > now() + interval '50 minutes'";
            let asked = format!("select {asked} from mako.event_deliveries");
            let heeded: bool = world.superuser.query_one(&asked, &[]).await.unwrap().get(0);
            assert!(heeded, "Retry-After");
        }
        batch(&world.superuser, "delete from mako.event_subscriptions").await;
    }
}

#[tokio::test]
async fn a_receiver_that_says_that_it_is_gone_is_told_nothing_more() {
    let world = World::new().await;
    world.subscribe(Alice, &world.url("/answers/410/"), &[]).await;
    world.lead(Alice, "Ada").await;
    world.until("dead", 1).await;
    assert_eq!(
        world
            .subscription::<String>("status || ' ' || disabled_reason")
            .await,
        "disabled gone"
    );
    world.lead(Alice, "Grace").await;
    let captured = "select count(*) from mako.event_deliveries";
    let captured: i64 = world.superuser.query_one(captured, &[]).await.unwrap().get(0);
    assert_eq!(captured, 1, "nothing is captured for it");
}

#[tokio::test]
async fn after_eight_attempts_an_event_is_dead_and_after_five_days_of_failures_its_subscription_is_off() {
    let world = World::new().await;
    world.subscribe(Alice, &world.url("/answers/500/"), &[]).await;
    world.lead(Alice, "Ada").await;
    for attempt in 1..=8 {
        until(async || world.attempts::<i32>("duration_ms").await.len() == attempt).await;
        make_due(&world.superuser).await;
    }
    world.until("dead", 1).await;
    assert_eq!(world.receiver.arrived().len(), 8);
    assert_eq!(world.subscription::<String>("status").await, "active");

    let days = "update mako.event_subscriptions set failing_since = failing_since - interval '5 days 1 hour'";
    batch(&world.superuser, days).await;
    world.lead(Alice, "Grace").await;
    until(async || world.subscription::<String>("status").await == "disabled").await;
    assert_eq!(world.subscription::<String>("disabled_reason").await, "failing");
    world.until("dead", 2).await;

    // An operator sends again what is dead, once the receiver is mended and the subscription is on.
    let mended = format!(
        "update mako.event_subscriptions set status = 'active', disabled_reason = null,
        failing_since = null, url = '{}'",
        world.url("/takes/")
    );
    batch(&world.superuser, &mended).await;
    let admin = [("ADMIN_DATABASE_URL", world.database.superuser_url())];
    let admin: Vec<_> = admin.iter().map(|(name, url)| (*name, url.as_str())).collect();
    let run = async |arguments: &[&str]| {
        let output = mako(arguments, &admin).await.output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, listed, said) =
        run(&["events", "out", "list", "--status", "dead", "--user", Alice.id()]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(
        listed
            .lines()
            .all(|line| line.contains("lead.created") && line.contains(Alice.id()))
    );
    assert_eq!(
        run(&["events", "out", "retry"]).await.0,
        Some(2),
        "everything is nobody's wish"
    );
    assert!(
        run(&["events", "out", "retry", "--user", Bob.id()])
            .await
            .2
            .contains("0 events")
    );
    let (code, _, said) = run(&["events", "out", "retry", "--since", "1h"]).await;
    assert!(code == Some(0) && said.contains("2 events"), "{said}");
    world.receiver.until("/takes/", 2).await;
    world.until("delivered", 2).await;
}

#[tokio::test]
async fn what_happens_to_a_row_arrives_in_its_order() {
    let world = World::new().await;
    world
        .subscribe(Alice, &world.url("/takes/"), &["lead.updated"])
        .await;
    let made = world.lead(Alice, "Ada").await;
    for n in 0..30 {
        let update = format!(
            "update leads set summary = '{n}' where id = '{}'",
            made["id"].as_str().unwrap()
        );
        batch(&world.superuser, &update).await;
    }
    let arrived = world.receiver.until("/takes/", 30).await;
    let sequence = "select array_agg(id order by sequence) from mako.event_deliveries";
    let sequence: Vec<String> = world.superuser.query_one(sequence, &[]).await.unwrap().get(0);
    let ids: Vec<_> = arrived.iter().map(Arrived::id).collect();
    assert_eq!(ids, sequence);
}

#[tokio::test]
async fn fifty_receivers_that_hang_delay_nobody() {
    let world = World::new().await;
    let hanging = world.url("/hangs/");
    for n in 0..50 {
        let user = json!({"sub": format!("hanging-{n}"), "role": "authenticated", "aud": "authenticated",
            "email": format!("{n}@example.com"), "exp": now() + 3600});
        subscribe(&world.database.login_url(), &claims(&user), &hanging, &[]).await;
    }
    world.subscribe(Alice, &world.url("/takes/"), &[]).await;
    let leads = "insert into leads (user_id, name, phone, status, source)
        select u.id, 'x', '1', 'new', 'x' from users u, generate_series(1, 20)";
    batch(&world.superuser, leads).await;
    let arrived = world.receiver.until("/takes/", 20).await;
    world.until("delivered", 20).await;
    assert_eq!(arrived.len(), 20);
    // Nobody's place came free because somebody gave up: not one of the others has been answered or given up by now.
    let attempts = "select count(*) from mako.event_attempts where status_code is distinct from 204";
    let attempts: i64 = world.superuser.query_one(attempts, &[]).await.unwrap().get(0);
    assert_eq!(attempts, 0);
    assert!(world.receiver.on("/hangs/").len() >= 50);
}

#[tokio::test]
async fn behind_a_transaction_pooler_events_are_looked_for() {
    let database = TestDatabase::new().await;
    let pooler = PgBouncer::with_pool(&database, 2).await;
    let settings = [TO_LOOPBACK, ("PREPARED_STATEMENTS", "off")];
    let _service = Service::with(&pooler.login_url(), &settings).await;
    let receiver = EventReceiver::start().await;
    let url = format!("{}/takes/", receiver.url);
    subscribe(&database.login_url(), &Alice.claims(), &url, &[]).await;
    let leads =
        "insert into leads (user_id, name, phone, status, source) values ('USER', 'x', '1', 'new', 'x')";
    batch(&database.superuser().await, &leads.replace("USER", Alice.id())).await;
    receiver.until("/takes/", 1).await;
    let listening =
        "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen %'";
    let listening: i64 = database
        .superuser()
        .await
        .query_one(listening, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(listening, 0, "nobody listens on a session that others get");
}

#[tokio::test]
async fn a_service_that_stops_gives_back_what_it_has_not_sent_and_ends_what_it_has() {
    let mut world = World::new().await;
    world.subscribe(Alice, &world.url("/late/"), &[]).await;
    world.lead(Alice, "Ada").await;
    world.receiver.until("/late/", 1).await;
    world.service.process.signal("TERM").await;
    world
        .service
        .process
        .wait_for(|log| log.contains("graceful shutdown").then_some(()))
        .await;
    world.receiver.release();
    world.until("delivered", 1).await;
    let ended = world.service.process.child.wait().await.unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(world.receiver.arrived().len(), 1);
}
