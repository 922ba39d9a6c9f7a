//! What a subscription keeps to itself: its secret, and in logs the address, which often is one, and what is said there.

use reqwest::Method;
use serde_json::json;
use tests::Service;
use tests::dump::{dump, dumpable};
use tests::event_receiver::{EventReceiver, SAID};
use tests::events_out::{TO_LOOPBACK, count};
use tests::people::Person::Alice;
use tests::process::{free_port, until};
use tests::service::Answer;

/// A piece of an address that nobody else may learn.
const CAPABILITY: &str = "Zq7vXw2KpLr9TnBd4HsJ";

async fn act(service: &Service, path: &str) -> Answer {
    Answer::of(service.request_as(Alice, Method::POST, path)).await
}

/// The parts of a secret that would give it away: eight characters in a row of it.
fn piece_of(secrets: &[String], text: &str) -> Option<String> {
    let pieces = secrets.iter().flat_map(|secret| {
        let random = secret.strip_prefix("whsec_").expect("a secret");
        (0..=random.len() - 8).map(move |at| &random[at..at + 8])
    });
    let mut pieces = pieces.into_iter();
    pieces.find(|piece| text.contains(piece)).map(ToOwned::to_owned)
}

#[tokio::test]
async fn no_secret_address_or_answer_is_in_a_log_and_no_secret_in_a_dump_or_a_later_answer() {
    let (pg_dump, database) = dumpable().await;
    let (owner, receiver) = (database.superuser().await, EventReceiver::start().await);
    // The most talkative setting there is.
    let service = Service::with(&database.login_url(), &[TO_LOOPBACK, ("LOG", "trace")]).await;
    let nobody = free_port();
    let urls = [
        format!("{}/takes/{CAPABILITY}?key={CAPABILITY}", receiver.url),
        format!("{}/talks/{CAPABILITY}", receiver.url),
        format!("{}/closes/{CAPABILITY}", receiver.url),
        format!("http://127.0.0.1:{nobody}/{CAPABILITY}"),
        format!("https://{CAPABILITY}.invalid/{CAPABILITY}"),
    ];
    let (mut secrets, mut later) = (Vec::new(), Vec::new());
    for url in &urls {
        let body = json!({"url": url, "event_types": ["lead.created"]});
        let made = service.post(Alice, "/v1/event-subscriptions", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = format!("/v1/event-subscriptions/{}", made.body["id"].as_str().unwrap());
        let rotated = act(&service, &format!("{path}/rotate-secret")).await;
        secrets.extend([&made, &rotated].map(|shown| shown.body["secret"].as_str().unwrap().to_owned()));
        later.push(service.get(Alice, &path).await);
        later.push(service.patch(Alice, &path, &json!({"description": "x"})).await);
    }
    // Refused, and quoted nowhere.
    for url in [
        format!("ftp://{CAPABILITY}"),
        format!("https://10.0.0.1/{CAPABILITY}"),
    ] {
        let refused = service
            .post(Alice, "/v1/event-subscriptions", &json!({"url": url}))
            .await;
        assert_eq!(refused.status, 422, "{}", refused.text);
    }
    let lead = json!({"name": "Log-Name", "phone": "+14155552671", "status": "new", "source": "Voice"});
    assert_eq!(service.post(Alice, "/v1/leads", &lead).await.status, 201);
    until(async || count(&owner, "pending").await == 0).await;
    assert_eq!(
        (count(&owner, "delivered").await, count(&owner, "failed").await),
        (1, 4)
    );

    let listed = service.get(Alice, "/v1/event-deliveries").await;
    for delivery in listed.body["data"].as_array().unwrap() {
        let path = format!("/v1/event-deliveries/{}", delivery["id"].as_str().unwrap());
        later.push(service.get(Alice, &path).await);
    }
    let shown = |answer: &&Answer| answer.text.contains(SAID);
    assert_eq!(
        later.iter().filter(shown).count(),
        1,
        "its tenant reads what a receiver said"
    );
    later.extend([listed, service.get(Alice, "/v1/event-subscriptions").await]);
    for answer in &later {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains("whsec_"), "{}", answer.text);
        assert_eq!(piece_of(&secrets, &answer.text), None, "{}", answer.text);
    }

    let dump = dump(pg_dump, &database).await;
    assert!(
        dump.contains("COPY mako.event_subscriptions") && dump.contains(SAID),
        "all is in the dump"
    );
    assert_eq!(piece_of(&secrets, &dump), None);

    let log = service.process.log();
    assert!(
        log.contains("createEventSubscription") && log.contains("listening for events"),
        "there is a log"
    );
    assert_eq!(piece_of(&secrets, &log), None);
    let mut told = vec![
        "whsec_".to_owned(),
        CAPABILITY.to_owned(),
        CAPABILITY.to_lowercase(),
        SAID.to_owned(),
    ];
    told.extend(["Log-Name", "4155552671", "v1,"].map(ToOwned::to_owned));
    for said in told {
        let line = log.lines().find(|line| line.contains(&said));
        assert_eq!(line, None, "{said} is in the log");
    }
}
