//! Do master keys come and go without anybody noticing? `mako keys`, /ready, and what the CRM sealed itself.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use tests::database::batch;
use tests::people::Person::{self, Alice, Bob};
use tests::process::Process;
use tests::service::{Answer, ENCRYPTION_KEY, mako};
use tests::{Service, TestDatabase};
use tokio::process::Command;
use tokio::sync::watch;

/// The key that comes after [`ENCRYPTION_KEY`].
const NEXT_KEY: &str = "0e77e71000112233445566778899aabbccddeeff00112233445566778899aabb";

async fn keys(
    database: &TestDatabase,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> (Option<i32>, String) {
    let admin = database.superuser_url();
    let mut environment = vec![("ADMIN_DATABASE_URL", admin.as_str())];
    environment.extend(settings);
    let arguments: Vec<_> = std::iter::once("keys").chain(arguments.iter().copied()).collect();
    Process::start(&mut mako(&arguments, &environment).await)
        .output()
        .await
}

async fn reveal(service: &Service, person: Person, name: &str) -> Answer {
    Answer::of(service.request_for(person, Method::POST, &format!("/v1/api-keys/{name}/reveal"))).await
}

/// Values that Node seals exactly as the CRM does, one for each secret.
async fn sealed_by_the_crm(secrets: &[&str]) -> Vec<String> {
    const SEAL: &str = "
        const { createCipheriv, randomBytes, scryptSync } = require('node:crypto');
        const [password, ...secrets] = process.argv.slice(1);
        const key = scryptSync(password, 'scalemako-salt-v1', 32);
        for (const secret of secrets) {
          const iv = randomBytes(16), cipher = createCipheriv('aes-256-gcm', key, iv);
          const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
          console.log([iv, cipher.getAuthTag(), text].map((part) => part.toString('base64')).join(':'));
        }";
    let mut node = Command::new("node");
    node.args(["-e", SEAL, ENCRYPTION_KEY]).args(secrets);
    let (status, output) = Process::start(&mut node).output().await;
    assert_eq!(status, Some(0), "{output}");
    output.lines().map(str::to_owned).collect()
}

/// A database on which the CRM has kept keys of alice's and bob's, one of them damaged.
async fn crm_database() -> TestDatabase {
    let database = TestDatabase::new().await;
    let sealed = sealed_by_the_crm(&["alices-vapi-key-of-some-length", "clé de bob 🔑", "lost"]).await;
    let client = database.superuser().await;
    for (person, service, value) in [
        (Alice, "vapi", sealed[0].clone()),
        (Bob, "twilio", sealed[1].clone()),
        (Bob, "make", sealed[2].replace(':', ":A")),
    ] {
        batch(
            &client,
            &format!(
                "insert into users (id, email, password) values ('{0}', '{1}', '!') on conflict do nothing;
                 insert into api_keys (user_id, service_name, encrypted_key) values ('{0}', '{service}', '{value}')",
                person.id(),
                person.email()
            ),
        )
        .await;
    }
    database
}

#[tokio::test]
async fn what_the_crm_sealed_opens_on_use_and_is_sealed_anew() {
    let database = crm_database().await;
    let service = Service::on(&database).await;
    assert_eq!(
        reveal(&service, Alice, "vapi").await.body["api_key"],
        "alices-vapi-key-of-some-length"
    );
    let client = database.superuser().await;
    let row = client
        .query_one(
            "select encrypted_key, sealed_by, hint, key_hash from api_keys where service_name = 'vapi'",
            &[],
        )
        .await
        .unwrap();
    assert!(!row.get::<_, &str>(0).contains(':'), "in our format now");
    assert!(row.get::<_, Option<&str>>(1).is_some());
    assert_eq!(row.get::<_, Option<&str>>(2), Some("ngth"));
    assert!(row.get::<_, Option<&str>>(3).is_some());
    assert_eq!(
        reveal(&service, Alice, "vapi").await.body["api_key"],
        "alices-vapi-key-of-some-length"
    );
    // Comparing takes a value over as well.
    let same = service
        .post(
            Bob,
            "/v1/api-keys/twilio/verify",
            &json!({"api_key": "clé de bob 🔑"}),
        )
        .await;
    assert_eq!(same.body, json!({"matches": true}));
    assert_eq!(
        reveal(&service, Bob, "make").await.outcome(),
        (409, "MK_KEY_UNREADABLE")
    );
}

#[tokio::test]
async fn the_crms_keys_are_imported_and_what_does_not_open_is_left_and_listed() {
    let database = crm_database().await;
    let client = database.superuser().await;
    let values = "select string_agg(encrypted_key, ',' order by service_name) from api_keys";
    let before: String = client.query_one(values, &[]).await.unwrap().get(0);
    let environment = [("ENCRYPTION_KEY", ENCRYPTION_KEY)];

    let (status, log) = keys(&database, &["import-legacy", "--dry-run"], &environment).await;
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("2 values would be taken over"), "{log}");
    assert!(log.contains("api_keys make of user"), "{log}");
    assert_eq!(
        client.query_one(values, &[]).await.unwrap().get::<_, String>(0),
        before,
        "a dry run changes nothing"
    );

    let (status, log) = keys(&database, &["import-legacy"], &environment).await;
    assert_eq!(status, Some(1), "one is left: {log}");
    assert!(log.contains("2 values were taken over"), "{log}");
    let left = "select count(*) from api_keys where sealed_by is null";
    assert_eq!(client.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 1);
    let hint = "select hint from api_keys where service_name = 'vapi'";
    let hint: Option<String> = client.query_one(hint, &[]).await.unwrap().get(0);
    assert_eq!(hint.as_deref(), Some("ngth"));

    let service = Service::on(&database).await;
    assert_eq!(
        reveal(&service, Alice, "vapi").await.body["api_key"],
        "alices-vapi-key-of-some-length"
    );
    assert_eq!(
        reveal(&service, Bob, "twilio").await.body["api_key"],
        "clé de bob 🔑"
    );
    for secret in ["alices-vapi", "clé de bob", "lost\"", ENCRYPTION_KEY] {
        assert!(!log.contains(secret), "{log}");
    }
    let (_, status) = keys(&database, &["status"], &environment).await;
    assert!(
        status.contains("foreign") && status.contains("import-legacy"),
        "{status}"
    );
}

