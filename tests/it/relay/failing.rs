//! A provider that fails for a moment isn't noticed where asking again changes nothing; one that is down is left alone.

use reqwest::Method;
use serde_json::json;
use tests::people::Person::{Alice, Bob};
use tests::process::until;
use tests::provider::Provider;
use tests::{Service, TestDatabase};

use super::{KEY, setting};

#[tokio::test]
async fn a_get_is_sent_again_while_its_provider_fails_for_a_moment_and_a_post_is_not() {
    let it = setting().await;
    let count = |method: &str, path: &str| {
        let seen = it.provider.seen();
        let same = seen
            .iter()
            .filter(|seen| seen.method == method && seen.target.ends_with(path));
        same.count()
    };
    let answer = it.service.get(Alice, "/v1/relay/vapi/fails-twice").await;
    assert_eq!(
        (answer.status, count("GET", "fails-twice")),
        (200, 3),
        "{}",
        answer.text
    );
    for status in [429, 502, 503, 504] {
        let path = format!("status/{status}");
        let answer = it.service.get(Alice, &format!("/v1/relay/vapi/{path}")).await;
        assert_eq!(
            (answer.status, count("GET", &path)),
            (status, 3),
            "its own answer at last"
        );
        assert_eq!(answer.header("x-mako-relay"), "vapi");
        // Whatever answers closes the circuit.
        assert_eq!(it.service.get(Alice, "/v1/relay/vapi/call").await.status, 200);
        let sent = it
            .service
            .post(Alice, &format!("/v1/relay/vapi/{path}"), &json!({}))
            .await;
        assert_eq!((sent.status, count("POST", &path)), (status, 1));
    }
    let answer = it.service.get(Alice, "/v1/relay/vapi/fails-for-long").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "60"));
    assert_eq!(
        count("GET", "fails-for-long"),
        1,
        "that is for the caller to wait for"
    );
    assert_eq!(
        it.service.get(Alice, "/v1/relay/vapi/status/500").await.status,
        500
    );
    assert_eq!(count("GET", "status/500"), 1);
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_left_alone_and_tried_again() {
    let (database, (address, socket)) = (TestDatabase::new().await, Provider::absent());
    let service = Service::with(
        &database.login_url(),
        &[("RELAY_BASE_URL_VAPI", address.as_str())],
    )
    .await;
    for person in [Alice, Bob] {
        let saved = service
            .put(person, "/v1/api-keys/vapi", &json!({"api_key": KEY}))
            .await;
        assert_eq!(saved.status, 200, "{}", saved.text);
    }
    for _ in 0..5 {
        let refused = service.post(Alice, "/v1/relay/vapi/call", &json!({})).await;
        assert_eq!(refused.outcome(), (502, "MK502"), "{}", refused.text);
    }
    let down = service.get(Bob, "/v1/relay/vapi/call").await;
    assert_eq!(down.outcome(), (503, "MK_PROVIDER_DOWN"), "{}", down.text);
    let wait: u64 = down.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    let metrics = service.request(Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "mako_relay_circuits_opened_total{service=\"vapi\"} 1",
        "mako_relay_calls_refused_total{service=\"vapi\"} 1",
        "mako_relay_retries_total{service=\"vapi\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let _provider = Provider::listening(socket);
    until(async || service.get(Bob, "/v1/relay/vapi/call").await.status == 200).await;
    assert_eq!(service.get(Alice, "/v1/relay/vapi/call").await.status, 200);
}

#[tokio::test]
async fn answers_that_one_tenant_brings_about_close_a_provider_to_nobody_else() {
    let it = setting().await;
    it.service
        .put(Bob, "/v1/api-keys/vapi", &json!({"api_key": KEY}))
        .await;
    for _ in 0..5 {
        let failed = it
            .service
            .post(Alice, "/v1/relay/vapi/status/504", &json!({}))
            .await;
        assert_eq!(failed.status, 504);
    }
    let down = it.service.get(Alice, "/v1/relay/vapi/call").await;
    assert_eq!(down.outcome(), (503, "MK_PROVIDER_DOWN"), "{}", down.text);
    assert_eq!(it.service.get(Bob, "/v1/relay/vapi/call").await.status, 200);
}
