//! Whatever two or three do to a row at the same time: no import and no event undoes a change that began after it and was
//! answered 200, no field is lost, and nobody is refused for what another does.
//!
//! The row is held, the writers are started in every order, each once the one before it waits or is done, and then it is let go.

mod connections;

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{self, NUMBERS, SETTINGS, platform};
use tests::people::Person::Alice;
use tests::service::Answer;
use tests::{Service, TestDatabase};
use tokio::task::JoinHandle;
use webhooks::Source;

/// Who writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Writer {
    /// The tenant, who changes this field.
    Patch(&'static str),
    /// The tenant, who deletes the row.
    Delete,
    /// A scenario, whose event brings every field.
    Event,
    /// A browser, whose object brings every field.
    Import,
}

/// Where the writers meet.
#[derive(Clone, Copy, Debug)]
enum Held {
    /// At the row itself.
    Row,
    /// Before they have read it: imports and events begin with the tenant's row, and changes pass by.
    Tenant,
}

/// What they write to.
#[derive(Clone, Copy)]
struct Resource {
    table: &'static str,
    path: &'static str,
    event: &'static str,
}

const CONTACTS: Resource = Resource {
    table: "contacts",
    path: "/v1/contacts",
    event: "contact.updated",
};
const LEADS: Resource = Resource {
    table: "leads",
    path: "/v1/leads",
    event: "lead.updated",
};

/// Every order of these.
fn orders<T: Copy>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    (0..items.len())
        .flat_map(|first| {
            let mut rest = items.to_vec();
            let first = rest.remove(first);
            orders(&rest)
                .into_iter()
                .map(move |order| [&[first], order.as_slice()].concat())
        })
        .collect()
}

struct Setting {
    database: TestDatabase,
    service: Service,
}

impl Setting {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        batch(&database.superuser().await, hooks::TENANTS).await;
        let service = Service::with(&database.login_url(), &SETTINGS).await;
        Self { database, service }
    }

    /// Holds what `lock` locks, starts the requests in this order, lets go, and has their answers.
    async fn during(&self, lock: &str, requests: Vec<reqwest::RequestBuilder>) -> Vec<Answer> {
        let holder = self.database.superuser().await;
        batch(&holder, &format!("begin; {lock}")).await;
        let (mut started, mut blocked) = (Vec::<JoinHandle<Answer>>::new(), 0);
        for request in requests {
            let writer = tokio::spawn(Answer::of(request));
            tokio::select! {
                () = self.database.until_blocked(blocked + 1) => blocked += 1,
                () = tests::process::until(async || writer.is_finished()) => {}
            }
            started.push(writer);
        }
        batch(&holder, "commit").await;
        let mut answers = Vec::new();
        for writer in started {
            answers.push(writer.await.unwrap());
        }
        answers
    }

    async fn make(&self, resource: Resource, row: &Value) -> String {
        let made = self.service.post(Alice, resource.path, row).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body["id"].as_str().unwrap().to_owned()
    }

    fn request(&self, resource: Resource, id: &str, phone: &str, writer: Writer) -> reqwest::RequestBuilder {
        let path = format!("{}/{id}", resource.path);
        match writer {
            Writer::Patch(field) => self
                .service
                .request_as(Alice, Method::PATCH, &path)
                .json(&json!({field: "patched"})),
            Writer::Delete => self.service.request_as(Alice, Method::DELETE, &path),
            Writer::Event => {
                let data = json!({"name": "Ann Other", "phone": phone, "company": "event", "notes": "event",
                    "status": "event", "summary": "event"});
                let event = json!({"event_id": phone, "event_type": resource.event, "tenant_phone": NUMBERS[0].1,
                    "data": data});
                let delivery = platform(Source::Make, event.to_string());
                hooks::request(&delivery, |path| self.service.request(Method::POST, path))
            }
            Writer::Import => {
                let object = json!({"id": phone, "name": "Ann Other", "phone": phone, "company": "import",
                    "notes": "import"});
                self.service
                    .request_as(Alice, Method::POST, "/v1/contacts/import")
                    .json(&json!({"contacts": [object]}))
            }
        }
    }

    /// All writers in every order, at a row of their own each time; what is there afterwards is judged.
    async fn all_orders(
        &self,
        resource: Resource,
        writers: &[Writer],
        row: impl Fn(&str) -> Value,
        judge: impl Fn(&[Writer], &[Answer], &[Value], &str),
    ) {
        let mut count = 0;
        for held in [Held::Row, Held::Tenant] {
            for order in orders(writers) {
                count += 1;
                let phone = format!("+1401{:07}", 7_120_000 + count);
                let id = self.make(resource, &row(&phone)).await;
                let lock = match held {
                    Held::Row => format!("select from {} where id = '{id}' for update", resource.table),
                    Held::Tenant => {
                        format!("select from users where id = '{}' for no key update", Alice.id())
                    }
                };
                let requests = order
                    .iter()
                    .map(|writer| self.request(resource, &id, &phone, *writer))
                    .collect();
                let answers = self.during(&lock, requests).await;
                let found = self
                    .service
                    .get(
                        Alice,
                        &format!("{}?phone={}", resource.path, phone.replace('+', "%2B")),
                    )
                    .await;
                let rows = found.body["data"]
                    .as_array()
                    .unwrap_or_else(|| panic!("{}", found.text));
                judge(&order, &answers, rows, &format!("{held:?} {order:?}"));
            }
        }
    }
}

