//! An address book of 5,000 contacts, as a browser hands it over.

use std::time::Instant;

use serde_json::{Value, json};
use tests::TestDatabase;
use tests::database::batch;
use tests::people::{Person, service_token};
use tests::postgrest::Postgrest;
use tests::service::Answer;

use crate::clients::median;
use crate::report::Line;
use crate::report::Target::AtLeast;
use crate::serve;

const CONTACTS: u32 = 5_000;
const TURNS: u32 = 5;

/// Against PostgREST's bulk upsert of the same rows, both into tables that have what came before. No tenant has
/// asked for events: those would be measured with it, and sending them would take the processor from both.
pub(crate) async fn measure() -> Vec<Line> {
    let database = TestDatabase::new().await;
    let users = [Person::Alice, Person::Bob, Person::Mallory]
        .map(|person| format!("('{}', '{}', '!')", person.id(), person.email()));
    let sql = format!(
        "insert into users (id, email, password) values {}",
        users.join(", ")
    );
    batch(&database.superuser().await, &sql).await;
    let service = serve(&database.login_url(), &[]).await;
    let postgrest = Postgrest::on(&database).await;
    let owner = database.superuser().await;
    let (mut ours, mut theirs, mut inserts) = (Vec::new(), Vec::new(), Vec::new());
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

        let started = Instant::now();
        let inserted = owner.execute(&insert(turn), &[]).await;
        inserts.push(started.elapsed().as_secs_f64());
        assert_eq!(inserted.expect("an owner may"), u64::from(CONTACTS));
    }
    let [ours, theirs, insert] = [&mut ours, &mut theirs, &mut inserts].map(|taken| median(taken));
    vec![
        Line::new(
            "import of 5,000 contacts, × PostgREST's bulk upsert",
            theirs / ours,
            " ×",
            AtLeast(5.0),
        )
        .of(format!("{:.0} and {:.0} ms", ours * 1000.0, theirs * 1000.0)),
        Line::bound(
            "the same rows from within Postgres, × PostgREST's bulk upsert",
            theirs / insert,
            " ×",
        )
        .of(format!("{:.0} ms", insert * 1000.0)),
    ]
}

/// The same rows, for Mallory, by who is bound by nothing.
fn insert(turn: u32) -> String {
    let (first, user) = (turn * CONTACTS, Person::Mallory.id());
    let last = first + CONTACTS - 1;
    format!(
        "insert into contacts (user_id, first_name, last_name, email, phone, company, status)
         select '{user}', 'Ann' || n, 'Lee' || n, 'a' || n || '@example.com', '+1555' || lpad(n::text, 7, '0'), 'Company ' || n % 100, 'active'
         from generate_series({first}, {last}) n"
    )
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
