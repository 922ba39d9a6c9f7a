//! What telling of it adds to an import of 5,000 contacts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::database::batch;
use tests::event_receiver::EventReceiver;
use tests::events_out::{count, subscribe};
use tests::people::Person::{self, Alice, Bob};
use tests::service::Answer;
use tests::{Service, TestDatabase};

const CONTACTS: usize = 5_000;
/// Imports of each kind, in turns; the first are to get going.
const TURNS: usize = 9;

/// Medians in seconds: of a tenant without a receiver and without the triggers, of one without a receiver, of one with one.
pub(crate) async fn measure(
    database: &TestDatabase,
    service: &Service,
    receiver: &EventReceiver,
) -> [f64; 3] {
    let url = format!("{}/takes/imports", receiver.url);
    subscribe(&database.login_url(), &Alice.claims(), &url, &["contact.created"]).await;
    let superuser = database.superuser().await;
    let mut taken = [const { Vec::new() }; 3];
    for turn in 0..=TURNS {
        for (kind, (person, triggers)) in [(Bob, "disable"), (Bob, "enable"), (Alice, "enable")]
            .iter()
            .enumerate()
        {
            batch(
                &superuser,
                &format!("alter table contacts {triggers} trigger capture_inserted"),
            )
            .await;
            let seconds = import(service, *person, 3 * turn + kind).await;
            if turn > 0 {
                taken[kind].push(seconds);
            }
            while count(&superuser, "pending").await > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    taken.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        seconds[TURNS / 2]
    })
}

/// Imports others than the times before.
async fn import(service: &Service, person: Person, time: usize) -> f64 {
    let contacts: Value = (time * CONTACTS..(time + 1) * CONTACTS)
        .map(|n| {
            json!({"id": n.to_string(), "name": format!("Ann{n} Lee{n}"), "email": format!("a{n}@example.com"),
                "phone": format!("+1555{n:07}"), "company": format!("Company {}", n % 100), "status": "active"})
        })
        .collect();
    let request = service
        .request_as(person, reqwest::Method::POST, "/v1/contacts/import")
        .json(&json!({"contacts": contacts}));
    let began = Instant::now();
    let answer = Answer::of(request).await;
    assert_eq!(answer.body["created"], CONTACTS, "{}", answer.text);
    began.elapsed().as_secs_f64()
}
