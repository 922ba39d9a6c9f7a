//! Whatever two or three do to a row at the same time: no import and no event undoes a change that began after it and was
//! answered 200, no field is lost, and nobody is refused for what another does.
//!
//! The row is held, the writers are started in every order, each once the one before it waits or is done, and then it is let go.

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{self, NUMBERS, SETTINGS, platform};
use tests::people::Person::Alice;
use tests::provider::{OWNED_NUMBER, Provider};
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

#[tokio::test]
async fn changes_of_an_endpoint_add_up() {
    let it = Setting::new().await;
    let put = |body: &Value| {
        it.service
            .request_as(Alice, Method::PUT, "/v1/webhook-endpoints/make")
            .json(body)
    };
    // Made by two at once it is one, whose secret one of them is shown.
    let tenant = format!("select from users where id = '{}' for update", Alice.id());
    let made = it.during(&tenant, vec![put(&json!({})), put(&json!({}))]).await;
    assert_eq!(
        (made[0].status, made[1].status),
        (200, 200),
        "{} {}",
        made[0].text,
        made[1].text
    );
    assert_eq!(made[0].body["url"], made[1].body["url"]);
    let shown = made.iter().filter(|answer| answer.body["secret"].is_string());
    assert_eq!(shown.count(), 1, "{} {}", made[0].text, made[1].text);
    let row = "select from webhook_endpoints where source = 'make' for update";
    for (n, order) in orders(&["secret", "timezone"]).into_iter().enumerate() {
        let (secret, timezone) = (
            format!("a-secret-of-somebody-{n}"),
            ["America/Mexico_City", "Asia/Tokyo"][n],
        );
        let requests = order.iter().map(|field| {
            let value = if *field == "secret" { &secret } else { timezone };
            put(&json!({*field: value}))
        });
        for answer in it.during(row, requests.collect()).await {
            assert_eq!(
                (answer.status, &answer.body["url"]),
                (200, &made[0].body["url"]),
                "{}",
                answer.text
            );
        }
        let list = it.service.get(Alice, "/v1/webhook-endpoints").await.body;
        let endpoints = list["data"].as_array().unwrap();
        let endpoint = endpoints
            .iter()
            .find(|endpoint| endpoint["source"] == "make")
            .unwrap();
        assert_eq!(endpoint["timezone"], timezone, "{order:?}");
        let url = made[0].body["url"].as_str().unwrap();
        let path = url.strip_prefix(hooks::BASE_URL).unwrap();
        let event = json!({"event_id": n.to_string(), "event_type": "note", "data": {}}).to_string();
        let heard = hooks::post(&it.service, &hooks::signed(Source::Make, path, event, &secret)).await;
        assert_eq!(heard.status, 200, "{order:?}: {}", heard.text);
    }
}

#[tokio::test]
async fn of_changes_of_a_key_the_last_one_counts() {
    let it = Setting::new().await;
    let path = "/v1/api-keys/hubspot";
    // Of three the last to wait need not be the last to write.
    let pairs = [["a", "b"], ["a", "delete"], ["b", "delete"]];
    for order in pairs.iter().flat_map(|pair| orders(pair)) {
        it.service
            .put(Alice, path, &json!({"api_key": "0123456789-0123456789-0"}))
            .await;
        let requests = order.iter().map(|writer| match *writer {
            "delete" => it.service.request_as(Alice, Method::DELETE, path),
            letter => it
                .service
                .request_as(Alice, Method::PUT, path)
                .json(&json!({"api_key": format!("0123456789-0123456789-{letter}")})),
        });
        for answer in it
            .during("select from api_keys for update", requests.collect())
            .await
        {
            assert!(matches!(answer.status, 200 | 204), "{order:?}: {}", answer.text);
        }
        let list = it.service.get(Alice, "/v1/api-keys").await.body;
        let key = &list["data"][0];
        let saved = order.iter().rfind(|writer| **writer != "delete").unwrap();
        assert_eq!(
            key["is_active"],
            *order.last().unwrap() != "delete",
            "{order:?}: {key}"
        );
        assert!(key["hint"].as_str().unwrap().ends_with(saved), "{order:?}: {key}");
    }
}

#[tokio::test]
async fn a_number_that_is_released_while_it_is_verified_is_gone_and_one_claimed_twice_is_one() {
    let (database, provider) = (TestDatabase::new().await, Provider::start().await);
    let service = Service::with(&database.login_url(), &[("RELAY_BASE_URL_TWILIO", &provider.url)]).await;
    let it = Setting { database, service };
    it.service
        .put(Alice, "/v1/api-keys/twilio", &json!({"api_key": "AC123:token"}))
        .await;
    for order in orders(&["verify", "release"]) {
        let number = json!({"phone": OWNED_NUMBER});
        let claims = (0..4).map(|_| it.service.post(Alice, "/v1/phone-numbers", &number));
        let claims = futures_util::future::join_all(claims).await;
        let mut statuses: Vec<_> = claims.iter().map(|claim| claim.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409]);
        let made = claims.iter().find(|claim| claim.status == 201).unwrap();
        let path = format!("/v1/phone-numbers/{}", made.body["id"].as_str().unwrap());
        let requests = order.iter().map(|writer| match *writer {
            "verify" => it
                .service
                .request_as(Alice, Method::POST, &format!("{path}/verify")),
            _ => it.service.request_as(Alice, Method::DELETE, &path),
        });
        let answers = it
            .during("select from user_phone_numbers for update", requests.collect())
            .await;
        for (writer, answer) in order.iter().zip(&answers) {
            let expected: &[u16] = if *writer == "verify" { &[200, 404] } else { &[204] };
            assert!(expected.contains(&answer.status), "{order:?}: {}", answer.text);
        }
        let left = it.service.get(Alice, "/v1/phone-numbers").await.body;
        assert_eq!(left["data"], json!([]), "{order:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_replayed_twice_at_once_is_done_once() {
    let it = Setting::new().await;
    let other = it.database.superuser().await;
    batch(
        &other,
        "alter table leads add constraint unlucky check (name <> 'Ann')",
    )
    .await;
    let event = json!({"event_id": "1", "event_type": "lead.created", "tenant_phone": NUMBERS[0].1,
        "data": {"name": "Ann", "phone": "+14017122661"}});
    hooks::post(&it.service, &platform(Source::Make, event.to_string())).await;
    let failed = it
        .service
        .get(Alice, "/v1/webhook-events?status=failed")
        .await
        .body;
    let id = failed["data"][0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{failed}"));
    batch(&other, "alter table leads drop constraint unlucky").await;
    let replay = || {
        it.service
            .request_as(Alice, Method::POST, &format!("/v1/webhook-events/{id}/replay"))
    };
    let answers = it
        .during("select from webhook_events for update", vec![replay(), replay()])
        .await;
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (200, &json!("processed")),
            "{}",
            answer.text
        );
    }
    let leads = it.service.get(Alice, "/v1/leads").await.body;
    assert_eq!(leads["data"].as_array().map(Vec::len), Some(1), "{leads}");
}
