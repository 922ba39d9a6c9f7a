//! Do operators watch what is there? Every metric and operation that alerts and dashboard name, asked of a service.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::compose::repository;
use tests::hooks::{self, platform};
use tests::people::Person::Alice;
use tests::process::until;
use tests::service::Answer;
use tests::{Service, TestDatabase};
use webhooks::Source;

fn file(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// Every expression of the alerts and of the dashboard.
fn expressions() -> Vec<String> {
    let alerts: Value = serde_yaml_ng::from_str(&file("crates/server/deploy/alerts.yml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap().clone();
    let dashboard: Value = serde_json::from_str(&file("crates/server/deploy/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().clone();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let variables = dashboard["templating"]["list"].as_array().unwrap().clone();
    let asked = variables
        .iter()
        .filter_map(|variable| variable["query"]["query"].as_str());
    rules
        .iter()
        .chain(targets)
        .map(|rule| rule["expr"].as_str().expect("an expression"))
        .chain(asked)
        .map(str::to_owned)
        .collect()
}

/// The words of an expression that begin like this.
fn words(expression: &str, beginning: &str) -> Vec<String> {
    expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(beginning))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_metric_that_is_watched_is_measured() {
    let database = TestDatabase::new().await;
    let service = Service::with(&database.login_url(), &hooks::SETTINGS).await;
    Answer::of(service.request(Method::GET, "/ready")).await;
    let unsigned = service.request(Method::POST, "/webhooks/make").body("{}");
    Answer::of(unsigned).await;
    let event = serde_json::to_vec(&json!({"event_id": "1", "event_type": "x", "data": {}})).unwrap();
    hooks::post(&service, &platform(Source::Make, event)).await;
    let metrics = Answer::of(service.request(Method::GET, "/metrics")).await.text;
    let samples: BTreeSet<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let watched: BTreeSet<String> = expressions()
        .iter()
        .flat_map(|expression| words(expression, "mako_"))
        .collect();
    assert!(watched.len() > 10, "{watched:?}");
    let missing: Vec<_> = watched
        .iter()
        .filter(|name| !samples.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "nobody measures {missing:?}; there are {samples:?}"
    );
}

#[tokio::test]
async fn failures_are_counted_from_zero_so_that_the_first_is_seen() {
    let database = TestDatabase::new().await;
    let service = Service::with(&database.login_url(), &hooks::SETTINGS).await;
    let metrics = Answer::of(service.request(Method::GET, "/metrics")).await.text;
    for source in ["twilio", "vapi", "make", "waiting"] {
        let zero = format!("mako_webhooks_failed_total{{source=\"{source}\"}} 0");
        assert!(metrics.lines().any(|line| line == zero), "{zero}");
    }
}

#[tokio::test]
async fn statements_events_and_background_work_are_timed_by_their_names() {
    let database = TestDatabase::new().await.with_rows().await;
    let service = Service::with(&database.login_url(), &hooks::SETTINGS).await;
    service.get(Alice, "/v1/leads?status=new").await;
    service.get(Alice, "/v1/leads?status=new").await;
    let event = json!({"event_id": "1", "event_type": "x", "data": {}});
    hooks::post(
        &service,
        &platform(Source::Make, serde_json::to_vec(&event).unwrap()),
    )
    .await;
    let timed = async || {
        let metrics = Answer::of(service.request(Method::GET, "/metrics")).await.text;
        let count = |span: &str, name: &str| {
            let sample = format!("mako_span_duration_seconds_count{{span=\"{span}\",name=\"{name}\"}} ");
            let line = metrics.lines().find_map(|line| line.strip_prefix(&sample));
            line.map_or(0, |count| count.parse().unwrap())
        };
        assert_eq!(count("transaction", "leads/search"), 2, "{metrics}");
        assert_eq!(count("transaction", "router/record"), 1, "{metrics}");
        count("background", "catch_up") > 0
    };
    until(timed).await;
}

#[test]
fn operations_that_alerts_name_are_operations() {
    let document = file("openapi/openapi.json");
    let mut named = 0;
    for expression in expressions() {
        let values = expression
            .split("operation")
            .skip(1)
            .filter_map(|rest| rest.split('"').nth(1));
        // `operation` also stands in `by (operation, …)`, before which no value follows.
        for value in values.filter(|value| {
            value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".*|".contains(c))
        }) {
            for name in value.split('|') {
                let id = format!("\"operationId\": \"{}", name.trim_end_matches(".*"));
                assert!(document.contains(&id), "{name} is no operation");
                named += 1;
            }
        }
    }
    assert!(named > 2);
}

#[test]
fn alerts_say_what_to_do() {
    let alerts: Value = serde_yaml_ng::from_str(&file("crates/server/deploy/alerts.yml")).unwrap();
    for rule in alerts["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        assert!(
            rule["annotations"]["do"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{name}"
        );
        let tested = format!("alertname: {name}");
        assert!(
            file("crates/server/deploy/alerts.test.yml").contains(&tested),
            "{name} is tested"
        );
    }
}
