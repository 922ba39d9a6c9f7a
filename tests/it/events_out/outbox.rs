//! Who may send what, in which order, and what becomes of it.

use std::time::Duration;

use store::Store;
use store::rows::event_outbox::{self, DeliveryAttempt, DeliveryOutcome, TakeLimits, TakenDelivery};
use store::rows::events::{self, EventType};
use tests::database::batch;
use tests::people::Person::{Alice, Bob};
use tokio_postgres::Client;

use super::{subscribe, tenants};

const LIMITS: TakeLimits = TakeLimits {
    total: 100,
    per_user: 50,
    per_subscription: 10,
    lease: Duration::from_mins(1),
};

fn attempt() -> DeliveryAttempt {
    DeliveryAttempt {
        at: chrono::DateTime::from_timestamp_micros(i64::try_from(tests::people::now()).unwrap() * 1_000_000)
            .unwrap(),
        duration: Duration::from_millis(20),
        status_code: Some(500),
        error: Some("the receiver answered 500".to_owned()),
        response_start: Some("no\0".to_owned()),
    }
}

async fn take(store: &Store) -> Vec<TakenDelivery> {
    event_outbox::take(store, "", &LIMITS).await.unwrap()
}

/// Says how many are to be noted again.
async fn finish(store: &Store, taken: Vec<TakenDelivery>, outcome: &DeliveryOutcome) -> usize {
    let results: Vec<_> = taken.into_iter().map(|taken| (taken, outcome.clone())).collect();
    event_outbox::finish(store, &results).await.unwrap().len()
}

/// So many leads of alice's, then a change of each.
async fn leads(owner: &Client, many: u32) {
    let write = format!(
        "insert into leads (id, user_id, name, phone, status, source)
           select n::text, '{}', 'Ann', '1', 'new', 'Voice' from generate_series(1, {many}) n;
         update leads set status = 'booked'",
        Alice.id()
    );
    batch(owner, &write).await;
}

