//! What is left of an event, and for how long?

use super::*;

#[tokio::test]
async fn events_are_counted_listed_and_forgotten_in_time() {
    let (database, service) = setting().await;
    for n in 0..5 {
        accepted(
            &service,
            &platform(
                Source::Twilio,
                sms(&format!("SM{n}"), CUSTOMER, ALICES_NUMBER, "hi"),
            ),
        )
        .await;
    }
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM0", CUSTOMER, ALICES_NUMBER, "hi")),
    )
    .await;
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM9", CUSTOMER, "+15005550099", "hi")),
    )
    .await;
    post(
        &service,
        &signed(
            Source::Twilio,
            "/webhooks/twilio",
            sms("SMx", CUSTOMER, ALICES_NUMBER, "hi"),
            "wrong",
        ),
    )
    .await;
    let metrics = service.get(Alice, "/metrics").await.text;
    for line in [
        "mako_webhooks_received_total{source=\"twilio\"} 8",
        "mako_webhooks_verified_total{source=\"twilio\"} 7",
        "mako_webhooks_refused_total{source=\"twilio\",reason=\"wrong\"} 1",
        "mako_webhooks_duplicate_total{source=\"twilio\"} 1",
        "mako_webhooks_unrouted_total{source=\"twilio\"} 1",
        "mako_webhooks_acknowledge_seconds_count{source=\"twilio\"} 7",
        "mako_webhooks_spooled 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let page = service
        .get(
            Alice,
            "/v1/webhook-events?limit=2&count=exact&source=twilio&status=processed",
        )
        .await
        .body;
    assert_eq!(
        (page["data"].as_array().unwrap().len(), &page["count"]),
        (2, &json!(5))
    );
    assert_eq!(
        service
            .get(Alice, "/v1/webhook-events?status=lost")
            .await
            .outcome(),
        (422, "MK422")
    );

    let client = database.superuser().await;
    batch(
        &client,
        "update webhook_events set created_at = now() - interval '40 days' where dedupe_key like '%SM1'",
    )
    .await;
    let mut settings = SETTINGS.to_vec();
    settings.push(("RETENTION_DAYS", "30"));
    let _background_worker = Service::with(&database.login_url(), &settings).await;
    let forgotten = async || {
        let sql = "select count(*) filter (where payload = '{}'), count(*) from webhook_events";
        let row = client.query_one(sql, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1)) == (1, 6)
    };
    tests::process::until(forgotten).await;
}
