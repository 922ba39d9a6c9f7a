//! A database that answers but can't work: what it acknowledges waits, and is recorded by itself once it can.

use reqwest::Method;
use serde_json::json;
use tests::Restartable;
use tests::database::{batch, connect};
use tests::hooks::{SETTINGS, platform, post, sms};
use tests::people::{JWT_SECRET, Person::Alice};
use tests::process::{Process, until};
use tests::service::{ENCRYPTION_KEY, mako};
use webhooks::Source;

use crate::webhook_outage::Spooling;

/// A message to Alice's number; each its own.
fn message(n: usize) -> webhooks::Delivery {
    let sid = format!("SM{n}");
    platform(Source::Twilio, sms(&sid, "+14017122661", "+15005550001", "hi"))
}

async fn recorded(database: &Restartable) -> i64 {
    let sql = "select count(*) from webhook_events where status = 'processed'";
    database
        .superuser()
        .await
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0)
}

/// Ends the service's connections, so that it meets the database anew.
async fn disconnect(database: &Restartable) {
    let postgres = connect(&database.postgres().superuser_url("postgres")).await;
    batch(
        &postgres,
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'mako'",
    )
    .await;
}

/// Deliveries are acknowledged and wait; creates and readiness are 503 and say why.
async fn waits(it: &Spooling, why: &str) {
    let waiting = it.files().len();
    let delivery = post(&it.service, &message(waiting + 100)).await;
    assert_eq!(delivery.status, 204, "{}", delivery.text);
    assert_eq!(it.files(), vec!["sealed"; waiting + 1]);
    let ready = it.service.get(Alice, "/ready").await;
    assert_eq!(ready.status, 503, "{}", ready.text);
    assert!(ready.text.contains(why), "{}", ready.text);
    let lead = json!({"name": "x", "phone": "+14155550123", "status": "new", "source": "Voice"});
    let created = it.service.post(Alice, "/v1/leads", &lead).await;
    assert_eq!(created.status, 503, "{}", created.text);
    assert!(!created.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_standby_keeps_deliveries_waiting_until_it_is_promoted() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    let data = database.data().await;
    database.stop().await;
    assert_eq!(
        post(&it.service, &message(1)).await.status,
        204,
        "while it is down"
    );
    std::fs::write(data.join("standby.signal"), "").unwrap();
    database.go_on().await;
    let seen = async || it.service.get(Alice, "/ready").await.text.contains("standby");
    until(seen).await;
    waits(&it, "standby").await;
    batch(&database.superuser().await, "select pg_promote()").await;
    until(async || it.files().is_empty()).await;
    until(async || recorded(&database).await == 2).await;
    assert_eq!(it.service.get(Alice, "/ready").await.status, 200);
}

#[tokio::test]
async fn a_read_only_database_keeps_deliveries_waiting() {
    let database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    let postgres = connect(&database.postgres().superuser_url("postgres")).await;
    batch(
        &postgres,
        "alter database mako set default_transaction_read_only = on",
    )
    .await;
    disconnect(&database).await;
    waits(&it, "read-only").await;
    batch(
        &postgres,
        "alter database mako set default_transaction_read_only = off",
    )
    .await;
    // The service's sessions began read-only; it replaces them itself.
    until(async || it.service.get(Alice, "/ready").await.status == 200).await;
    until(async || it.files().is_empty()).await;
    until(async || recorded(&database).await == 1).await;
}

#[tokio::test]
async fn a_database_that_is_being_restored_keeps_deliveries_waiting() {
    let database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    let postgres = connect(&database.postgres().superuser_url("postgres")).await;
    let instead = async |sql: &str| {
        // The service connects again and again meanwhile.
        batch(&postgres, "alter role mako nologin").await;
        disconnect(&database).await;
        for statement in sql.split(';') {
            batch(&postgres, statement).await;
        }
        batch(&postgres, "alter role mako login").await;
    };
    instead("alter database mako rename to the_real_one; create database mako").await;
    waits(&it, "mako migrate").await;
    instead("drop database mako with (force); alter database the_real_one rename to mako").await;
    until(async || it.files().is_empty()).await;
    until(async || recorded(&database).await == 1).await;
}

#[tokio::test]
async fn a_lock_that_lasts_leaves_an_event_to_be_tried_again() {
    let database = Restartable::start().await;
    let mut settings = SETTINGS.to_vec();
    settings.extend([("STATEMENT_TIMEOUT", "300ms"), ("REQUEST_TIMEOUT", "5s")]);
    let service = tests::Service::with(&database.login_url(), &settings).await;
    let locker = database.superuser().await;
    batch(&locker, "begin; lock table leads in access exclusive mode").await;
    let delivery = post(&service, &message(1)).await;
    assert!(matches!(delivery.status, 200 | 204), "{}", delivery.text);
    let sql = "select status from webhook_events";
    let status: String = database
        .superuser()
        .await
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(status, "received");
    batch(&locker, "rollback").await;
    until(async || recorded(&database).await == 1).await;
}

#[tokio::test]
async fn one_bad_file_keeps_no_other_waiting_and_is_shown_to_the_operator() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    database.stop().await;
    let spoilers: [fn(&std::path::Path); 4] = [
        |file| std::fs::write(file, [0xff, 0xfe, 0x00]).unwrap(),
        |file| std::fs::write(file, "").unwrap(),
        |file| {
            std::fs::remove_file(file).unwrap();
            std::fs::create_dir(file).unwrap();
        },
        |file| {
            std::fs::remove_file(file).unwrap();
            std::os::unix::fs::symlink("/nowhere", file).unwrap();
        },
    ];
    for n in 0..=spoilers.len() {
        assert_eq!(post(&it.service, &message(n)).await.status, 204);
    }
    let mut files = it.folder.deliveries();
    files.sort();
    let good = std::fs::read(&files[0]).unwrap();
    for (spoil, file) in spoilers.iter().zip(&files) {
        spoil(file);
    }
    database.go_on().await;
    until(async || it.files() == ["aside"; 4]).await;
    until(async || recorded(&database).await == 1).await;
    let metrics = it.service.get(Alice, "/metrics").await.text;
    assert!(metrics.contains("mako_webhooks_put_aside 4"), "{metrics}");

    let folder = it.folder.path().to_str().unwrap();
    let environment = [("SPOOL_DIR", folder)];
    let command = async |arguments: &[&str]| {
        Process::start(&mut mako(arguments, &environment).await)
            .output()
            .await
    };
    let (code, listed) = command(&["events", "spool", "list"]).await;
    assert_eq!((code, listed.matches("aside ").count()), (Some(1), 4), "{listed}");
    // One is mended; the others are as bad as before.
    std::fs::write(files[0].with_extension("aside"), good).unwrap();
    let name = files[0].file_stem().unwrap().to_str().unwrap();
    let (code, said) = command(&["events", "spool", "retry", name]).await;
    assert_eq!(code, Some(0), "{said}");
    until(async || recorded(&database).await == 2).await;
}

#[tokio::test]
async fn a_spool_that_takes_no_files_is_refused_at_start_and_turns_ready_red_later() {
    let environment = [
        ("DATABASE_URL", "postgres://mako:x@127.0.0.1:1/mako"),
        ("JWT_SECRET", JWT_SECRET),
        ("ENCRYPTION_KEY", ENCRYPTION_KEY),
        ("LISTEN", "127.0.0.1:0"),
        // A folder that can be read, and takes no files even from root.
        ("SPOOL_DIR", "/proc"),
    ];
    let (code, log) = Process::start(&mut mako(&["serve"], &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("SPOOL_DIR"), "{log}");

    let database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    assert_eq!(
        it.service
            .request(Method::GET, "/ready")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let elsewhere = it.folder.path().with_extension("elsewhere");
    std::fs::rename(it.folder.path(), &elsewhere).unwrap();
    until(async || it.service.get(Alice, "/ready").await.text.contains("SPOOL_DIR")).await;
    std::fs::rename(&elsewhere, it.folder.path()).unwrap();
    until(async || it.service.get(Alice, "/ready").await.status == 200).await;
}
