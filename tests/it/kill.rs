//! Is anything lost or doubled by `kill -9`? A few times each; hundreds by `cargo run -p tests --example kill`, and with
//! events that go out by `--example kill_events`.

use tests::event_kill::Killed;

const KILLS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_loses_and_doubles_nothing_that_it_acknowledged() {
    let outcome = tests::kill::service(KILLS, |_| ()).await;
    let answers = &outcome.ledger.answers;
    // A connection that breaks is no answer; whatever is answered is right.
    assert!(
        answers.keys().all(|(_, heard)| !heard.starts_with('5')),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_killed_loses_and_doubles_nothing_that_was_acknowledged() {
    let outcome = tests::kill::postgres(KILLS, |_| ()).await;
    let answers = &outcome.ledger.answers;
    assert!(outcome.ledger.only("event", &[200, 204]), "{answers:?}");
    assert!(outcome.ledger.only("create", &[200, 201, 503]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_out_at_least_once_in_order_and_to_their_tenants_whoever_is_killed() {
    let outcome = tests::event_kill::run(240, 2, Killed::Both, |_| ()).await;
    assert!(outcome.events >= 240 && outcome.attempts >= outcome.events);
}
