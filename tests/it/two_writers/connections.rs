//! The same of what a tenant connects: endpoints, keys, numbers, and the events that come in.

use reqwest::Method;
use serde_json::{Value, json};
use tests::database::batch;
use tests::hooks::{self, NUMBERS, platform};
use tests::people::Person::Alice;
use tests::provider::{OWNED_NUMBER, Provider};
use tests::{Service, TestDatabase};
use webhooks::Source;

use super::{Setting, orders};

#[tokio::test]
async fn changes_of_an_endpoint_add_up() {
    let it = Setting::new().await;
    let put = |body: &Value| {
        it.service
            .request_as(Alice, Method::PUT, "/v1/webhook-endpoints/make")
            .json(body)
    };
    // Made by two at once it is one, whose secret one of them is shown.
    let tenant = format!("select from users where id = '{}' for update", Alice.id());
    let made = it.during(&tenant, vec![put(&json!({})), put(&json!({}))]).await;
    assert_eq!(
        (made[0].status, made[1].status),
        (200, 200),
        "{} {}",
        made[0].text,
        made[1].text
    );
    assert_eq!(made[0].body["url"], made[1].body["url"]);
    let shown = made.iter().filter(|answer| answer.body["secret"].is_string());
    assert_eq!(shown.count(), 1, "{} {}", made[0].text, made[1].text);
    let row = "select from webhook_endpoints where source = 'make' for update";
    for (n, order) in orders(&["secret", "timezone"]).into_iter().enumerate() {
        let (secret, timezone) = (
            format!("a-secret-of-somebody-{n}"),
            ["America/Mexico_City", "Asia/Tokyo"][n],
        );
        let requests = order.iter().map(|field| {
            let value = if *field == "secret" { &secret } else { timezone };
            put(&json!({*field: value}))
        });
        for answer in it.during(row, requests.collect()).await {
            assert_eq!(
                (answer.status, &answer.body["url"]),
                (200, &made[0].body["url"]),
                "{}",
                answer.text
            );
        }
        let list = it.service.get(Alice, "/v1/webhook-endpoints").await.body;
        let endpoints = list["data"].as_array().unwrap();
        let endpoint = endpoints
            .iter()
            .find(|endpoint| endpoint["source"] == "make")
            .unwrap();
        assert_eq!(endpoint["timezone"], timezone, "{order:?}");
        let url = made[0].body["url"].as_str().unwrap();
        let path = url.strip_prefix(hooks::BASE_URL).unwrap();
        let event = json!({"event_id": n.to_string(), "event_type": "note", "data": {}}).to_string();
        let heard = hooks::post(&it.service, &hooks::signed(Source::Make, path, event, &secret)).await;
        assert_eq!(heard.status, 200, "{order:?}: {}", heard.text);
    }
}

#[tokio::test]
async fn of_changes_of_a_key_the_last_one_counts() {
    let it = Setting::new().await;
    let path = "/v1/api-keys/hubspot";
    // Of three the last to wait need not be the last to write.
    let pairs = [["a", "b"], ["a", "delete"], ["b", "delete"]];
    for order in pairs.iter().flat_map(|pair| orders(pair)) {
        it.service
            .put(Alice, path, &json!({"api_key": "0123456789-0123456789-0"}))
            .await;
        let requests = order.iter().map(|writer| match *writer {
            "delete" => it.service.request_as(Alice, Method::DELETE, path),
            letter => it
                .service
                .request_as(Alice, Method::PUT, path)
                .json(&json!({"api_key": format!("0123456789-0123456789-{letter}")})),
        });
        for answer in it
            .during("select from api_keys for update", requests.collect())
            .await
        {
            assert!(matches!(answer.status, 200 | 204), "{order:?}: {}", answer.text);
        }
        let list = it.service.get(Alice, "/v1/api-keys").await.body;
        let key = &list["data"][0];
        let saved = order.iter().rfind(|writer| **writer != "delete").unwrap();
        assert_eq!(
            key["is_active"],
            *order.last().unwrap() != "delete",
            "{order:?}: {key}"
        );
        assert!(key["hint"].as_str().unwrap().ends_with(saved), "{order:?}: {key}");
    }
}

#[tokio::test]
async fn a_number_that_is_released_while_it_is_verified_is_gone_and_one_claimed_twice_is_one() {
    let (database, provider) = (TestDatabase::new().await, Provider::start());
    let service = Service::with(&database.login_url(), &[("RELAY_BASE_URL_TWILIO", &provider.url)]).await;
    let it = Setting { database, service };
    it.service
        .put(Alice, "/v1/api-keys/twilio", &json!({"api_key": "AC123:token"}))
        .await;
    for order in orders(&["verify", "release"]) {
        let number = json!({"phone": OWNED_NUMBER});
        let claims = (0..4).map(|_| it.service.post(Alice, "/v1/phone-numbers", &number));
        let claims = futures_util::future::join_all(claims).await;
        let mut statuses: Vec<_> = claims.iter().map(|claim| claim.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409]);
        let made = claims.iter().find(|claim| claim.status == 201).unwrap();
        let path = format!("/v1/phone-numbers/{}", made.body["id"].as_str().unwrap());
        let requests = order.iter().map(|writer| match *writer {
            "verify" => it
                .service
                .request_as(Alice, Method::POST, &format!("{path}/verify")),
            _ => it.service.request_as(Alice, Method::DELETE, &path),
        });
        let answers = it
            .during("select from user_phone_numbers for update", requests.collect())
            .await;
        for (writer, answer) in order.iter().zip(&answers) {
            let expected: &[u16] = if *writer == "verify" { &[200, 404] } else { &[204] };
            assert!(expected.contains(&answer.status), "{order:?}: {}", answer.text);
        }
        let left = it.service.get(Alice, "/v1/phone-numbers").await.body;
        assert_eq!(left["data"], json!([]), "{order:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_replayed_twice_at_once_is_done_once() {
    let it = Setting::new().await;
    let other = it.database.superuser().await;
    batch(
        &other,
        "alter table leads add constraint unlucky check (name <> 'Ann')",
    )
    .await;
    let event = json!({"event_id": "1", "event_type": "lead.created", "tenant_phone": NUMBERS[0].1,
        "data": {"name": "Ann", "phone": "+14017122661"}});
    hooks::post(&it.service, &platform(Source::Make, event.to_string())).await;
    let failed = it
        .service
        .get(Alice, "/v1/webhook-events?status=failed")
        .await
        .body;
    let id = failed["data"][0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{failed}"));
    batch(&other, "alter table leads drop constraint unlucky").await;
    let replay = || {
        it.service
            .request_as(Alice, Method::POST, &format!("/v1/webhook-events/{id}/replay"))
    };
    let answers = it
        .during("select from webhook_events for update", vec![replay(), replay()])
        .await;
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (200, &json!("processed")),
            "{}",
            answer.text
        );
    }
    let leads = it.service.get(Alice, "/v1/leads").await.body;
    assert_eq!(leads["data"].as_array().map(Vec::len), Some(1), "{leads}");
}
