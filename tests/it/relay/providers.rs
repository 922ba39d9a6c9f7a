//! Services that the operator adds are saved, relayed and documented as the built-in ones are.

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::Person::Alice;
use tests::process::Process;
use tests::provider::Provider;
use tests::service::{Answer, ENCRYPTION_KEY, mako};
use tests::{Service, TestDatabase};

use super::KEY;

/// A file of providers for one test, which is removed with it.
struct ProvidersFile(std::path::PathBuf);

impl ProvidersFile {
    fn new(name: &str, toml: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mako-providers-{name}-{}.toml", std::process::id()));
        std::fs::write(&path, toml).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for ProvidersFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

const MY_CRM: &str = r#"
[[provider]]
name = "my-crm"
base = "https://api.my-crm.example"
credential = { header = { name = "x-crm-key", prefix = "Key " } }
withheld = ["account"]
"#;

#[tokio::test]
async fn a_service_of_the_providers_file_is_one_like_the_others() {
    let database = TestDatabase::new().await;
    let provider = Provider::start();
    let file = ProvidersFile::new("added", MY_CRM);
    let settings = [
        ("PROVIDERS_FILE", file.path()),
        ("RELAY_BASE_URL_MY_CRM", provider.url.as_str()),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    let saved = service
        .put(Alice, "/v1/api-keys/my-crm", &json!({"api_key": KEY}))
        .await;
    assert_eq!(
        (saved.status, &saved.body["service_name"]),
        (200, &json!("my-crm")),
        "{}",
        saved.text
    );
    let relayed = service.get(Alice, "/v1/relay/my-crm/deals?limit=1").await;
    assert_eq!(relayed.status, 200, "{}", relayed.text);
    let seen = provider.seen().pop().unwrap();
    assert_eq!(seen.target, "/deals?limit=1");
    assert_eq!(seen.headers["x-crm-key"], format!("Key {KEY}"));
    assert_eq!(
        service.get(Alice, "/v1/relay/my-crm/account").await.outcome(),
        (403, "MK403"),
        "its answer would hold the account's credentials"
    );
    let unknown = service.get(Alice, "/v1/relay/stripe/x").await;
    assert!(
        unknown.text.contains("vapi") && unknown.text.contains("my-crm"),
        "{}",
        unknown.text
    );
    let document = Answer::of(service.request(Method::GET, "/openapi.json"))
        .await
        .body;
    let listed = document["components"]["schemas"]["Service"]["enum"]
        .as_array()
        .cloned();
    assert!(listed.is_some_and(|names| names.contains(&Value::from("my-crm"))));
}

#[tokio::test]
async fn a_file_that_would_send_keys_elsewhere_starts_nothing() {
    for (what, toml, why) in [
        (
            "private",
            MY_CRM.replace("https://api.my-crm.example", "https://10.0.0.1"),
            "public address",
        ),
        ("plain", MY_CRM.replace("https://api", "http://api"), "https"),
        ("misspelt", MY_CRM.replace("withheld", "witheld"), "witheld"),
        (
            "twice",
            format!("{MY_CRM}\n{}", MY_CRM.replace("my-crm\"", "my_crm\"")),
            "told apart",
        ),
    ] {
        let file = ProvidersFile::new(what, &toml);
        let environment = [
            ("DATABASE_URL", "postgres://mako:pw@127.0.0.1/mako"),
            ("JWT_SECRET", tests::people::JWT_SECRET),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY),
            ("PROVIDERS_FILE", file.path()),
        ];
        let (code, log) = Process::start(&mut mako(&["serve"], &environment).await)
            .output()
            .await;
        assert_eq!(code, Some(2), "{what}: {log}");
        assert!(
            log.contains("PROVIDERS_FILE") && log.contains(why),
            "{what}: {log}"
        );
    }
}
