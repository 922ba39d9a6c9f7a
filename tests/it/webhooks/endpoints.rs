//! An address of one's own: does it stay, and is its secret kept?

use super::*;

#[tokio::test]
async fn an_endpoint_of_ones_own_has_an_address_that_stays_and_a_sealed_secret() {
    let (database, service) = setting().await;
    let list = rows(&service, Alice, "/v1/webhook-endpoints").await;
    assert_eq!(list.len(), 3);
    assert!(
        list.iter()
            .all(|endpoint| endpoint["own"] == false && endpoint["last_event_at"].is_null())
    );
    assert_eq!(list[0]["url"], format!("{BASE_URL}/webhooks/twilio"));

    let made = service.put(Alice, "/v1/webhook-endpoints/vapi", &json!({})).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let (url, secret) = (
        made.body["url"].as_str().unwrap(),
        made.body["secret"].as_str().unwrap(),
    );
    let again = service
        .put(
            Alice,
            "/v1/webhook-endpoints/vapi",
            &json!({"auth": {"type": "secret"}}),
        )
        .await;
    assert_eq!(
        (&again.body["url"], &again.body["secret"]),
        (&json!(url), &Value::Null),
        "shown once; the address stays"
    );
    assert_eq!(
        service
            .put(Alice, "/v1/webhook-endpoints/twilio", &json!({}))
            .await
            .outcome(),
        (422, "MK422"),
        "Twilio's secret is Twilio's"
    );
    for (source, bad) in [
        ("vapi", json!({"auth": {"type": "magic"}})),
        ("twilio", json!({"secret": "t", "auth": {"type": "hmac"}})),
        ("vapi", json!({"auth": 5})),
        ("vapi", json!({"sekret": "x"})),
    ] {
        assert_eq!(
            service
                .put(Alice, &format!("/v1/webhook-endpoints/{source}"), &bad)
                .await
                .outcome(),
            (422, "MK422"),
            "{bad}"
        );
    }
    let row = database
        .superuser()
        .await
        .query_one(
            "select sealed_secret, endpoint_key_hash from webhook_endpoints",
            &[],
        )
        .await
        .unwrap();
    let key = url.rsplit('/').next().unwrap();
    for stored in [row.get::<_, &str>(0), row.get(1)] {
        assert!(!stored.contains(secret) && !stored.contains(key));
    }
}

#[tokio::test]
async fn a_scenarios_dates_without_a_zone_are_in_that_of_its_endpoint() {
    let (_database, service) = setting().await;
    let endpoint = "/v1/webhook-endpoints/make";
    let made = service.put(Alice, endpoint, &json!({})).await;
    assert_eq!(made.body["timezone"], "UTC");
    let (path, secret) = (
        made.body["url"].as_str().unwrap().strip_prefix(BASE_URL).unwrap(),
        made.body["secret"].as_str().unwrap(),
    );
    for bad in ["Berlin", "UTC+2", "", "europe/berlin"] {
        let refused = service.put(Alice, endpoint, &json!({ "timezone": bad })).await;
        assert_eq!(refused.outcome(), (422, "MK422"), "{bad}");
    }
    let refused = service
        .put(
            Alice,
            "/v1/webhook-endpoints/vapi",
            &json!({"timezone": "Europe/Berlin"}),
        )
        .await;
    assert_eq!(refused.outcome(), (422, "MK422"), "Vapi's dates have a zone");
    // Kept by whoever changes something else.
    for change in [
        json!({"timezone": "America/Mexico_City"}),
        json!({"auth": {}}),
        json!({"timezone": null}),
    ] {
        let saved = service.put(Alice, endpoint, &change).await;
        assert_eq!(saved.body["timezone"], "America/Mexico_City", "{}", saved.text);
    }
    let listed = rows(&service, Alice, "/v1/webhook-endpoints").await;
    let zones: Vec<_> = listed.iter().map(|endpoint| &endpoint["timezone"]).collect();
    assert_eq!(zones, ["UTC", "UTC", "America/Mexico_City"]);

    let event = |id: &str, data: Value| {
        let body = json!({"event_id": id, "event_type": "contact.created", "data": data});
        signed(Source::Make, path, body.to_string(), secret)
    };
    let date = "2026-12-01 10:30:00";
    accepted(
        &service,
        &event("1", json!({"first_name": "Ann", "appointment_date": date})),
    )
    .await;
    let contacts = rows(&service, Alice, "/v1/contacts").await;
    assert_eq!(contacts[0]["appointment_date"], "2026-12-01T16:30:00Z");
    // A replay means what the delivery meant, whatever the endpoint says by then.
    accepted(
        &service,
        &event("2", json!({"email": "bob@example.com", "appointment_date": date})),
    )
    .await;
    let failed = rows(&service, Alice, "/v1/webhook-events?status=failed").await;
    service
        .put(Alice, endpoint, &json!({"timezone": "Asia/Tokyo"}))
        .await;
    let bob = json!({"first_name": "Bob", "email": "bob@example.com"});
    assert_eq!(service.post(Alice, "/v1/contacts", &bob).await.status, 201);
    let replay = format!("/v1/webhook-events/{}/replay", failed[0]["id"].as_str().unwrap());
    assert_eq!(
        service.post(Alice, &replay, &json!({})).await.body["status"],
        "processed"
    );
    let contacts = rows(&service, Alice, "/v1/contacts?email=bob@example.com").await;
    assert_eq!(contacts[0]["appointment_date"], "2026-12-01T16:30:00Z");
}

