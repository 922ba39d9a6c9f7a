//! Is anything lost when the database goes away? Postgres is really stopped and started again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use devdb::{Data, Options, Postgres, Search};
use futures_util::StreamExt as _;
use serde_json::json;
use store::Target;
use store::admin::Admin;
use tests::Service;
use tests::cluster::LOGIN_PASSWORD;
use tests::database::{batch, connect};
use tests::hooks::{SETTINGS, platform, post, sms};
use tests::people::Person::Alice;
use tests::service::remove_data_dir;
use tokio::net::{TcpListener, TcpStream};
use webhooks::Source;

use crate::webhook_tenancy::{Dice, TENANTS, mixed};

/// A Postgres that can be stopped and started again, behind an address that stays.
pub(crate) struct Restartable {
    pub(crate) folder: PathBuf,
    postgres: Option<Postgres>,
    /// Where the server listens now.
    port: Arc<AtomicU16>,
    /// What clients are told.
    address: u16,
}

impl Restartable {
    pub(crate) async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!(
            "mako-outage-{}-{}",
            std::process::id(),
            tests::process::free_port()
        ));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().port();
        let port = Arc::new(AtomicU16::new(0));
        tokio::spawn(forward(listener, Arc::clone(&port)));
        let mut it = Self {
            folder,
            postgres: None,
            port,
            address,
        };
        it.go_on().await;
        let admin = it.postgres().superuser_url("postgres");
        batch(&connect(&admin).await, "create database mako").await;
        let login = Target::parse(&it.login_url(), None).unwrap();
        let admin = Target::parse(&it.postgres().superuser_url("mako"), None).unwrap();
        Admin::connect(&admin)
            .await
            .unwrap()
            .migrate(Some(&login), &mut |_| ())
            .await
            .unwrap();
        batch(&it.superuser().await, TENANTS).await;
        it
    }

    pub(crate) async fn go_on(&mut self) {
        let options = Options {
            data: Data::Kept(self.folder.clone()),
            search: Search::from_env(),
            settings: Vec::new(),
            cancel: devdb::Cancel::default(),
        };
        let started = tokio::task::spawn_blocking(move || devdb::start(options, &mut |_| ()))
            .await
            .unwrap()
            .unwrap();
        self.port.store(started.port(), Ordering::SeqCst);
        self.postgres = Some(started);
    }

    pub(crate) async fn stop(&mut self) {
        let postgres = self.postgres.take().unwrap();
        tokio::task::spawn_blocking(move || postgres.stop())
            .await
            .unwrap();
    }

    pub(crate) fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().unwrap()
    }

    /// Where the server keeps its data.
    pub(crate) async fn data(&self) -> PathBuf {
        let row = self.superuser().await.query_one("show data_directory", &[]).await;
        PathBuf::from(row.unwrap().get::<_, String>(0))
    }

    pub(crate) fn login_url(&self) -> String {
        format!("postgres://mako:{LOGIN_PASSWORD}@127.0.0.1:{}/mako", self.address)
    }

    pub(crate) async fn superuser(&self) -> tokio_postgres::Client {
        connect(&self.postgres().superuser_url("mako")).await
    }
}

impl Drop for Restartable {
    fn drop(&mut self) {
        drop(self.postgres.take());
        remove_data_dir(&self.folder);
    }
}

/// Passes bytes on to wherever the server listens now; a server that isn't there refuses.
async fn forward(listener: TcpListener, port: Arc<AtomicU16>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let port = port.load(Ordering::SeqCst);
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await {
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_event_is_lost_or_doubled_when_postgres_stops_in_the_middle() {
    let mut database = Restartable::start().await;
    let spool = std::env::temp_dir().join(format!("mako-spool-{}-{}", std::process::id(), database.address));
    let mut settings = SETTINGS.to_vec();
    let folder = spool.to_str().unwrap().to_owned();
    settings.push(("SPOOL_DIR", &folder));
    let service = Arc::new(Service::with(&database.login_url(), &settings).await);
    let (deliveries, expected) = mixed(1000, &mut Dice(3));
    let all = deliveries.len();
    let (sent, mut done) = tokio::sync::watch::channel(0_usize);
    let load = {
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answers = futures_util::stream::iter(deliveries).map(move |delivery| {
                let (service, sent) = (Arc::clone(&service), sent.clone());
                async move {
                    let status = post(&service, &delivery).await.status;
                    sent.send_modify(|done| *done += 1);
                    status
                }
            });
            answers.buffer_unordered(32).collect::<Vec<u16>>().await
        })
    };
    done.wait_for(|done| *done > all / 4).await.unwrap();
    database.stop().await;
    let stopped_at = *done.borrow();
    done.wait_for(|done| *done > stopped_at + all / 4).await.unwrap();
    database.go_on().await;
    let statuses = load.await.unwrap();
    // Acknowledged or refused as forged: with a spool nobody is told to come again.
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 204 | 403)),
        "{statuses:?}"
    );

    let client = database.superuser().await;
    let settled = async || {
        let empty = deliveries_in(&spool).is_empty();
        let waiting = "select count(*) from webhook_events where status <> 'processed'";
        empty && client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0
    };
    tests::process::until(settled).await;
    for (table, user) in [
        ("leads", 0),
        ("call_logs", 0),
        ("automation_logs", 0),
        ("leads", 1),
        ("call_logs", 1),
        ("automation_logs", 1),
    ] {
        let person = crate::webhook_tenancy::NUMBERS[user].0;
        let sql = format!("select count(*) from {table} where user_id = $1");
        let rows: i64 = client.query_one(&sql, &[&person.id()]).await.unwrap().get(0);
        assert_eq!(
            usize::try_from(rows).unwrap(),
            expected[user].get(table).copied().unwrap_or_default(),
            "{table} of {person:?}"
        );
    }
    assert!(
        service.process.log().contains("goes to the spool"),
        "the outage was met"
    );
    std::fs::remove_dir_all(&spool).unwrap();
}

