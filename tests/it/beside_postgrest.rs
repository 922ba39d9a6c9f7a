//! Do PostgREST and we tell the same truth? The real one, on the same database, with the same tokens.

use serde_json::{Value, json};
use tests::people::Person::{self, Alice, Bob, Mallory};
use tests::postgrest::Postgrest;
use tests::service::Answer;
use tests::{Service, TestDatabase};

/// Our list, PostgREST's table, and the columns to compare.
const RESOURCES: &[(&str, &str, &str)] = &[
    (
        "leads",
        "leads",
        "id,name,phone,status,source,summary,ai_summary,sentiment",
    ),
    (
        "contacts",
        "contacts",
        "id,first_name,last_name,email,phone,company,job_position,status,notes,plan,business_name,business_position",
    ),
    (
        "call-logs",
        "call_logs",
        "id,phone,recording_url,duration,sentiment,summary",
    ),
    (
        "automation-logs",
        "automation_logs",
        "id,action_type,status,details",
    ),
];

fn only(rows: &Value, columns: &str) -> Vec<Value> {
    let pick = |row: &Value| {
        columns
            .split(',')
            .map(|column| (column.to_owned(), row[column].clone()))
            .collect()
    };
    rows.as_array()
        .expect("rows")
        .iter()
        .map(pick)
        .map(Value::Object)
        .collect()
}

#[tokio::test]
async fn both_answer_with_the_same_rows_and_nobody_elses() {
    let database = TestDatabase::new().await.with_rows().await;
    let (service, postgrest) = (Service::on(&database).await, Postgrest::on(&database).await);
    for person in [Alice, Bob, Mallory] {
        for (ours, theirs, columns) in RESOURCES {
            let own = service.get(person, &format!("/v1/{ours}?limit=200")).await;
            let other = postgrest
                .get(
                    person,
                    &format!("/{theirs}?select={columns}&order=created_at.desc,id.desc"),
                )
                .await;
            assert_eq!((own.status, other.status), (200, 200), "{theirs}: {}", other.text);
            assert_eq!(
                only(&own.body["data"], columns),
                only(&other.body, columns),
                "{theirs} as {person:?}"
            );
            let rows = match person {
                Alice => 3,
                Bob => 2,
                Mallory => 0,
            };
            assert_eq!(
                other.body.as_array().map(Vec::len),
                Some(rows),
                "{theirs} as {person:?}"
            );
        }
        let user = postgrest
            .get(person, "/users?select=id,email,business_name,role")
            .await;
        assert!(
            user.body
                .as_array()
                .unwrap()
                .iter()
                .all(|row| row["id"] == person.id()),
            "{}",
            user.text
        );
    }
}

#[tokio::test]
async fn through_postgrest_nobody_reaches_another_tenant() {
    let database = TestDatabase::new().await.with_rows().await;
    let postgrest = Postgrest::on(&database).await;
    for table in [
        "leads",
        "contacts",
        "call_logs",
        "automation_logs",
        "webhook_events",
        "user_phone_numbers",
    ] {
        let path = format!("/{table}?user_id=eq.{}", Alice.id());
        assert_eq!(postgrest.get(Bob, &path).await.body, json!([]), "{table}");
        let deleted = Answer::of(postgrest.request(Bob, reqwest::Method::DELETE, &path)).await;
        assert!([204, 403].contains(&deleted.status), "{table}: {}", deleted.text);
        let anonymous = reqwest::get(format!("{}/{table}", postgrest.url)).await.unwrap();
        assert_eq!(anonymous.status().as_u16(), 401, "{table}");
    }
    let kept: i64 = database
        .superuser()
        .await
        .query_one("select count(*) from leads where user_id = $1", &[&Alice.id()])
        .await
        .unwrap()
        .get(0);
    assert_eq!(kept, 3);
}

#[tokio::test]
async fn a_first_write_through_postgrest_makes_the_user_and_is_seen_through_us() {
    let database = TestDatabase::new().await;
    let (service, postgrest) = (Service::on(&database).await, Postgrest::on(&database).await);
    let lead = json!({"name": "Through PostgREST", "phone": "1", "status": "new", "source": "s"});
    let made = Answer::of(
        postgrest
            .request(Mallory, reqwest::Method::POST, "/leads")
            .json(&lead),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let seen = service.get(Mallory, "/v1/leads").await;
    assert_eq!(seen.body["data"][0]["name"], "Through PostgREST");
    assert_eq!(service.get(Mallory, "/v1/me").await.body["user_id"], Mallory.id());
}

#[tokio::test]
async fn errors_have_the_same_statuses() {
    let database = TestDatabase::new().await.with_rows().await;
    let (service, postgrest) = (Service::on(&database).await, Postgrest::on(&database).await);
    let client = reqwest::Client::new();
    let both = async |token: &str| {
        let ask = |url: String| Answer::of(client.get(url).bearer_auth(token));
        (
            ask(format!("{}/v1/leads", service.url)).await,
            ask(format!("{}/leads", postgrest.url)).await,
        )
    };
    let with = |name: &str, value: Value| {
        let mut claims = Alice.payload();
        claims[name] = value;
        tests::people::sign(&claims)
    };
    let now = tests::people::now();
    let cut = Alice.token();
    for (what, token) in [
        ("expired", with("exp", json!(now - 100))),
        ("too early", with("nbf", json!(now + 100))),
        ("from the future", with("iat", json!(now + 100))),
        ("cut", cut[..cut.len() - 4].to_owned()),
    ] {
        let (ours, theirs) = both(&token).await;
        // The codes are those of PostgREST 14; 12, which npm has, says PGRST301 for all of them.
        assert_eq!(ours.status, theirs.status, "{what}");
        assert!(
            ours.body["code"].as_str().unwrap().starts_with("PGRST30"),
            "{what}"
        );
    }
    let too_long = json!({"name": "x".repeat(300), "phone": "1", "status": "s", "source": "s"});
    let theirs = Answer::of(
        postgrest
            .request(Person::Alice, reqwest::Method::POST, "/leads")
            .json(&too_long),
    )
    .await;
    assert_eq!(
        theirs.outcome(),
        (400, "23514"),
        "PostgREST skips our validation, the schema doesn't: {}",
        theirs.text
    );
}
