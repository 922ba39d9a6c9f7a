//! What tests of events that go out share: subscriptions, the official libraries, and a database's clock that is moved on.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::Claims;
use seal::{KeyRing, MasterKey, SecretText};
use serde_json::json;
use store::rows::api_keys::SealedStore;
use store::rows::event_subscriptions::NewEventSubscription;
use store::{PreparedStatements, SealingKeys};
use tokio_postgres::Client;

use crate::database::{batch, store};
use crate::event_receiver::Arrived;
use crate::npm::package_file;
use crate::programs;
use crate::service::ENCRYPTION_KEY;

/// The setting of a service that sends events to receivers on loopback.
pub const TO_LOOPBACK: (&str, &str) = ("EVENTS_TO_LOOPBACK", "on");

/// A subscription, with its secret.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// `whsec_…`.
    pub secret: String,
}

/// Subscribes a receiver to these types of a user's events, or to all of them, as the API does it.
pub async fn subscribe(login_url: &str, claims: &Claims, url: &str, types: &[&str]) -> Subscription {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let store = Arc::new(store(login_url, 1, PreparedStatements::Off));
    let key = MasterKey::from_hex(ENCRYPTION_KEY).expect("a key");
    let ring = KeyRing::new(key, Vec::new()).expect("one key");
    let sealed_store = SealedStore::new(store, SealingKeys::new(ring, Vec::new()));
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (id, secret) = (
        format!("subscription-{number}"),
        format!(
            "whsec_{}",
            STANDARD.encode(format!("the secret of subscription {number}"))
        ),
    );
    let new = NewEventSubscription {
        id: &id,
        url,
        description: None,
        event_types: (!types.is_empty()).then_some(types),
    };
    let made = sealed_store
        .create_event_subscription(claims, &new, &SecretText::new(secret.clone()))
        .await;
    assert!(made.expect("it is saved").is_some(), "not too many");
    Subscription { id, secret }
}

/// Has everything that waits for another attempt be due now.
pub async fn make_due(superuser: &Client) {
    // What a service is noting just now is left to it.
    let due = "update mako.event_deliveries set next_attempt_at = now() where id in (
        select id from mako.event_deliveries where status = 'failed' and next_attempt_at > now() for update skip locked)";
    batch(superuser, &format!("{due}; notify mako_events")).await;
}

/// How many deliveries have this status.
pub async fn count(superuser: &Client, status: &str) -> i64 {
    let count = "select count(*) from mako.event_deliveries where status = $1";
    superuser
        .query_one(count, &[&status])
        .await
        .expect("a superuser may")
        .get(0)
}

/// Has the official libraries for Node and Python verify what arrived; panics if one refuses any of it.
pub async fn verify(arrived: &[Arrived], secret: &str) {
    let deliveries: Vec<_> = arrived
        .iter()
        .map(|event| json!({"secret": secret, "headers": event.headers, "body": event.body}))
        .collect();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("standardwebhooks");
    let installed = package_file("standardwebhooks/package.json").await;
    let modules = installed.ancestors().nth(2).expect("node_modules").to_owned();
    let mut node = Command::new("node");
    node.arg(scripts.join("verify.mjs")).arg(modules);
    let mut python = Command::new(programs::python());
    python.arg(scripts.join("verify.py"));
    let input = json!(deliveries).to_string();
    for command in [&mut node, &mut python] {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it is installed");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        let verified = String::from_utf8_lossy(&output.stdout);
        assert_eq!(verified.trim(), arrived.len().to_string(), "{command:?}");
    }
}