fn contact(phone: &str) -> Value {
    json!({"first_name": "Ann", "last_name": "Other", "phone": phone, "company": "before", "notes": "before"})
}

fn lead(phone: &str) -> Value {
    json!({"name": "Ann Other", "phone": phone, "status": "new", "source": "x", "summary": "before"})
}

/// Everybody succeeds, the row is there once, and no change is undone by what began before it.
fn nothing_is_lost(order: &[Writer], answers: &[Answer], rows: &[Value], what: &str) {
    for answer in answers {
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
    }
    let [row] = rows else { panic!("{what}: {rows:?}") };
    for (place, writer) in order.iter().enumerate() {
        let Writer::Patch(field) = writer else { continue };
        let has_successor = order[place..]
            .iter()
            .any(|later| matches!(later, Writer::Event | Writer::Import));
        if !has_successor {
            assert_eq!(row[field], "patched", "{what}: {row}");
        }
        assert_ne!(row[field], "before", "{what}: {row}");
    }
}

/// Nobody is refused but who changes what is gone, and nobody is there twice.
fn nobody_is_refused(order: &[Writer], answers: &[Answer], rows: &[Value], what: &str) {
    for (writer, answer) in order.iter().zip(answers) {
        let expected: &[u16] = match writer {
            Writer::Patch(_) => &[200, 404],
            Writer::Delete => &[204],
            Writer::Event | Writer::Import => &[200],
        };
        assert!(
            expected.contains(&answer.status),
            "{what}, {writer:?}: {}",
            answer.text
        );
    }
    assert!(rows.len() <= 1, "{what}: {rows:?}");
}

#[tokio::test]
async fn no_writer_of_a_contact_undoes_or_loses_anothers_change() {
    let it = Setting::new().await;
    let writers = [
        Writer::Patch("company"),
        Writer::Patch("notes"),
        Writer::Event,
        Writer::Import,
    ];
    it.all_orders(CONTACTS, &writers, contact, nothing_is_lost).await;
}

#[tokio::test]
async fn no_writer_of_a_lead_undoes_or_loses_anothers_change() {
    let it = Setting::new().await;
    let writers = [Writer::Patch("status"), Writer::Patch("summary"), Writer::Event];
    it.all_orders(LEADS, &writers, lead, nothing_is_lost).await;
}

#[tokio::test]
async fn a_change_that_began_before_what_is_there_does_not_date_the_row_back() {
    let it = Setting::new().await;
    for (resource, row, field) in [
        (CONTACTS, contact("+14017129999"), "notes"),
        (LEADS, lead("+14017129999"), "summary"),
    ] {
        let id = it.make(resource, &row).await;
        let table = resource.table;
        let newer = format!("update {table} set updated_at = '2100-01-01' where id = '{id}'");
        batch(&it.database.superuser().await, &newer).await;
        let request = it.request(resource, &id, "", Writer::Patch(field));
        let changed = Answer::of(request).await.body;
        assert_eq!(changed[field], "patched", "{changed}");
        assert_eq!(changed["updated_at"], "2100-01-01T00:00:00Z", "{changed}");
    }
    // Nor does an import, which then only fills in what is empty.
    let imported = it.request(CONTACTS, "", "+14017129999", Writer::Import);
    assert_eq!(Answer::of(imported).await.status, 200);
    let found = it
        .service
        .get(Alice, "/v1/contacts?phone=%2B14017129999")
        .await
        .body;
    let row = &found["data"][0];
    assert_eq!(
        (&row["notes"], &row["company"]),
        (&json!("patched"), &json!("before")),
        "{found}"
    );
    assert_eq!(row["updated_at"], "2100-01-01T00:00:00Z", "{found}");
}

#[tokio::test]
async fn a_row_that_is_deleted_meanwhile_has_nobody_refused() {
    let it = Setting::new().await;
    let writers = [
        Writer::Patch("notes"),
        Writer::Delete,
        Writer::Event,
        Writer::Import,
    ];
    it.all_orders(CONTACTS, &writers, contact, nobody_is_refused)
        .await;
    it.all_orders(
        LEADS,
        &[writers[1], writers[2], Writer::Patch("summary")],
        lead,
        nobody_is_refused,
    )
    .await;
}
