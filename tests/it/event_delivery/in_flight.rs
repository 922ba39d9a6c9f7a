//! What happens to an event while it is being sent: its service is killed, its subscription changed, its owner removed.

use serde_json::json;
use tests::Service;
use tests::database::batch;
use tests::event_receiver::Arrived;
use tests::events_out::{TO_LOOPBACK, count, make_due, verify};
use tests::people::Person::{Alice, Bob};
use tests::process::until;

use super::World;

/// The latest moment until which a delivery is somebody's, in seconds from now.
const LEASED_FOR: &str =
    "select coalesce(extract(epoch from max(leased_until) - now())::float8, 0) from mako.event_deliveries";

#[tokio::test]
async fn what_takes_long_is_kept_and_what_a_killed_service_had_is_soon_anothers() {
    let mut world = World::new().await;
    world.subscribe(Alice, &world.url("/late/"), &[]).await;
    let leads = "insert into leads (user_id, name, phone, status, source)
        select id, 'x', '1', 'new', 'x' from users, generate_series(1, 50)";
    batch(&world.superuser, leads).await;
    let places = world.receiver.until("/late/", 8).await.len();
    let other = Service::with(&world.database.login_url(), &[TO_LOOPBACK]).await;

    // Held for longer than a lease: renewed each time before another could take it.
    let leased_until = async || {
        let latest = "select max(leased_until)::text from mako.event_deliveries";
        world
            .superuser
            .query_one(latest, &[])
            .await
            .unwrap()
            .get::<_, Option<String>>(0)
    };
    for _ in 0..4 {
        let before = leased_until().await;
        until(async || leased_until().await != before).await;
        let seconds: f64 = world.superuser.query_one(LEASED_FOR, &[]).await.unwrap().get(0);
        assert!((0.0..=10.0).contains(&seconds), "{seconds}");
    }
    let arrived = world.receiver.on("/late/");
    assert_eq!(
        arrived.len(),
        places,
        "nobody else sends it, and nothing else in its place"
    );

    world.service.process.child.kill().await.unwrap();
    // The database's clock is moved on by a lease.
    let over = "update mako.event_deliveries set leased_until = leased_until - interval '10 seconds'";
    batch(&world.superuser, over).await;
    let again = world.receiver.until("/late/", 2 * places).await;
    let ids = |events: &[Arrived]| {
        let mut ids: Vec<_> = events.iter().map(|event| event.id().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&again[..places]), ids(&again[places..]));
    drop(other);
}

#[tokio::test]
async fn what_changes_while_an_event_is_being_sent_holds_from_the_next_one_on() {
    let world = World::new().await;
    let late = world.url("/late/");
    let [deleted, disabled, rotated] =
        [Alice, Alice, Alice].map(async |person| world.subscribe(person, &late, &[]).await);
    let (deleted, disabled, rotated) = (deleted.await, disabled.await, rotated.await);
    world.subscribe(Bob, &late, &[]).await;
    for person in [Alice, Bob] {
        world.lead(person, "Ada").await;
    }
    world.receiver.until("/late/", 4).await;

    let path = |id: &str, more: &str| format!("/v1/event-subscriptions/{id}{more}");
    let service = &world.service;
    assert_eq!(service.delete(Alice, &path(&deleted.id, "")).await.status, 204);
    let off = service
        .patch(Alice, &path(&disabled.id, ""), &json!({"status": "disabled"}))
        .await;
    assert_eq!(off.status, 200, "{}", off.text);
    let secret = service
        .post(Alice, &path(&rotated.id, "/rotate-secret"), &json!({}))
        .await;
    let secret = secret.body["secret"].as_str().unwrap().to_owned();
    batch(
        &world.superuser,
        &format!("delete from users where id = '{}'", Bob.id()),
    )
    .await;

    world.receiver.release();
    world.until("delivered", 2).await;
    let whose = "select array_agg(subscription_id order by subscription_id) from mako.event_deliveries";
    let whose: Vec<String> = world.superuser.query_one(whose, &[]).await.unwrap().get(0);
    assert_eq!(whose, [disabled.id, rotated.id], "nothing of who is gone");
    world.lead(Alice, "Grace").await;
    let arrived = world.receiver.until("/late/", 5).await;
    world.receiver.release();
    world.until("delivered", 3).await;
    for secret in [&rotated.secret, &secret] {
        verify(&arrived[4..], secret).await;
    }
}

#[tokio::test]
async fn what_this_version_does_not_know_is_left_to_one_that_does() {
    let world = World::new().await;
    world.subscribe(Alice, &world.url("/takes/"), &[]).await;
    let captured = "insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id)
        select user_id, id, 'lead.merged', 'x' from mako.event_subscriptions";
    batch(&world.superuser, captured).await;
    world.until("failed", 1).await;
    assert_eq!(world.receiver.count(), 0);
    let error = world.attempts::<Option<String>>("error").await.remove(0);
    assert!(error.is_some_and(|error| error.contains("version")));
    batch(
        &world.superuser,
        "update mako.event_deliveries set event_type = 'lead.deleted'",
    )
    .await;
    make_due(&world.superuser).await;
    world.until("delivered", 1).await;
    assert_eq!(count(&world.superuser, "withheld").await, 0);
}
