//! An address book of 5,000 contacts, as a browser hands it over.

use std::time::Instant;

use serde_json::{Value, json};
use tests::TestDatabase;
use tests::people::{Person, service_token};
use tests::postgrest::Postgrest;
use tests::service::Answer;

use crate::clients::median;
use crate::report::Line;
use crate::report::Target::AtLeast;
use crate::serve;

const CONTACTS: u32 = 5_000;
const TURNS: u32 = 5;

/// Against PostgREST's bulk upsert of the same rows, both into tables that have what came before.
pub(crate) async fn measure() -> Vec<Line> {
    let database = TestDatabase::new().await.with_rows().await;
    let service = serve(&database.login_url(), &[]).await;
    let postgrest = Postgrest::on(&database).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let import = service.request_as(Person::Alice, reqwest::Method::POST, "/v1/contacts/import");
        let started = Instant::now();
        let answer = Answer::of(import.json(&json!({"contacts": contacts(turn, browsers)}))).await;
        ours.push(started.elapsed().as_secs_f64());
        assert_eq!(answer.body["created"], CONTACTS, "{}", answer.text);

        let upsert = reqwest::Client::new()
            .post(format!("{}/contacts?on_conflict=id", postgrest.url))
            .bearer_auth(service_token())
            .header("prefer", "resolution=merge-duplicates,return=minimal");
        let started = Instant::now();
        let answer = Answer::of(upsert.json(&contacts(turn, row))).await;
        theirs.push(started.elapsed().as_secs_f64());
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    vec![
        Line::new(
            "import of 5,000 contacts, × PostgREST's bulk upsert",
            theirs / ours,
            " ×",
            AtLeast(5.0),
        )
        .of(format!("{:.0} and {:.0} ms", ours * 1000.0, theirs * 1000.0)),
    ]
}

/// Others in every turn.
fn contacts(turn: u32, shape: fn(u32) -> Value) -> Value {
    let first = turn * CONTACTS;
    (first..first + CONTACTS).map(shape).collect()
}

/// As a browser kept it.
fn browsers(n: u32) -> Value {
    json!({"id": n.to_string(), "name": format!("Ann{n} Lee{n}"), "email": format!("a{n}@example.com"),
        "phone": format!("+1555{n:07}"), "company": format!("Company {}", n % 100), "status": "active"})
}

/// As PostgREST takes it, for Bob.
fn row(n: u32) -> Value {
    json!({"id": format!("contact-{n}"), "user_id": Person::Bob.id(), "first_name": format!("Ann{n}"), "last_name": format!("Lee{n}"),
        "email": format!("a{n}@example.com"), "phone": format!("+1555{n:07}"), "company": format!("Company {}", n % 100),
        "status": "active"})
}