#[tokio::test]
async fn legacy_values_can_be_refused_once_they_are_all_taken_over() {
    let database = crm_database().await;
    let service = Service::with(&database.login_url(), &[("LEGACY_KEYS", "off")]).await;
    assert_eq!(
        reveal(&service, Alice, "vapi").await.outcome(),
        (409, "MK_KEY_UNREADABLE")
    );
}

#[tokio::test]
async fn ready_names_the_master_key_that_is_missing() {
    let database = TestDatabase::new().await;
    let old = Service::on(&database).await;
    old.put(
        Alice,
        "/v1/api-keys/vapi",
        &json!({"api_key": "a-key-of-alices-of-some-length"}),
    )
    .await;
    let id: String = database
        .superuser()
        .await
        .query_one("select sealed_by from api_keys", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(old.get(Alice, "/ready").await.status, 200);

    let new = Service::with(&database.login_url(), &[("ENCRYPTION_KEY", NEXT_KEY)]).await;
    let ready = new.get(Alice, "/ready").await;
    assert_eq!(ready.outcome(), (503, "MK503"));
    assert_eq!(ready.body["details"], format!("missing: {id}"));
    assert!(
        ready.body["hint"]
            .as_str()
            .unwrap()
            .contains("ENCRYPTION_KEYS_RETIRED")
    );
    assert_eq!(
        reveal(&new, Alice, "vapi").await.outcome(),
        (409, "MK_KEY_UNREADABLE")
    );
    let (code, status) = keys(&database, &["status"], &[("ENCRYPTION_KEY", NEXT_KEY)]).await;
    assert_eq!(code, Some(1), "{status}");
    assert!(status.contains(&id) && status.contains("missing"), "{status}");
    let (code, log) = keys(&database, &["rotate"], &[("ENCRYPTION_KEY", NEXT_KEY)]).await;
    assert_eq!(code, Some(1), "what can't be opened is listed: {log}");
    assert!(log.contains(&id), "{log}");

    let both = [
        ("ENCRYPTION_KEY", NEXT_KEY),
        ("ENCRYPTION_KEYS_RETIRED", ENCRYPTION_KEY),
    ];
    let both = Service::with(&database.login_url(), &both).await;
    assert_eq!(both.get(Alice, "/ready").await.status, 200);
    assert_eq!(reveal(&both, Alice, "vapi").await.status, 200);
    assert_eq!(
        new.get(Alice, "/ready").await.status,
        200,
        "use has sealed it anew"
    );
}

/// Saves, checks and uses keys until it is told to stop, and counts; panics at the first failure.
async fn load(service: Arc<Service>, person: Person, stop: watch::Receiver<bool>, done: watch::Sender<u32>) {
    while !*stop.borrow() {
        let round = *done.borrow();
        for name in ["vapi", "twilio", "make", "monday"] {
            let key = format!("{name}-key-{round}-of-some-length");
            let path = format!("/v1/api-keys/{name}");
            let saved = service.put(person, &path, &json!({"api_key": key})).await;
            assert_eq!(saved.status, 200, "{}", saved.text);
            let used = reveal(&service, person, name).await;
            assert_eq!(used.body["api_key"], key, "{}", used.text);
            let checked = service
                .post(person, &format!("{path}/verify"), &json!({"api_key": key}))
                .await;
            assert_eq!(checked.body, json!({"matches": true}), "{}", checked.text);
        }
        done.send_modify(|rounds| *rounds += 1);
    }
}

/// A load that is on.
struct Load {
    task: tokio::task::JoinHandle<()>,
    done: watch::Receiver<u32>,
}

impl Load {
    fn start(service: &Arc<Service>, person: Person, stop: &watch::Sender<bool>) -> Self {
        let (sender, done) = watch::channel(0);
        Self {
            task: tokio::spawn(load(Arc::clone(service), person, stop.subscribe(), sender)),
            done,
        }
    }

    /// Waits for two more rounds.
    async fn goes_on(&mut self) {
        let until = *self.done.borrow() + 2;
        let waited = self.done.wait_for(|rounds| *rounds >= until).await;
        assert!(waited.is_ok(), "the load has failed");
    }
}

/// A request on behalf of one of many users.
fn request_of(service: &Service, n: u32, method: Method, path: &str) -> reqwest::RequestBuilder {
    service
        .request(method, path)
        .bearer_auth(tests::people::service_token())
        .header("x-mako-user", format!("user-{n}"))
        .json(&json!({"api_key": format!("key-of-user-{n}-of-some-length")}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_under_load_and_no_request_fails() {
    const MANY: u32 = 700; // several batches
    let both = [
        ("ENCRYPTION_KEY", NEXT_KEY),
        ("ENCRYPTION_KEYS_RETIRED", ENCRYPTION_KEY),
    ];
    let database = TestDatabase::new().await;
    let old = Arc::new(Service::with(&database.login_url(), &[("ENCRYPTION_KEYS_RETIRED", NEXT_KEY)]).await);
    let new = Arc::new(Service::with(&database.login_url(), &both).await);
    for n in 0..MANY {
        let saved = Answer::of(request_of(&old, n, Method::PUT, "/v1/api-keys/zoho")).await;
        assert_eq!(saved.status, 200, "{}", saved.text);
    }
    let (stop, _) = watch::channel(false);
    let mut loads = [Load::start(&old, Alice, &stop), Load::start(&new, Bob, &stop)];
    let (_, before) = keys(&database, &["status"], &both).await;
    assert!(before.contains("still needed"), "{before}");

    // Killed in the middle, it goes on where it was.
    let admin = database.superuser_url();
    let environment = [("ADMIN_DATABASE_URL", admin.as_str()), both[0], both[1]];
    let mut first = Process::start(&mut mako(&["keys", "rotate"], &environment).await);
    first
        .wait_for(|log| log.contains("sealing anew:").then_some(()))
        .await;
    first.child.kill().await.unwrap();
    let (code, log) = keys(&database, &["rotate"], &both).await;
    assert_eq!(code, Some(0), "{log}");
    for load in &mut loads {
        load.goes_on().await;
    }
    stop.send_replace(true);
    for load in loads {
        load.task.await.expect("no request failed");
    }
    // The old service went on sealing with the old key: once it is gone, one more rotation is the last.
    let (code, log) = keys(&database, &["rotate"], &both).await;
    assert_eq!(code, Some(0), "{log}");
    let (code, after) = keys(&database, &["status"], &both).await;
    assert_eq!(code, Some(0), "{after}");
    assert!(after.contains("may be dropped"), "{after}");

    // Without the old key everything opens, and fingerprints are the new key's as well.
    let alone = Service::with(&database.login_url(), &[("ENCRYPTION_KEY", NEXT_KEY)]).await;
    assert_eq!(alone.get(Alice, "/ready").await.status, 200);
    for n in [0, MANY / 2, MANY - 1] {
        let path = "/v1/api-keys/zoho/verify";
        let same = Answer::of(request_of(&alone, n, Method::POST, path)).await;
        assert_eq!(same.body, json!({"matches": true}));
    }
    let left = "select count(*) from api_keys where sealed_by is distinct from
                (select sealed_by from api_keys where service_name = 'zoho' limit 1)";
    let client = database.superuser().await;
    assert_eq!(client.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_generated_key_is_one_that_serve_accepts() {
    let database = TestDatabase::new().await;
    let (code, output) = keys(&database, &["generate"], &[]).await;
    assert_eq!(code, Some(0));
    let key = output
        .lines()
        .find(|line| line.len() == 64)
        .expect("the key on a line of its own");
    let service = Service::with(&database.login_url(), &[("ENCRYPTION_KEY", key)]).await;
    assert_eq!(service.get(Alice, "/ready").await.status, 200);
}
