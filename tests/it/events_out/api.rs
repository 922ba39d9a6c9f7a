//! The routes: what may be subscribed, what is shown, and what can be sent again.

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::people::Person::{self, Alice, Bob};
use tests::people::sign;
use tests::service::Answer;
use tests::{Service, TestDatabase};

use super::{subscribe, tenants};

const SUBSCRIPTIONS: &str = "/v1/event-subscriptions";
const DELIVERIES: &str = "/v1/event-deliveries";

async fn subscribed(service: &Service, person: Person, body: &Value) -> Value {
    let made = service.post(person, SUBSCRIPTIONS, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body
}

async fn patch(service: &Service, person: Person, id: &Value, change: &Value) -> Answer {
    let path = format!("{SUBSCRIPTIONS}/{}", id.as_str().unwrap());
    Answer::of(service.request_as(person, Method::PATCH, &path).json(change)).await
}

async fn act(service: &Service, person: Person, path: &str) -> Answer {
    Answer::of(service.request_as(person, Method::POST, path)).await
}

async fn lead(service: &Service, person: Person) {
    let lead = json!({"name": "Ann", "phone": "+15550100001", "status": "new", "source": "Voice"});
    assert_eq!(service.post(person, "/v1/leads", &lead).await.status, 201);
}

async fn deliveries(service: &Service, person: Person, query: &str) -> Vec<Value> {
    let listed = service.get(person, &format!("{DELIVERIES}{query}")).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    listed.body["data"].as_array().unwrap().clone()
}

/// Without a worker of the service's own in the way: nobody answers at that address.
const NOWHERE: &str = "https://receiver.invalid/hook";

#[tokio::test]
async fn a_secret_is_shown_once_and_its_subscription_to_nobody_else() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let body = json!({"url": NOWHERE, "description": "Make", "event_types": ["lead.created"]});
    let made = subscribed(&service, Alice, &body).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!(
        (&made["status"], &made["event_types"], &made["disabled_reason"]),
        (&json!("active"), &json!(["lead.created"]), &Value::Null)
    );
    let path = format!("{SUBSCRIPTIONS}/{}", made["id"].as_str().unwrap());
    for shown in [
        service.get(Alice, &path).await,
        service.get(Alice, SUBSCRIPTIONS).await,
    ] {
        assert_eq!(shown.status, 200);
        assert!(
            !shown.text.contains("whsec_") && shown.text.contains(NOWHERE),
            "{}",
            shown.text
        );
    }
    assert_eq!(service.get(Bob, SUBSCRIPTIONS).await.body, json!({"data": []}));
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/test")),
        (Method::POST, format!("{path}/rotate-secret")),
    ] {
        let answer = Answer::of(service.request_as(Bob, method, &path)).await;
        assert_eq!(answer.outcome(), (404, "MK404"), "{path}");
    }
    assert_eq!(
        patch(&service, Bob, &made["id"], &json!({"description": "x"}))
            .await
            .status,
        404
    );
    let deleted = Answer::of(service.request_as(Alice, Method::DELETE, &path)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(service.get(Alice, &path).await.status, 404);
    let stored: i64 = database
        .superuser()
        .await
        .query_one("select count(*) from mako.event_subscriptions", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn an_address_that_events_may_not_go_to_is_refused_with_the_reason() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let long = format!("https://example.com/{}", "x".repeat(2000));
    for (url, reason) in [
        ("http://example.com/", "https"),
        ("https://user:secret@example.com/", "password"),
        ("https://10.0.0.1/", "public"),
        ("https://localhost/", "public"),
        ("http://127.0.0.1:9/", "https"),
        ("ftp://example.com/", "address"),
        ("no address", "address"),
        (long.as_str(), "2000"),
    ] {
        let refused = service.post(Alice, SUBSCRIPTIONS, &json!({"url": url})).await;
        assert_eq!(refused.outcome(), (422, "MK422"), "{url}");
        let details = refused.body["details"].as_str().unwrap();
        assert!(
            details.starts_with("url: ") && details.contains(reason),
            "{url}: {details}"
        );
        assert!(!details.contains("secret"), "{details}");
    }
    for types in [
        json!([]),
        json!(["lead.created", "lead.created"]),
        json!(["lead"]),
        json!("lead.created"),
    ] {
        let refused = service
            .post(
                Alice,
                SUBSCRIPTIONS,
                &json!({"url": NOWHERE, "event_types": types}),
            )
            .await;
        assert_eq!(refused.outcome(), (422, "MK422"), "{types}");
    }
}

#[tokio::test]
async fn a_user_has_twenty_subscriptions_and_no_more() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    for _ in 0..20 {
        subscribed(&service, Alice, &json!({"url": NOWHERE})).await;
    }
    let refused = service.post(Alice, SUBSCRIPTIONS, &json!({"url": NOWHERE})).await;
    assert_eq!(refused.outcome(), (409, "MK409"));
    subscribed(&service, Bob, &json!({"url": NOWHERE})).await;
}

