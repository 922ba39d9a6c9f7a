//! Whose is a number? Assigned by an admin, or asked of Twilio; what came before waits.

use super::*;

#[tokio::test]
async fn what_came_before_a_number_was_assigned_waits_for_its_owner() {
    let (database, service) = setting().await;
    let (unknown, admin) = ("+15005550009", database.superuser_url());
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM1", CUSTOMER, unknown, "before")),
    )
    .await;
    accepted(
        &service,
        &platform(Source::Twilio, call("CA7", "completed", CUSTOMER, unknown, 1)),
    )
    .await;
    let recording = form(&[
        ("RecordingSid", "RE7"),
        ("CallSid", "CA7"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.twilio.com/RE7"),
    ]);
    accepted(&service, &platform(Source::Twilio, recording)).await;
    let environment = [("ADMIN_DATABASE_URL", admin.as_str())];
    let (_, list) =
        Process::start(&mut mako(&["events", "list", "--status", "unrouted"], &environment).await)
            .output()
            .await;
    assert_eq!(list.lines().count(), 3, "{list}");

    // Without --backfill they stay; claims of others change nothing.
    service
        .post(Alice, "/v1/phone-numbers", &json!({"phone": unknown}))
        .await;
    let assign = async |user: &str, more: &[&str]| {
        let arguments = [&["numbers", "assign", unknown, "--user", user], more].concat();
        Process::start(&mut mako(&arguments, &environment).await)
            .output()
            .await
    };
    assert_eq!(assign("nobody", &[]).await.0, Some(2));
    let (code, log) = assign(Bob.id(), &[]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(rows(&service, Bob, "/v1/webhook-events").await.is_empty());
    let (code, log) = assign(Alice.id(), &[]).await;
    assert_eq!(code, Some(2), "it is bob's: {log}");
    let (code, log) = assign(Bob.id(), &["--backfill"]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("3 events"), "{log}");
    // The service processes them.
    let done = async || {
        rows(&service, Bob, "/v1/webhook-events?status=processed")
            .await
            .len()
            == 3
    };
    tests::process::until(done).await;
    assert_eq!(rows(&service, Bob, "/v1/leads").await.len(), 1);
    assert_eq!(
        rows(&service, Bob, "/v1/call-logs").await[0]["recording_url"],
        "https://api.twilio.com/RE7"
    );
    assert!(rows(&service, Alice, "/v1/webhook-events").await.is_empty());
    let (_, list) = Process::start(&mut mako(&["numbers", "list"], &environment).await)
        .output()
        .await;
    assert!(
        list.contains(&format!("{unknown}  verified  {}", Bob.id()))
            && list.contains(&format!("{unknown}  claimed   {}", Alice.id())),
        "{list}"
    );
    let (code, _) = Process::start(&mut mako(&["numbers", "remove", unknown], &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(0));
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM2", CUSTOMER, unknown, "after")),
    )
    .await;
    assert_eq!(
        rows(&service, Bob, "/v1/webhook-events").await.len(),
        3,
        "nobody's again"
    );
}

#[tokio::test]
async fn a_number_is_verified_by_asking_twilio_with_the_tenants_own_key() {
    let database = TestDatabase::new().await;
    let provider = Provider::start();
    let mut settings = SETTINGS.to_vec();
    settings.push(("RELAY_BASE_URL_TWILIO", &provider.url));
    let service = Service::with(&database.login_url(), &settings).await;
    let claimed = service
        .post(
            Alice,
            "/v1/phone-numbers",
            &json!({"phone": OWNED_NUMBER, "label": "Reception"}),
        )
        .await;
    assert_eq!(
        (
            claimed.status,
            &claimed.body["verified_at"],
            &claimed.body["provider"]
        ),
        (201, &Value::Null, &json!("twilio")),
        "{}",
        claimed.text
    );
    let verify =
        |answer: &Answer| format!("/v1/phone-numbers/{}/verify", answer.body["id"].as_str().unwrap());
    let path = verify(&claimed);
    assert_eq!(
        service.post(Alice, &path, &json!({})).await.outcome(),
        (409, "MK_NOT_CONNECTED")
    );
    service
        .put(Alice, "/v1/api-keys/twilio", &json!({"api_key": "AC123:token"}))
        .await;
    let other = service
        .post(Alice, "/v1/phone-numbers", &json!({"phone": "+15005550011"}))
        .await;
    assert_eq!(
        service.post(Alice, &verify(&other), &json!({})).await.outcome(),
        (409, "MK_NOT_OWNED")
    );
    let verified = service.post(Alice, &path, &json!({})).await;
    assert!(
        verified.status == 200 && verified.body["verified_at"].is_string(),
        "{}",
        verified.text
    );
    let seen = provider.last();
    assert_eq!(
        seen.target,
        "/2010-04-01/Accounts/AC123/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550010"
    );
    assert!(seen.headers["authorization"].starts_with("Basic "));
    // Bob has the same account's key as well, but the number is alice's by now.
    let bobs = service
        .post(Bob, "/v1/phone-numbers", &json!({"phone": OWNED_NUMBER}))
        .await;
    service
        .put(Bob, "/v1/api-keys/twilio", &json!({"api_key": "AC123:token"}))
        .await;
    assert_eq!(
        service.post(Bob, &verify(&bobs), &json!({})).await.outcome(),
        (409, "MK409")
    );
    assert_eq!(
        service.post(Bob, &path, &json!({})).await.outcome(),
        (404, "MK404")
    );
    for bad in [
        json!({"phone": "not a number"}),
        json!({"phone": "4017122661"}),
        json!({"phone": OWNED_NUMBER, "verified_at": "2026-01-01T00:00:00Z"}),
        json!({"phone": OWNED_NUMBER, "provider": "aol"}),
    ] {
        assert_eq!(
            service.post(Bob, "/v1/phone-numbers", &bad).await.outcome(),
            (422, "MK422"),
            "{bad}"
        );
    }
    assert_eq!(
        service
            .post(Bob, "/v1/phone-numbers", &json!({"phone": OWNED_NUMBER}))
            .await
            .outcome(),
        (409, "23505")
    );
    assert_eq!(
        service
            .delete(Alice, path.trim_end_matches("/verify"))
            .await
            .status,
        204
    );
    assert_eq!(rows(&service, Alice, "/v1/phone-numbers").await.len(), 1);
}

#[tokio::test]
async fn numbers_are_claimed_once_for_a_key_and_listed_page_by_page() {
    let (_database, service) = setting().await;
    service
        .post(Alice, "/v1/phone-numbers", &json!({"phone": "+15005550013"}))
        .await;
    let claim = || {
        service
            .request_as(Alice, Method::POST, "/v1/phone-numbers")
            .header("idempotency-key", "k")
            .json(&json!({"phone": "+15005550012"}))
    };
    let (first, again) = (Answer::of(claim()).await, Answer::of(claim()).await);
    assert_eq!((first.status, again.status, &again.body), (201, 200, &first.body));
    let path_of_it = format!("/v1/phone-numbers/{}", first.body["id"].as_str().unwrap());
    assert_eq!(service.delete(Alice, &path_of_it).await.status, 204);
    let page = service
        .get(Alice, "/v1/phone-numbers?limit=1&count=exact")
        .await
        .body;
    assert_eq!(
        (page["data"].as_array().unwrap().len(), &page["count"]),
        (1, &json!(2))
    );
    assert!(page["next_cursor"].is_string());
}
