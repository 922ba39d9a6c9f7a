//! Where do user rows come from? From verified claims at the first write, through us or through PostgREST.

use serde_json::{Value, json};
use tests::TestDatabase;
use tests::database::{batch, connect};
use tests::people::Person::{self, Alice, Bob, Mallory};
use tokio_postgres::Client;

/// Runs SQL as PostgREST would with these claims, and commits; the first column of the first row as text.
async fn run_with(client: &Client, claims: &Value, sql: &str) -> Result<Option<String>, String> {
    batch(client, &format!("begin; select set_config('request.jwt.claims', '{claims}', true), set_config('role', 'authenticated', true)")).await;
    let answer = client.query(sql, &[]).await;
    let end = if answer.is_ok() { "commit" } else { "rollback" };
    batch(client, end).await;
    match answer {
        Ok(rows) => Ok(rows.first().and_then(|row| row.get(0))),
        Err(error) => Err(error.code().expect("an SQLSTATE").code().to_owned()),
    }
}

const FIRST_LEAD: &str =
    "insert into leads (name, phone, status, source) values ('a', 'b', 'c', 'd') returning user_id";
const FIRST_CONTACT: &str = "insert into contacts (first_name) values ('a') returning user_id";

async fn users(database: &TestDatabase) -> Vec<(String, String, String)> {
    let rows = database
        .superuser()
        .await
        .query("select id, email, role from users order by id", &[])
        .await
        .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

#[tokio::test]
async fn the_first_write_makes_the_users_row() {
    let database = TestDatabase::new().await;
    let client = connect(&database.authenticator_url()).await;
    let made = run_with(&client, &Alice.payload(), FIRST_LEAD).await.unwrap();
    assert_eq!(made.as_deref(), Some(Alice.id()));
    assert_eq!(
        users(&database).await,
        [(Alice.id().into(), Alice.email().into(), "user".into())]
    );
    // And the second write finds it.
    assert!(run_with(&client, &Alice.payload(), FIRST_CONTACT).await.is_ok());
}

#[tokio::test]
async fn another_users_address_links_nobody() {
    let database = TestDatabase::new().await.with_rows().await;
    let client = connect(&database.authenticator_url()).await;
    let mut claims = Mallory.payload();
    claims["email"] = json!(Alice.email());
    assert_eq!(
        run_with(&client, &claims, FIRST_LEAD).await.unwrap().as_deref(),
        Some(Mallory.id())
    );
    let made = users(&database)
        .await
        .into_iter()
        .find(|(id, ..)| id == Mallory.id())
        .unwrap();
    assert_eq!(made.1, format!("{}@no-email.invalid", Mallory.id()));
    assert_eq!(
        run_with(&client, &claims, "select count(*)::text from leads")
            .await
            .unwrap()
            .as_deref(),
        Some("1")
    );
}

#[tokio::test]
async fn a_token_cannot_choose_the_applications_role_or_a_password() {
    let database = TestDatabase::new().await;
    let client = connect(&database.authenticator_url()).await;
    let claims =
        json!({"sub": "u", "role": "admin", "app_metadata": {"role": "admin"}, "password": "x", "email": 5});
    run_with(&client, &claims, FIRST_LEAD).await.unwrap();
    assert_eq!(
        users(&database).await,
        [("u".into(), "u@no-email.invalid".into(), "user".into())]
    );
    let password: String = database
        .superuser()
        .await
        .query_one("select password from users", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(password, "!");
}

#[tokio::test]
async fn claims_without_a_user_make_nothing() {
    let database = TestDatabase::new().await;
    let client = connect(&database.authenticator_url()).await;
    for claims in [
        json!({}),
        json!({"sub": ""}),
        json!({"sub": null}),
        json!({"sub": 5}),
        json!({"sub": {"a": "b"}}),
        json!({"sub": ["x"]}),
        json!([{"sub": "x"}]),
        json!("x"),
    ] {
        assert_eq!(
            run_with(&client, &claims, FIRST_LEAD).await,
            Err("42501".into()),
            "{claims}"
        );
        assert_eq!(
            run_with(&client, &claims, "select mako.ensure_user()").await,
            Err("42501".into()),
            "{claims}"
        );
    }
    assert_eq!(users(&database).await, []);
}

#[tokio::test]
async fn a_live_token_does_not_bring_back_a_deleted_user() {
    let database = TestDatabase::new().await.with_rows().await;
    let client = connect(&database.authenticator_url()).await;
    batch(
        &database.superuser().await,
        &format!("delete from users where id = '{}'", Alice.id()),
    )
    .await;
    assert_eq!(
        run_with(&client, &Alice.payload(), FIRST_LEAD).await,
        Err("42501".into())
    );
    assert_eq!(users(&database).await.len(), 1, "bob alone is left");
    let rows: i64 = database
        .superuser()
        .await
        .query_one("select count(*) from leads", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 2, "a user's rows go with the user, and nobody else's");
}

#[tokio::test]
async fn first_writes_at_the_same_time_make_one_user() {
    let database = TestDatabase::new().await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = database.authenticator_url();
        writers
            .spawn(async move { run_with(&connect(&url).await, &Person::Alice.payload(), FIRST_LEAD).await });
    }
    while let Some(written) = writers.join_next().await {
        assert_eq!(written.unwrap().unwrap().as_deref(), Some(Alice.id()));
    }
    assert_eq!(users(&database).await.len(), 1);
}

#[tokio::test]
async fn the_login_of_the_service_cannot_make_users_by_itself() {
    let database = TestDatabase::new().await;
    let refused = database
        .login()
        .await
        .query("select mako.ensure_user()", &[])
        .await
        .unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
}

#[tokio::test]
async fn sealed_columns_and_passwords_cannot_be_selected() {
    let database = TestDatabase::new().await.with_rows().await;
    let client = connect(&database.authenticator_url()).await;
    for sql in [
        "select encrypted_key from api_keys",
        "select key_hash from api_keys",
        "select * from api_keys",
        "select password from users",
        "select sealed_secret from webhook_endpoints",
        "select endpoint_key_hash from webhook_endpoints",
        "select sealed_secret from mako.event_subscriptions",
        "insert into leads (id, name, phone, status, source) values ('mine', 'a', 'b', 'c', 'd')",
        "update leads set created_at = now()",
        "update user_phone_numbers set verified_at = now()",
        "update users set role = 'admin'",
    ] {
        assert_eq!(
            run_with(&client, &Bob.payload(), sql).await,
            Err("42501".into()),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn nobody_squats_on_anothers_stand_in_address() {
    let database = TestDatabase::new().await;
    let client = connect(&database.authenticator_url()).await;
    let stand_in = format!("{}@No-Email.invalid", Alice.id());
    let mut squatter = Mallory.payload();
    squatter["email"] = json!(stand_in);
    run_with(&client, &squatter, FIRST_LEAD).await.unwrap();
    let mut nameless = Alice.payload();
    nameless.as_object_mut().unwrap().remove("email");
    assert_eq!(
        run_with(&client, &nameless, FIRST_LEAD).await.unwrap().as_deref(),
        Some(Alice.id())
    );
    // Where one has it already, by the CRM's own hand, that is said and not passed over.
    let superuser = database.superuser().await;
    let taken = format!(
        "insert into users (id, email, password) values ('other', '{}@no-email.invalid', '!')",
        Bob.id()
    );
    batch(&superuser, &taken).await;
    let mut bob = Bob.payload();
    bob.as_object_mut().unwrap().remove("email");
    assert_eq!(
        run_with(&client, &bob, "select mako.ensure_user()").await,
        Err("23505".to_owned())
    );
}