#[tokio::test]
async fn a_subscription_changes_is_switched_off_and_on_and_what_happens_meanwhile_is_not_told() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let made = subscribed(
        &service,
        Alice,
        &json!({"url": NOWHERE, "event_types": ["lead.created"]}),
    )
    .await;
    let off = patch(&service, Alice, &made["id"], &json!({"status": "disabled"})).await;
    assert_eq!(
        (off.status, &off.body["status"], &off.body["disabled_reason"]),
        (200, &json!("disabled"), &json!("owner"))
    );
    lead(&service, Alice).await;
    let path = format!("{SUBSCRIPTIONS}/{}", made["id"].as_str().unwrap());
    let refused = act(&service, Alice, &format!("{path}/test")).await;
    assert_eq!(refused.outcome(), (409, "MK409"));
    let change = json!({"status": "active", "event_types": null, "description": "all", "url": "https://receiver.invalid/other"});
    let on = patch(&service, Alice, &made["id"], &change).await.body;
    assert_eq!(
        (
            &on["status"],
            &on["disabled_reason"],
            &on["event_types"],
            &on["url"]
        ),
        (
            &json!("active"),
            &Value::Null,
            &Value::Null,
            &json!("https://receiver.invalid/other")
        )
    );
    lead(&service, Alice).await;
    assert_eq!(deliveries(&service, Alice, "").await.len(), 1);
    let refused = patch(&service, Alice, &made["id"], &json!({"url": "http://x"})).await;
    assert_eq!(refused.outcome(), (422, "MK422"));
}

#[tokio::test]
async fn a_secret_is_exchanged_with_a_day_of_both() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let made = subscribed(&service, Alice, &json!({"url": NOWHERE})).await;
    let path = format!("{SUBSCRIPTIONS}/{}/rotate-secret", made["id"].as_str().unwrap());
    let rotated = act(&service, Alice, &path).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_ne!(rotated.body["secret"], made["secret"]);
    let overlap = "select round(extract(epoch from previous_secret_expires_at - now()) / 3600)::int4 from mako.event_subscriptions";
    let hours: i32 = database
        .superuser()
        .await
        .query_one(overlap, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(hours, 24);
}

#[tokio::test]
async fn a_test_sends_each_type_that_is_asked_for() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let types = json!(["contact.deleted", "lead.created"]);
    let made = subscribed(&service, Alice, &json!({"url": NOWHERE, "event_types": types})).await;
    let path = format!("{SUBSCRIPTIONS}/{}/test", made["id"].as_str().unwrap());
    let tested = act(&service, Alice, &path).await;
    assert_eq!(tested.status, 200, "{}", tested.text);
    let samples = tested.body["data"].as_array().unwrap();
    let named: Vec<_> = samples.iter().map(|sample| &sample["event_type"]).collect();
    assert_eq!(named, [&json!("contact.deleted"), &json!("lead.created")]);
    for sample in samples {
        let path = format!("{DELIVERIES}/{}", sample["delivery_id"].as_str().unwrap());
        let delivery = service.get(Alice, &path).await.body;
        assert_eq!(
            (&delivery["is_test"], &delivery["event_type"]),
            (&json!(true), &sample["event_type"])
        );
        assert_eq!(service.get(Bob, &path).await.status, 404);
    }
}

#[tokio::test]
async fn a_subscription_with_a_long_past_is_removed_a_batch_at_a_time() {
    let database = TestDatabase::new().await;
    let (owner, service) = (database.superuser().await, Service::on(&database).await);
    let mut made = Vec::new();
    for person in [Alice, Alice, Bob] {
        made.push(subscribed(&service, person, &json!({"url": NOWHERE})).await);
    }
    batch(
        &owner,
        "insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id, status, finished_at)
         select user_id, id, 'lead.created', n::text, 'delivered', now()
         from mako.event_subscriptions, generate_series(1, 12000) n;
         insert into mako.event_attempts (user_id, delivery_id, attempted_at, duration_ms)
         select user_id, id, now(), 1 from mako.event_deliveries;
         create function at_most() returns trigger language plpgsql as $$
         begin
           if (select count(*) > 5000 from gone) then
             raise exception 'too many at once';
           end if;
           return null;
         end $$;
         create trigger at_most after delete on mako.event_deliveries referencing old table as gone
           for each statement execute function at_most()",
    )
    .await;
    let path = format!("{SUBSCRIPTIONS}/{}", made[0]["id"].as_str().unwrap());
    let delete = async |person| Answer::of(service.request_as(person, Method::DELETE, &path)).await;
    assert_eq!(delete(Bob).await.outcome(), (404, "MK404"));
    assert_eq!(delete(Alice).await.status, 204);
    assert_eq!(delete(Alice).await.outcome(), (404, "MK404"));
    let left = "select s.id, s.status, count(distinct d.id), count(a)
        from mako.event_subscriptions s
        left join mako.event_deliveries d on d.user_id = s.user_id and d.subscription_id = s.id
        left join mako.event_attempts a on a.user_id = d.user_id and a.delivery_id = d.id
        group by s.id, s.status";
    let left = owner.query(left, &[]).await.unwrap();
    assert_eq!(left.len(), 2, "hers alone is gone");
    for row in left {
        let kept: (String, i64, i64) = (row.get(1), row.get(2), row.get(3));
        assert_eq!(kept, ("active".to_owned(), 12_000, 12_000));
    }
}