/// What was taken: rows and types.
async fn named(owner: &Client, taken: &[TakenDelivery]) -> Vec<(String, String)> {
    let ids: Vec<&str> = taken.iter().map(|taken| taken.id.as_str()).collect();
    let sql = "select row_id, event_type from mako.event_deliveries where id = any ($1) order by sequence";
    let rows = owner.query(sql, &[&ids]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// All that failed may be tried at once.
async fn wait_over(owner: &Client) {
    batch(
        owner,
        "update mako.event_deliveries set next_attempt_at = now() where status = 'failed'",
    )
    .await;
}

async fn one(owner: &Client, sql: &str) -> Option<String> {
    owner.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_happened_to_a_row_is_sent_in_order_until_the_receiver_has_failed_twice() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    subscribe(&owner, Alice, "hers", &[]).await;
    leads(&owner, 1).await;
    let failed = DeliveryOutcome::Failed(attempt(), Duration::from_secs(5));
    for round in 1..=2 {
        let taken = take(&store).await;
        assert_eq!(
            named(&owner, &taken).await,
            [("1".to_owned(), "lead.created".to_owned())],
            "{round}"
        );
        assert_eq!(take(&store).await.len(), 0, "it is under way");
        assert_eq!(finish(&store, taken, &failed).await, 0);
        assert_eq!(
            take(&store).await.len(),
            usize::from(round == 2),
            "later ones wait, once more"
        );
        batch(&owner, "update mako.event_deliveries set leased_until = null").await;
        wait_over(&owner).await;
    }
    let attempts = one(
        &owner,
        "select string_agg(response_start, '') from mako.event_attempts",
    )
    .await;
    assert_eq!(
        attempts.as_deref(),
        Some("no\u{fffd}"),
        "two attempts of one moment are one"
    );
}

#[tokio::test]
async fn a_lease_that_is_over_is_the_next_ones_and_its_late_result_counts_for_nothing() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    subscribe(&owner, Alice, "hers", &["lead.created"]).await;
    leads(&owner, 2).await;
    let dead = take(&store).await;
    assert_eq!(dead.len(), 2);
    batch(
        &owner,
        "update mako.event_deliveries set leased_until = now() - interval '1 second'",
    )
    .await;
    let next = take(&store).await;
    assert_eq!(next.len(), 2);
    let state = async || {
        let states = "select string_agg(distinct status || attempts, ',') from mako.event_deliveries";
        one(&owner, states).await
    };
    let lease = LIMITS.lease;
    assert_eq!(event_outbox::renew(&store, &dead, lease).await.unwrap().len(), 0);
    assert_eq!(finish(&store, dead, &DeliveryOutcome::Dead(attempt())).await, 0);
    assert_eq!(state().await.as_deref(), Some("pending0"));
    // Whoever renews a lease knows the delivery by the new one.
    let renewed = event_outbox::renew(&store, &next, lease).await.unwrap();
    assert_eq!(renewed.len(), 2);
    finish(&store, next, &DeliveryOutcome::Dead(attempt())).await;
    assert_eq!(state().await.as_deref(), Some("pending0"));
    for _ in 0..2 {
        finish(&store, renewed.clone(), &DeliveryOutcome::Delivered(attempt())).await;
        assert_eq!(state().await.as_deref(), Some("delivered1"), "once");
    }
}

#[tokio::test]
async fn outcomes_wait_for_nobody_who_removes_a_tenant_or_changes_a_subscription() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    for (person, name) in [(Alice, "removed"), (Bob, "changed"), (Bob, "neither")] {
        subscribe(&owner, person, name, &["contact.created"]).await;
    }
    let contacts = "insert into contacts (user_id, first_name) select id, 'Ann' from users";
    batch(&owner, contacts).await;
    let taken = take(&store).await;
    assert_eq!(taken.len(), 3);
    let other = database.superuser().await;
    let change = format!(
        "begin; delete from users where id = '{}';
         update mako.event_subscriptions set description = 'x' where id = 'changed'",
        Alice.id()
    );
    batch(&other, &change).await;

    let renewed = event_outbox::renew(&store, &taken, LIMITS.lease).await.unwrap();
    let mut held = taken;
    held.retain(|taken| taken.user_id == Alice.id());
    assert_eq!(
        (held.len(), renewed.len()),
        (1, 2),
        "what is being removed isn't kept"
    );
    held.extend(renewed);
    let failed = DeliveryOutcome::Failed(attempt(), Duration::from_mins(1));
    assert_eq!(finish(&store, held.clone(), &failed).await, 2, "later");
    let states = "select string_agg(subscription_id || ' ' || d.status || ' ' || (failing_since is not null), ', '
        order by subscription_id) from mako.event_deliveries d join mako.event_subscriptions s on s.id = subscription_id";
    let before = "changed pending false, neither failed true, removed pending false";
    assert_eq!(one(&owner, states).await.as_deref(), Some(before));

    batch(&other, "commit").await;
    assert_eq!(finish(&store, held, &failed).await, 0);
    let after = "changed failed true, neither failed true";
    assert_eq!(one(&owner, states).await.as_deref(), Some(after));
}

#[tokio::test]
async fn a_subscription_has_so_many_under_way_a_failing_one_a_single_one_and_a_tenant_no_more_than_theirs() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    for name in ["a", "b"] {
        subscribe(&owner, Alice, name, &["lead.created"]).await;
    }
    subscribe(&owner, Bob, "his", &[]).await;
    leads(&owner, 30).await;
    let contact = format!(
        "insert into contacts (user_id, first_name) values ('{}', 'Ann')",
        Bob.id()
    );
    batch(&owner, &contact).await;
    let few = TakeLimits {
        per_user: 12,
        ..LIMITS
    };
    let taken = event_outbox::take(&store, "", &few).await.unwrap();
    let of =
        |person: tests::people::Person| taken.iter().filter(|taken| taken.user_id == person.id()).count();
    assert_eq!((of(Alice), of(Bob)), (12, 1));
    let failed = DeliveryOutcome::Failed(attempt(), Duration::from_mins(1));
    finish(&store, taken, &failed).await;
    let failing = take(&store).await;
    assert_eq!(failing.len(), 2, "one of each of alice's");
    finish(&store, failing, &DeliveryOutcome::Delivered(attempt())).await;
    assert_eq!(take(&store).await.len(), 20, "they have recovered");
}

#[tokio::test]
async fn everybody_has_a_turn() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    for (person, name) in [(Alice, "hers"), (Bob, "his")] {
        subscribe(&owner, person, name, &[]).await;
        let contacts = format!(
            "insert into contacts (user_id, first_name) select '{}', 'Ann' from generate_series(1, 3)",
            person.id()
        );
        batch(&owner, &contacts).await;
    }
    let single = TakeLimits { total: 1, ..LIMITS };
    let (mut after, mut turns) = (String::new(), Vec::new());
    for _ in 0..4 {
        let taken = event_outbox::take(&store, &after, &single).await.unwrap();
        after.clone_from(&taken[0].user_id);
        turns.push(after.clone());
    }
    let (alice, bob) = (Alice.id().to_owned(), Bob.id().to_owned());
    assert_eq!(turns, [alice.clone(), bob.clone(), alice, bob]);
}

