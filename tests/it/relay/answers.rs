//! What a provider answers may hold the key, lead elsewhere or be no answer at all: the caller gets none of that.

use reqwest::Method;
use serde_json::json;
use tests::people::Person::Alice;
use tests::{Service, TestDatabase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

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
async fn a_redirect_into_somebodys_network_is_not_handed_back() {
    let it = setting().await;
    for host in [
        "127.0.0.1",
        "10.0.0.8",
        "169.254.169.254",
        "2130706433",
        "localhost",
        "db.internal",
        "redis",
    ] {
        let path = format!("/v1/relay/vapi/redirect-to-{host}");
        let refused = it.service.get(Alice, &path).await;
        assert_eq!(refused.outcome(), (502, "MK_REDIRECTED"), "{host}");
    }
    let public = it
        .service
        .get(Alice, "/v1/relay/vapi/redirect-to-files.example.com")
        .await;
    assert_eq!(public.header("x-mako-redirect"), "https://files.example.com/");
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

/// A service whose Vapi is whatever listens there, with requests that end after two seconds; alice is connected.
async fn connected(listener: &TcpListener) -> (TestDatabase, Service) {
    let base = format!("http://{}", listener.local_addr().unwrap());
    let database = TestDatabase::new().await;
    let settings = [
        ("RELAY_BASE_URL_VAPI", base.as_str()),
        ("STATEMENT_TIMEOUT", "1s"),
        ("REQUEST_TIMEOUT", "2s"),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    let key = json!({"api_key": KEY});
    service.put(Alice, "/v1/api-keys/vapi", &key).await;
    (database, service)
}

#[tokio::test]
async fn a_provider_that_switches_protocols_is_a_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_database, service) = connected(&listener).await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(stream.read(&mut [0; 4096]).await);
        let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        stream.write_all(switch).await.unwrap();
    });
    let answer = service.get(Alice, "/v1/relay/vapi/x").await;
    assert_eq!(answer.outcome(), (502, "MK502"), "{}", answer.text);
}

#[tokio::test]
async fn a_provider_that_continues_for_ever_ends_with_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_database, service) = connected(&listener).await;
    let provider = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(stream.read(&mut [0; 4096]).await);
        let more = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
        while stream.write_all(&more).await.is_ok() {}
    });
    let answer = service.get(Alice, "/v1/relay/vapi/x").await;
    assert_eq!(answer.outcome(), (504, "MK504"), "{}", answer.text);
    // Nobody reads on after that, but for what hyper takes in one go.
    tokio::time::timeout(std::time::Duration::from_mins(1), provider)
        .await
        .expect("its connection is closed")
        .unwrap();
}

#[tokio::test]
async fn a_caller_who_sends_a_body_slowly_is_no_error_of_the_provider() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_database, service) = connected(&listener).await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
    });
    let mut caller = tokio::net::TcpStream::connect(service.url.trim_start_matches("http://"))
        .await
        .unwrap();
    let half = format!(
        "POST /v1/relay/vapi/x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 9\r\n\r\nhalf",
        Alice.token()
    );
    caller.write_all(half.as_bytes()).await.unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
