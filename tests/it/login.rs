//! May this login serve? Not if it is, or can become, one that row-level security doesn't bind.

use store::rows::users;
use store::{Error, PreparedStatements, Store, StoreSettings, Target};
use tests::TestDatabase;
use tests::database::batch;
use tests::people::JWT_SECRET;
use tests::people::Person::Alice;
use tests::process::Process;
use tests::service::{ENCRYPTION_KEY, mako};

/// What the store says about the login of a URL.
async fn objection(url: &str) -> Option<String> {
    match tests::database::store(url, 1, PreparedStatements::On)
        .readiness()
        .await
    {
        Err(Error::UnsafeLogin(why)) => Some(why),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

/// A login role of its own in the test's cluster, made by this SQL (`{role}` is its name).
async fn login(database: &TestDatabase, role: &str, sql: &str) -> String {
    let superuser = database.superuser().await;
    batch(
        &superuser,
        &format!(
            "create role {role} login noinherit password 'p'; {}",
            sql.replace("{role}", role)
        ),
    )
    .await;
    let url = database.login_url();
    let (_, server) = url.split_once('@').expect("a URL with a login");
    format!("postgres://{role}:p@{server}")
}

#[tokio::test]
async fn the_login_mako_may_serve() {
    let database = TestDatabase::new().await;
    assert_eq!(objection(&database.login_url()).await, None);
}

#[tokio::test]
async fn a_superuser_may_not_serve() {
    let database = TestDatabase::new().await;
    let why = objection(&database.superuser_url()).await.expect("refused");
    assert!(
        why.contains("is a superuser") && why.contains("DATABASE_URL"),
        "{why}"
    );
}

#[tokio::test]
async fn postgrests_login_may_not_serve_because_it_can_become_service_role() {
    let database = TestDatabase::new().await;
    let why = objection(&database.authenticator_url()).await.expect("refused");
    assert!(
        why.contains("can become service_role, which is allowed to bypass"),
        "{why}"
    );
}

#[tokio::test]
async fn a_login_that_reaches_a_bypassing_role_over_another_may_not_serve() {
    let database = TestDatabase::new().await;
    let url = login(
        &database,
        "login_detour",
        "create role detour nologin; grant service_role to detour; grant detour, authenticated to {role}",
    )
    .await;
    let why = objection(&url).await.expect("refused");
    assert!(why.contains("can become service_role"), "{why}");
}

#[tokio::test]
async fn a_login_that_owns_a_tenant_table_may_not_serve() {
    let database = TestDatabase::new().await;
    let url = login(
        &database,
        "login_owner",
        "alter table public.contacts owner to {role}",
    )
    .await;
    let why = objection(&url).await.expect("refused");
    assert!(why.contains("owner of table public.contacts"), "{why}");
}

#[tokio::test]
async fn a_session_that_starts_in_another_role_may_not_serve() {
    let database = TestDatabase::new().await;
    let url = login(
        &database,
        "login_elsewhere",
        "grant authenticated to {role}; alter role {role} set role = 'authenticated'",
    )
    .await;
    let why = objection(&url).await.expect("refused");
    assert!(why.contains("starts in it"), "{why}");
}

#[tokio::test]
async fn the_definer_may_not_serve() {
    let database = TestDatabase::new().await;
    let url = login(
        &database,
        "login_definer",
        "grant mako_definer, authenticated to {role}",
    )
    .await;
    assert!(objection(&url).await.expect("refused").contains("mako_definer"));
}

#[tokio::test]
async fn serve_refuses_to_start_as_an_unsafe_login() {
    let database = TestDatabase::new().await;
    let url = database.superuser_url();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", JWT_SECRET),
        ("ENCRYPTION_KEY", ENCRYPTION_KEY),
        ("LISTEN", "127.0.0.1:0"),
    ];
    let (code, log) = Process::start(&mut mako(&["serve"], &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(2), "{log}");
    assert!(
        log.contains("is a superuser") && log.contains("Set DATABASE_URL to the login"),
        "{log}"
    );
}

#[tokio::test]
async fn an_unreachable_database_is_told_from_a_refused_statement() {
    let settings = StoreSettings {
        pool_size: 1,
        statement_timeout: std::time::Duration::from_secs(1),
        prepared_statements: PreparedStatements::On,
    };
    let nowhere = format!(
        "postgres://mako:x@127.0.0.1:{}/nowhere",
        tests::process::free_port()
    );
    let store = Store::new(&Target::parse(&nowhere, None).unwrap(), &settings).unwrap();
    assert!(matches!(
        users::me(&store, &Alice.claims()).await,
        Err(Error::Unavailable(_))
    ));
}
