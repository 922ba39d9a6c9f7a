//! Does the dashboard count what is there, and nobody else's?

use serde_json::json;
use tests::TestDatabase;
use tests::database::batch;
use tests::people::Person::{Alice, Mallory};

use crate::resources::service;

/// Rows at known times, for mallory: 4 leads, 3 calls and 2 messages now, 1 lead 40 days ago.
async fn dashboard_rows(database: &TestDatabase) {
    let sql = "insert into users (id, email, password) values ('{u}', 'm@example.com', '!');
        insert into leads (user_id, name, phone, status, source, created_at) values
          ('{u}', 'a', '1', 'new', 's', now()), ('{u}', 'b', '1', 'Meeting', 's', now()), ('{u}', 'c', '1', 'booked', 's', now()),
          ('{u}', 'd', '1', 'converted', 's', now()), ('{u}', 'e', '1', 'new', 's', now() - interval '40 days');
        insert into call_logs (user_id, phone, created_at) select '{u}', '1', now() - interval '1 minute' from generate_series(1, 3);
        insert into automation_logs (user_id, action_type, status, created_at) values
          ('{u}', 'SMS', 'completed', now()), ('{u}', 'email', 'completed', now()), ('{u}', 'call', 'completed', now() - interval '2 minutes');";
    batch(&database.superuser().await, &sql.replace("{u}", Mallory.id())).await;
}

#[tokio::test]
async fn stats_count_the_period_and_the_one_before() {
    let (database, service) = service().await;
    dashboard_rows(&database).await;
    let stats = service.get(Mallory, "/v1/dashboard/stats?days=30").await.body;
    assert_eq!(
        (
            &stats["total_leads"],
            &stats["total_calls"],
            &stats["total_contacts"]
        ),
        (&json!(5), &json!(3), &json!(0))
    );
    assert_eq!(
        stats["leads_by_status"],
        json!({"new": 2, "Meeting": 1, "booked": 1, "converted": 1})
    );
    assert_eq!(
        stats["period"],
        json!({"days": 30, "leads": 4, "calls": 3, "messages": 2, "booked": 2, "conversion_rate": 0.25})
    );
    assert_eq!(
        stats["previous"],
        json!({"days": 30, "leads": 1, "calls": 0, "messages": 0, "booked": 0, "conversion_rate": 0.0})
    );
    let alices = service.get(Alice, "/v1/dashboard/stats").await.body;
    assert_eq!(
        (&alices["total_leads"], &alices["total_contacts"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(
        service.get(Alice, "/v1/dashboard/stats?days=0").await.outcome(),
        (422, "MK422")
    );
}

#[tokio::test]
async fn timeseries_include_empty_buckets() {
    let (database, service) = service().await;
    dashboard_rows(&database).await;
    for interval in ["month", "week", "day"] {
        let series = service
            .get(
                Mallory,
                &format!("/v1/dashboard/timeseries?interval={interval}&points=90"),
            )
            .await
            .body;
        let points = series["data"].as_array().unwrap();
        assert_eq!(points.len(), 90, "{interval}");
        let sum = |name: &str| {
            points
                .iter()
                .map(|point| point[name].as_i64().unwrap())
                .sum::<i64>()
        };
        assert_eq!((sum("leads"), sum("calls")), (5, 3), "{interval}");
        assert!(
            points.is_sorted_by(|a, b| a["start"].as_str() < b["start"].as_str()),
            "{interval}"
        );
    }
    let six = service.get(Mallory, "/v1/dashboard/timeseries").await.body;
    assert_eq!(six["data"].as_array().map(Vec::len), Some(6));
    assert!(
        six["data"][5]["start"]
            .as_str()
            .unwrap()
            .ends_with("-01T00:00:00Z"),
        "{six}"
    );
    assert_eq!(
        service
            .get(Mallory, "/v1/dashboard/timeseries?interval=year")
            .await
            .outcome(),
        (422, "MK422")
    );
}

#[tokio::test]
async fn the_funnel_has_its_stages_in_order() {
    let (database, service) = service().await;
    dashboard_rows(&database).await;
    let funnel = service.get(Mallory, "/v1/dashboard/funnel").await.body;
    let stages: Vec<_> = funnel["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| {
            (
                stage["status"].as_str().unwrap(),
                stage["count"].as_i64().unwrap(),
                stage["share"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        stages,
        [
            ("new", 2, 0.4),
            ("qualified", 0, 0.0),
            ("contacted", 0, 0.0),
            ("booked", 2, 0.4),
            ("proposal", 0, 0.0),
            ("converted", 1, 0.2)
        ]
    );
    assert_eq!(funnel["conversion_rate"], 0.2);
}

#[tokio::test]
async fn activity_is_newest_first_and_the_tenants_own() {
    let (database, service) = service().await;
    dashboard_rows(&database).await;
    let activity = service
        .get(Mallory, "/v1/dashboard/activity?limit=100")
        .await
        .body;
    let rows = activity["data"].as_array().unwrap();
    assert_eq!(rows.len(), 5 + 3 + 3);
    assert!(rows.is_sorted_by(|a, b| a["at"].as_str() >= b["at"].as_str()));
    let kinds = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).count();
    assert_eq!(
        (
            kinds("lead"),
            kinds("booking"),
            kinds("call"),
            kinds("message"),
            kinds("automation")
        ),
        (3, 2, 3, 2, 1)
    );
    let two = service.get(Mallory, "/v1/dashboard/activity?limit=2").await.body;
    assert_eq!(two["data"].as_array().map(Vec::len), Some(2));
}