#[tokio::test]
async fn an_endpoint_of_ones_own_takes_its_secret_only_and_its_test_walks_the_real_path() {
    let (_database, service) = setting().await;
    let made = service.put(Alice, "/v1/webhook-endpoints/vapi", &json!({})).await;
    let (url, secret) = (
        made.body["url"].as_str().unwrap(),
        made.body["secret"].as_str().unwrap(),
    );
    let path = url.strip_prefix(BASE_URL).unwrap();
    let mine = signed(
        Source::Vapi,
        path,
        report("own-1", None, CUSTOMER, "+15005550077", "hi").to_string(),
        secret,
    );
    accepted(&service, &mine).await;
    assert_eq!(
        rows(&service, Alice, "/v1/call-logs").await.len(),
        1,
        "no number is needed"
    );
    let forged = signed(
        Source::Vapi,
        path,
        report("own-2", None, CUSTOMER, ALICES_NUMBER, "hi").to_string(),
        hooks::VAPI_SECRET,
    );
    assert_eq!(
        post(&service, &forged).await.outcome(),
        (403, "MK_WEBHOOK_REFUSED"),
        "the platform's secret is not this endpoint's"
    );
    assert!(rows(&service, Alice, "/v1/webhook-endpoints").await[1]["last_event_at"].is_string());

    for (source, ok) in [("vapi", true), ("twilio", true), ("make", true)] {
        let tested = service
            .post(Alice, &format!("/v1/webhook-endpoints/{source}/test"), &json!({}))
            .await;
        assert_eq!(
            (tested.status, &tested.body["ok"]),
            (200, &json!(ok)),
            "{}",
            tested.text
        );
        let steps: Vec<_> = tested.body["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["step"].as_str().unwrap())
            .collect();
        assert_eq!(steps, ["sign", "verify", "record", "route", "process"]);
        let event = service
            .get(
                Alice,
                &format!("/v1/webhook-events/{}", tested.body["event_id"].as_str().unwrap()),
            )
            .await;
        assert_eq!(event.body["status"], "ignored");
    }
    let tested = service
        .post(Bob, "/v1/webhook-endpoints/twilio/test", &json!({}))
        .await;
    assert_eq!(
        (&tested.body["ok"], &tested.body["steps"][0]["step"]),
        (&json!(false), &json!("route")),
        "{}",
        tested.text
    );
    assert!(
        rows(&service, Alice, "/v1/leads").await.is_empty(),
        "a sample leaves no lead"
    );
    assert_eq!(
        service.delete(Alice, "/v1/webhook-endpoints/vapi").await.status,
        204
    );
    assert_eq!(post(&service, &mine).await.outcome(), (404, "MK404"));
    assert_eq!(
        service
            .delete(Alice, "/v1/webhook-endpoints/vapi")
            .await
            .outcome(),
        (404, "MK404")
    );
}