#[tokio::test]
async fn a_receiver_that_is_gone_or_has_failed_for_five_days_is_sent_nothing_more() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    for name in ["gone", "failing"] {
        subscribe(&owner, Alice, name, &["lead.created"]).await;
    }
    batch(
        &owner,
        "update mako.event_subscriptions set failing_since = now() - interval '6 days' where id = 'failing'",
    )
    .await;
    leads(&owner, 12).await;
    let (mut gone, mut failing) = (Vec::new(), Vec::new());
    for taken in take(&store).await {
        let whose = format!(
            "select subscription_id from mako.event_deliveries where id = '{}'",
            taken.id
        );
        match one(&owner, &whose).await.as_deref() {
            Some("gone") => gone.push(taken),
            _ => failing.push(taken),
        }
    }
    assert_eq!((gone.len(), failing.len()), (10, 1));
    finish(&store, gone, &DeliveryOutcome::Gone(attempt())).await;
    finish(
        &store,
        failing,
        &DeliveryOutcome::Failed(attempt(), Duration::ZERO),
    )
    .await;
    assert_eq!(take(&store).await.len(), 0);
    let state =
        "select string_agg(status || ' ' || disabled_reason, ', ' order by id) from mako.event_subscriptions";
    assert_eq!(
        one(&owner, state).await.as_deref(),
        Some("disabled failing, disabled gone")
    );
    let state = "select string_agg(distinct status, ', ') from mako.event_deliveries";
    assert_eq!(one(&owner, state).await.as_deref(), Some("dead"));
    assert_eq!(event_outbox::backlog(&store).await.unwrap().waiting, 0);
}

#[tokio::test]
async fn what_a_tenant_no_longer_sees_is_withheld_and_of_what_is_deleted_the_id_is_told() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    subscribe(&owner, Alice, "hers", &[]).await;
    leads(&owner, 1).await;
    let taken = take(&store).await;
    let claims = taken[0].claims().unwrap();
    let events = [
        (EventType::LeadCreated, "1"),
        (EventType::ContactUpdated, "1"),
        (EventType::LeadDeleted, "9"),
    ];
    let read = async || {
        let subjects = events::subjects(&store, &claims, &events).await.unwrap();
        subjects
            .iter()
            .map(|subject| subject.as_ref().map(|subject| subject.id().to_owned()))
            .collect::<Vec<_>>()
    };
    let (lead, deleted) = (Some("1".to_owned()), Some("9".to_owned()));
    assert_eq!(read().await, [lead, None, deleted.clone()]);
    batch(&owner, &format!("update leads set user_id = '{}'", Bob.id())).await;
    assert_eq!(read().await, [None, None, deleted]);
    assert_eq!(finish(&store, taken, &DeliveryOutcome::Withheld).await, 0);
    let state = "select status || attempts from mako.event_deliveries where event_type = 'lead.created'";
    assert_eq!(one(&owner, state).await.as_deref(), Some("withheld0"));
}

#[tokio::test]
async fn finished_deliveries_are_forgotten_in_time_and_unfinished_ones_never() {
    let (database, owner) = tenants().await;
    let store = database.store(2);
    subscribe(&owner, Alice, "hers", &["lead.created"]).await;
    leads(&owner, 12).await;
    let taken = take(&store).await;
    finish(&store, taken, &DeliveryOutcome::Delivered(attempt())).await;
    assert_eq!(event_outbox::forget(&store, 1, 100).await.unwrap(), 0);
    batch(
        &owner,
        "update mako.event_deliveries set finished_at = finished_at - interval '2 days', created_at = created_at - interval '2 days'",
    )
    .await;
    assert_eq!(event_outbox::forget(&store, 1, 8).await.unwrap(), 8);
    assert_eq!(event_outbox::forget(&store, 1, 8).await.unwrap(), 2);
    assert_eq!(event_outbox::backlog(&store).await.unwrap().waiting, 2);
    let left = "select count(*)::text from mako.event_attempts";
    assert_eq!(one(&owner, left).await.as_deref(), Some("0"));
}