#[tokio::test]
async fn without_a_spool_a_sender_is_told_to_come_again() {
    let mut database = Restartable::start().await;
    let service = Service::with(&database.login_url(), &SETTINGS).await;
    let delivery = platform(Source::Twilio, sms("SM1", "+14017122661", "+15005550001", "hi"));
    database.stop().await;
    for source in [Source::Twilio, Source::Make] {
        let delivery = match source {
            Source::Twilio => delivery.clone(),
            _ => platform(
                source,
                json!({"event_id": "1", "event_type": "x", "tenant_phone": "+15005550001"}).to_string(),
            ),
        };
        let refused = post(&service, &delivery).await;
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(!refused.header("retry-after").is_empty());
    }
    database.go_on().await;
    let again = async || post(&service, &delivery).await.status == 200;
    tests::process::until(again).await;
    assert_eq!(
        service.get(Alice, "/v1/leads").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_waits_in_the_spool_is_sealed() {
    let mut database = Restartable::start().await;
    let spool = std::env::temp_dir().join(format!("mako-spool-{}-{}", std::process::id(), database.address));
    let folder = spool.to_str().unwrap().to_owned();
    let mut settings = SETTINGS.to_vec();
    settings.push(("SPOOL_DIR", &folder));
    let service = Service::with(&database.login_url(), &settings).await;
    database.stop().await;
    let delivery = platform(
        Source::Twilio,
        sms("SM1", "+14017122661", "+15005550001", "a private text"),
    );
    assert_eq!(post(&service, &delivery).await.status, 204);
    let file = deliveries_in(&spool).remove(0);
    let contents = std::fs::read_to_string(&file).unwrap();
    assert!(!contents.contains("private") && !contents.contains("4017122661"));
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        service
            .get(Alice, "/metrics")
            .await
            .text
            .contains("mako_webhooks_spooled 1")
    );
    database.go_on().await;
    let drained = async || deliveries_in(&spool).is_empty();
    tests::process::until(drained).await;
    assert_eq!(
        service.get(Alice, "/v1/leads").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    std::fs::remove_dir_all(&spool).unwrap();
}

/// A service with a spool, and the spool's folder, which vanishes with it.
pub(crate) struct Spooling {
    pub(crate) service: Service,
    pub(crate) folder: PathBuf,
}

impl Spooling {
    pub(crate) async fn on(database: &Restartable) -> Self {
        let name = format!("mako-spool-{}-{}", std::process::id(), database.address);
        let folder = std::env::temp_dir().join(name);
        let path = folder.to_str().unwrap().to_owned();
        let mut settings = SETTINGS.to_vec();
        settings.push(("SPOOL_DIR", &path));
        Self {
            service: Service::with(&database.login_url(), &settings).await,
            folder,
        }
    }

    /// What kinds of files are there.
    pub(crate) fn files(&self) -> Vec<String> {
        let kinds = deliveries_in(&self.folder).into_iter();
        kinds
            .map(|path| path.extension().unwrap().to_str().unwrap().to_owned())
            .collect()
    }
}

/// The files of a spool, without those that only try whether there can be any.
pub(crate) fn deliveries_in(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_none_or(|kind| kind != "probe"))
        .collect()
}

impl Drop for Spooling {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[tokio::test]
async fn one_that_can_never_be_taken_keeps_no_other_in_the_spool() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    batch(
        &database.superuser().await,
        "alter table webhook_events add constraint no_poison check (event_type <> 'poison')",
    )
    .await;
    database.stop().await;
    for kind in ["poison", "good"] {
        let body = json!({"event_id": kind, "event_type": kind, "tenant_phone": "+15005550001", "data": {}});
        let sent = post(&it.service, &platform(Source::Make, body.to_string())).await;
        assert_eq!(sent.status, 200, "{}", sent.text);
    }
    database.go_on().await;
    tests::process::until(async || it.files() == ["aside"]).await;
    let logs = it.service.get(Alice, "/v1/automation-logs").await.body;
    assert_eq!(logs["data"][0]["action_type"], "good");
    assert!(
        it.service.process.log().contains("put aside"),
        "an operator is told"
    );
}

#[tokio::test]
async fn what_nobody_has_verified_fills_no_disk() {
    let mut database = Restartable::start().await;
    let it = Spooling::on(&database).await;
    database.stop().await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let big = it
            .service
            .request(reqwest::Method::POST, "/webhooks/vapi/no-such-endpoint")
            .body(vec![b'x'; 7 * 1024 * 1024]);
        statuses.push(tests::service::Answer::of(big).await.status);
    }
    assert!(
        statuses.ends_with(&[503]),
        "at some point it is enough: {statuses:?}"
    );
    // What is verified still finds room.
    let delivery = platform(Source::Twilio, sms("SM1", "+14017122661", "+15005550001", "hi"));
    assert_eq!(post(&it.service, &delivery).await.status, 204);
}
