//! How does the service start, and how does it stop? Unsafe settings are refused with the fix; running requests finish.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tests::database::batch;
use tests::people::JWT_SECRET;
use tests::people::Person::Alice;
use tests::process::Process;
use tests::service::{Answer, ENCRYPTION_KEY, mako};
use tests::{Service, TestDatabase};

/// Starts `serve` with good settings but for these; an empty value takes a setting away.
async fn start_with(changes: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut environment = vec![
        ("DATABASE_URL", "postgres://mako:secret-password@127.0.0.1:1/mako"),
        ("JWT_SECRET", JWT_SECRET),
        ("ENCRYPTION_KEY", ENCRYPTION_KEY),
        ("LISTEN", "127.0.0.1:0"),
    ];
    for change in changes {
        environment.retain(|(name, _)| *name != change.0);
        if !change.1.is_empty() {
            environment.push(*change);
        }
    }
    Process::start(&mut mako(&["serve"], &environment).await)
        .output()
        .await
}

#[tokio::test]
async fn unsafe_settings_are_refused_with_the_fix() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("ENCRYPTION_KEY", "")],
            "ENCRYPTION_KEY environment variable is required",
        ),
        (&[("ENCRYPTION_KEY", "abc")], "64 hex"),
        (&[("ENCRYPTION_KEY", &"0".repeat(64))], "openssl rand -hex 32"),
        (&[("JWT_SECRET", "")], "JWT_SECRET"),
        (&[("JWT_SECRET", "short")], "32"),
        (&[("DATABASE_URL", "")], "DATABASE_URL"),
        (
            &[(
                "DATABASE_URL",
                "postgres://mako:secret-password@db.example.com/mako",
            )],
            "verify-full",
        ),
        (&[("DATABASE_URL", "mysql://x")], "DATABASE_URL"),
        (&[("LISTEN", "nowhere")], "LISTEN"),
        (&[("POOL_SIZE", "0")], "POOL_SIZE"),
        (&[("JWT_SIZE_LIMIT", "65536")], "JWT_SIZE_LIMIT"),
        (&[("PREPARED_STATEMENTS", "maybe")], "PREPARED_STATEMENTS"),
        (
            &[("STATEMENT_TIMEOUT", "60s"), ("REQUEST_TIMEOUT", "10s")],
            "STATEMENT_TIMEOUT",
        ),
    ];
    for (changes, fix) in cases {
        let (code, log) = start_with(changes).await;
        assert_eq!(code, Some(2), "{changes:?}: {log}");
        assert!(log.contains(fix), "{changes:?}: {log}");
        assert!(
            !log.contains("secret-password") && !log.contains(JWT_SECRET),
            "{log}"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_also_the_jwt_secret_is_refused() {
    let (code, log) = start_with(&[("JWT_SECRET", ENCRYPTION_KEY)]).await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("ENCRYPTION_KEY"), "{log}");
}

#[tokio::test]
async fn secrets_may_come_from_files_and_settings_from_mako_toml() {
    let database = TestDatabase::new().await.with_rows().await;
    let folder = std::env::temp_dir().join(format!("mako-toml-{}", database.cluster().postgres().port()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("url"), database.login_url() + "\n").unwrap();
    std::fs::write(folder.join("key"), ENCRYPTION_KEY).unwrap();
    std::fs::write(
        folder.join("mako.toml"),
        "listen = \"127.0.0.1:0\"\nlog_format = \"json\"\npool_size = 2\n",
    )
    .unwrap();
    let (url, key) = (folder.join("url"), folder.join("key"));
    let environment = [
        ("DATABASE_URL_FILE", url.to_str().unwrap()),
        ("ENCRYPTION_KEY_FILE", key.to_str().unwrap()),
        ("JWT_SECRET", JWT_SECRET),
    ];
    let mut process = Process::start(mako(&["serve"], &environment).await.current_dir(&folder));
    process
        .wait_for(|log| log.contains("serving").then_some(()))
        .await;
    // A name that is no setting is most likely a setting misspelt.
    std::fs::write(
        folder.join("mako.toml"),
        "listne = \"127.0.0.1:0\"\njwt_secret = \"in-the-file\"\n",
    )
    .unwrap();
    let (code, log) = Process::start(mako(&["serve"], &environment).await.current_dir(&folder))
        .output()
        .await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("listne") && !log.contains("in-the-file"), "{log}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn running_requests_finish_after_a_signal() {
    let database = TestDatabase::new().await.with_rows().await;
    let mut service = Service::on(&database).await;
    let blocker = database.superuser().await;
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
    batch(&blocker, "begin; lock table leads in access exclusive mode").await;
    let running = service.request_as(Alice, Method::GET, "/v1/leads");
    let running = tokio::spawn(async move { Answer::of(running).await });
    // The request is inside Postgres before the signal is sent.
    database.until_blocked(1).await;
    service.process.signal("TERM").await;
    service
        .process
        .wait_for(|log| log.contains("graceful shutdown").then_some(()))
        .await;
    batch(&blocker, "rollback").await;
    assert_eq!(running.await.unwrap().status, 200);
    let status = tokio::time::timeout(Duration::from_secs(5), service.process.child.wait())
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_token_minted_by_the_command_is_a_session() {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    let (code, token) = Process::start(
        &mut mako(
            &[
                "token",
                "--sub",
                "minted",
                "--email",
                "m@example.com",
                "--ttl",
                "10m",
            ],
            &[("JWT_SECRET", JWT_SECRET)],
        )
        .await,
    )
    .output()
    .await;
    assert_eq!(code, Some(0), "{token}");
    let me = Answer::of(service.request(Method::GET, "/v1/me").bearer_auth(token.trim())).await;
    assert_eq!(
        (me.status, &me.body["user_id"], &me.body["email"]),
        (200, &json!("minted"), &json!("m@example.com"))
    );
    let (code, log) = Process::start(&mut mako(&["token", "--sub", "x"], &[]).await)
        .output()
        .await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("JWT_SECRET"), "{log}");
}

#[tokio::test]
async fn usage_errors_exit_with_two() {
    for arguments in [&["no-such-command"][..], &["serve", "--no-such-flag"], &[]] {
        let (code, log) = Process::start(&mut mako(arguments, &[]).await).output().await;
        assert_eq!(code, Some(2), "{arguments:?}: {log}");
    }
    let (code, log) = Process::start(&mut mako(&["--help"], &[]).await).output().await;
    assert_eq!(code, Some(0), "{log}");
}