#[tokio::test]
async fn deliveries_are_listed_by_subscription_status_and_type_and_sent_again() {
    let database = TestDatabase::new().await;
    let (owner, service) = (database.superuser().await, Service::on(&database).await);
    let first = subscribed(
        &service,
        Alice,
        &json!({"url": NOWHERE, "event_types": ["lead.created"]}),
    )
    .await;
    let second = subscribed(
        &service,
        Alice,
        &json!({"url": NOWHERE, "event_types": ["contact.created"]}),
    )
    .await;
    lead(&service, Alice).await;
    lead(&service, Alice).await;
    assert_eq!(
        service
            .post(Alice, "/v1/contacts", &json!({"first_name": "Ann"}))
            .await
            .status,
        201
    );
    let id = |subscription: &Value| subscription["id"].as_str().unwrap().to_owned();
    let of_first = format!("?subscription={}", id(&first));
    assert_eq!(deliveries(&service, Alice, &of_first).await.len(), 2);
    assert_eq!(
        deliveries(&service, Alice, "?event_type=contact.created&count=exact")
            .await
            .len(),
        1
    );
    assert_eq!(deliveries(&service, Bob, "").await.len(), 0);
    // The service fails them as well; without its lease that doesn't count.
    batch(
        &owner,
        "update mako.event_deliveries set leased_until = null, finished_at = now()
           , status = case event_type when 'lead.created' then 'dead' else 'delivered' end",
    )
    .await;
    let dead = deliveries(&service, Alice, "?status=dead").await;
    assert_eq!((dead.len(), &dead[0]["next_attempt_at"]), (2, &Value::Null));
    let path = format!("{DELIVERIES}/{}/retry", dead[0]["id"].as_str().unwrap());
    assert_eq!(act(&service, Bob, &path).await.outcome(), (404, "MK404"));
    let again = act(&service, Alice, &path).await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (200, &dead[0]["id"]),
        "{}",
        again.text
    );
    let span = |subscription: &Value| json!({"subscription": id(subscription), "since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"});
    let many = service
        .post(Alice, "/v1/event-deliveries/retry", &span(&first))
        .await;
    assert_eq!(many.status, 200, "{}", many.text);
    let retried = many.body["retried"].as_i64().unwrap();
    assert!((1..=2).contains(&retried), "the other one, or both: {retried}");
    assert_eq!(
        deliveries(&service, Alice, "?status=dead").await,
        [] as [Value; 0]
    );
    let none = service
        .post(Alice, "/v1/event-deliveries/retry", &span(&second))
        .await;
    assert_eq!(none.body, json!({"retried": 0}), "it has arrived");
    let early =
        json!({"subscription": id(&first), "since": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z"});
    let early = service.post(Alice, "/v1/event-deliveries/retry", &early).await;
    assert_eq!(early.body, json!({"retried": 0}), "nothing had happened");
    let hers = service
        .post(Bob, "/v1/event-deliveries/retry", &span(&first))
        .await;
    assert_eq!(hers.outcome(), (404, "MK404"));
}

#[tokio::test]
async fn apps_without_trust_and_tokens_without_the_scope_get_at_no_subscription() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let (mut app, mut scoped) = (Alice.payload(), Alice.payload());
    app["client_id"] = json!("app");
    scoped["scope"] = json!("leads:read");
    for (payload, code) in [(app, "MK_THIRD_PARTY"), (scoped, "MK_SCOPE")] {
        for path in [SUBSCRIPTIONS, DELIVERIES] {
            let request = service.request(Method::GET, path).bearer_auth(sign(&payload));
            assert_eq!(Answer::of(request).await.outcome(), (403, code), "{path}");
        }
    }
}

#[tokio::test]
async fn in_sql_apps_without_trust_send_and_remove_nothing() {
    let (_database, mut owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    batch(
        &owner,
        "insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id, status, finished_at)
         select user_id, id, 'lead.created', 'a', 'dead', now() from mako.event_subscriptions",
    )
    .await;
    let of_app = json!({"sub": Alice.id(), "role": "authenticated", "client_id": "app"});
    let own = json!({"sub": Alice.id(), "role": "authenticated"});
    let calls = "select array[
        (select count(*) from mako.send_event_samples('hers', '{lead.created}')),
        (select count(*) from mako.event_deliveries d where mako.retry_event_delivery(d.id)),
        mako.retry_event_deliveries('hers', '-infinity', 'infinity', 10),
        mako.empty_event_subscription('hers', 10)]::int[]";
    for (claims, done) in [(of_app, [0, 0, 0, 0]), (own, [1, 1, 0, 2])] {
        let transaction = owner.transaction().await.unwrap();
        let set =
            "select set_config('request.jwt.claims', $1, true), set_config('role', 'authenticated', true)";
        transaction.query_one(set, &[&claims.to_string()]).await.unwrap();
        let row = transaction.query_one(calls, &[]).await.unwrap();
        assert_eq!(row.get::<_, Vec<i32>>(0), done, "{claims}");
    }
}
