//! What does a collector get to know? Every request, transaction, event and relay call, whose part it is, and no value.

use opentelemetry_proto::tonic::trace::v1::Span;
use reqwest::Method;
use serde_json::json;
use tests::collector::Collector;
use tests::database::batch;
use tests::hooks::{self, NUMBERS, SETTINGS, platform};
use tests::people::JWT_SECRET;
use tests::people::Person::Alice;
use tests::process::{Process, free_port};
use tests::provider::Provider;
use tests::service::{Answer, ENCRYPTION_KEY};
use tests::{Service, TestDatabase, cluster};
use webhooks::Source;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const CALLERS_SPAN: u64 = 0x00f0_67aa_0ba9_02b7;
const KEY: &str = "sk-live-Zq7vXw2KpLr9TnBd4HsJ";

/// Has the service end in order, and says how it ended.
async fn ended(mut service: Service) -> Option<i32> {
    service.process.signal("TERM").await;
    let nothing = Process::start(&mut tokio::process::Command::new("true"));
    std::mem::replace(&mut service.process, nothing).output().await.0
}

#[tokio::test]
async fn spans_go_to_a_collector_as_part_of_the_callers_trace_and_without_a_value() {
    let (collector, provider) = (Collector::start().await, Provider::start());
    let database = TestDatabase::new().await;
    batch(&database.superuser().await, hooks::TENANTS).await;
    let mut settings = SETTINGS.to_vec();
    settings.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url));
    settings.push(("RELAY_BASE_URL_VAPI", &provider.url));
    let service = Service::with(&database.login_url(), &settings).await;

    let listed = service
        .request_as(Alice, Method::GET, "/v1/leads?q=span-search&phone=%2B14155552671")
        .header("traceparent", format!("00-{TRACE:032x}-{CALLERS_SPAN:016x}-01"));
    assert_eq!(Answer::of(listed).await.status, 200);
    service
        .put(Alice, "/v1/api-keys/vapi", &json!({"api_key": KEY}))
        .await;
    assert_eq!(
        service
            .get(Alice, "/v1/relay/vapi/span-path?span=query")
            .await
            .status,
        200
    );
    let event = json!({"event_id": "span-event", "event_type": "lead.created", "tenant_phone": NUMBERS[0].1,
        "data": {"name": "Span-Name", "phone": "+14155552671"}});
    assert_eq!(
        hooks::post(&service, &platform(Source::Make, event.to_string()))
            .await
            .status,
        200
    );
    assert_eq!(ended(service).await, Some(0));

    let spans = collector.spans();
    let named = |name: &str| -> &Span {
        let of_us = |(service, span): &&(String, Span)| service.contains("\"mako\"") && span.name == name;
        let names: Vec<_> = spans.iter().map(|(_, span)| &span.name).collect();
        &spans
            .iter()
            .find(of_us)
            .unwrap_or_else(|| panic!("no {name} in {names:?}"))
            .1
    };
    let request = named("request listLeads");
    assert_eq!(request.trace_id, TRACE.to_be_bytes());
    assert_eq!(request.parent_span_id, CALLERS_SPAN.to_be_bytes());
    let transaction = named("transaction leads/search");
    assert_eq!(
        (&transaction.trace_id, &transaction.parent_span_id),
        (&request.trace_id, &request.span_id)
    );
    assert_eq!(
        named("relay vapi").parent_span_id,
        named("request relayGet").span_id
    );
    assert_eq!(
        named("event make").trace_id,
        named("request receiveWebhook").trace_id
    );

    let sent: String = collector
        .bodies()
        .iter()
        .map(|body| String::from_utf8_lossy(body).into_owned())
        .collect();
    let token = Alice.token();
    let (_, payload_on) = token.split_once('.').unwrap();
    for secret in [
        &payload_on[..20],
        JWT_SECRET,
        ENCRYPTION_KEY,
        cluster::LOGIN_PASSWORD,
        Alice.email(),
        Alice.id(),
        KEY,
        "4155552671",
        NUMBERS[0].1,
        "span-search",
        "span-path",
        "span=query",
        "span-event",
        "Span-Name",
    ] {
        assert!(!sent.contains(secret), "{secret} was sent");
    }
}

#[tokio::test]
async fn a_collector_that_is_away_is_nobodys_affair() {
    let away = format!("http://127.0.0.1:{}", free_port());
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::with(&database.login_url(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &away)]).await;
    assert_eq!(service.get(Alice, "/v1/leads").await.status, 200);
    assert_eq!(ended(service).await, Some(0));
}
