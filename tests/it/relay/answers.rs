//! What a provider answers may hold the key, lead elsewhere or be no answer at all: the caller gets none of that.

use reqwest::Method;
use serde_json::json;
use tests::people::Person::Alice;
use tests::{Service, TestDatabase};

use super::{KEY, setting};

#[tokio::test]
async fn a_redirects_address_is_handed_back_and_not_followed() {
    let it = setting().await;
    let answer = it.service.get(Alice, "/v1/relay/vapi/media").await;
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.header("x-mako-redirect"),
        "https://mms.twiliocdn.com/AC1/ME1?sig=x"
    );
    assert_eq!(answer.header("location"), "");
    let with_key = it.service.get(Alice, "/v1/relay/vapi/redirect-with-key").await;
    assert_eq!(with_key.outcome(), (502, "MK_REDIRECTED"));
    assert_eq!(it.provider.seen().len(), 2);
}

#[tokio::test]
async fn a_provider_that_repeats_the_request_does_not_tell_the_key() {
    let it = setting().await;
    let echo = it.service.get(Alice, "/v1/relay/vapi/echo").await;
    assert_eq!(echo.outcome(), (502, "MK_KEY_ECHOED"), "{}", echo.text);
    let header = it.service.get(Alice, "/v1/relay/vapi/echo-header").await;
    assert_eq!((header.status, header.header("x-echo")), (200, ""));
    assert_eq!(header.text, "nothing here");
    let compressed = it.service.get(Alice, "/v1/relay/vapi/compressed").await;
    assert_eq!(compressed.outcome(), (502, "MK_ENCODED"));
    assert_eq!(it.provider.last().headers["accept-encoding"], "identity");

    // Too late for a 502: the transfer breaks before the key.
    let mut late = it
        .service
        .request_as(Alice, Method::GET, "/v1/relay/vapi/late-echo")
        .send()
        .await
        .unwrap();
    assert_eq!(late.status(), 200);
    let mut passed = Vec::new();
    let end = loop {
        match late.chunk().await {
            Ok(Some(piece)) => passed.extend_from_slice(&piece),
            end => break end,
        }
    };
    assert!(end.is_err(), "a cut is no end");
    assert!(!String::from_utf8_lossy(&passed).contains(&KEY[..KEY.len() - 7]));
    let counted = it.service.get(Alice, "/metrics").await.text;
    assert!(
        counted.contains(r#"mako_relay_keys_withheld_total{service="vapi"} 3"#),
        "{counted}"
    );
}

#[tokio::test]
async fn a_basic_key_is_withheld_as_it_is_sent() {
    let it = setting().await;
    let key = json!({"api_key": format!("AC{}:token-0123456789", "1".repeat(32))});
    it.service.put(Alice, "/v1/api-keys/twilio", &key).await;
    let echo = it.service.get(Alice, "/v1/relay/twilio/echo").await;
    assert_eq!(echo.outcome(), (502, "MK_KEY_ECHOED"), "{}", echo.text);
}

#[tokio::test]
async fn a_provider_that_switches_protocols_is_a_bad_gateway() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(stream.read(&mut [0; 4096]).await);
        let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        stream.write_all(switch).await.unwrap();
    });
    let database = TestDatabase::new().await;
    let service = Service::with(&database.login_url(), &[("RELAY_BASE_URL_VAPI", &base)]).await;
    service
        .put(Alice, "/v1/api-keys/vapi", &json!({"api_key": KEY}))
        .await;
    let answer = service.get(Alice, "/v1/relay/vapi/x").await;
    assert_eq!(answer.outcome(), (502, "MK502"), "{}", answer.text);
}
