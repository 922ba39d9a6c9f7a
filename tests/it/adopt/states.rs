//! Wherever the CRM's migration has stopped, the end is the same: the shape of a fresh database, with every row.

use futures_util::StreamExt as _;
use tests::TestDatabase;
use tests::crm::{State, statements};
use tests::people::Person::Bob;

use super::{adopt, assert_fresh_shape, assert_tenancy, assign_orphans, content, crm_in, number};
use crate::migrations::{migrate, shape};

/// The whole way, from a state to an enforced database.
async fn adopt_from(state: State) {
    let (database, owner) = crm_in(state, 160).await;
    let url = database.superuser_url();
    let before = content(&owner).await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(0), "{state:?}: {log}");
    let after = content(&owner).await;
    for table in &before {
        assert!(
            after.contains(table),
            "{state:?}: {table:?} is not among {after:?}"
        );
    }
    assert_tenancy(&owner, &database.superuser_url(), &database.authenticator_url()).await;
    let done = migrate(&database).await.unwrap();
    assert_eq!((done.migrations, done.policies), (0, 0), "{state:?}");

    assign_orphans(&url, &owner).await;
    let (code, log) = adopt(&url, &["--enforce"]).await;
    assert_eq!(code, Some(0), "{state:?}: {log}");
    assert_fresh_shape(&url).await;
    assert_tenancy(&owner, &database.superuser_url(), &database.authenticator_url()).await;
    let done = migrate(&database).await.unwrap();
    assert_eq!((done.migrations, done.policies), (0, 0), "{state:?}");
    // What an adoption changed in the rows is whose they are, and of orphans only.
    let owners = ["users", "leads", "call_logs", "automation_logs"];
    let enforced = content(&owner).await;
    for table in before.iter().filter(|table| owners.contains(&table.0.as_str())) {
        assert!(
            enforced.contains(table),
            "{state:?}: {table:?} is not among {enforced:?}"
        );
    }
}

#[tokio::test]
async fn every_state_of_the_crms_migration_comes_to_the_shape_of_a_fresh_database() {
    let last = statements().len();
    let stops: Vec<_> = if std::env::var_os("MAKO_ADOPT_ALL_STATES").is_some() {
        (0..=last).collect()
    } else {
        // Columns, NOT NULL, foreign keys, new tables; of the indexes and policies, which are many and alike, some.
        vec![0, 1, 3, 5, 8, 11, 30, last]
    };
    let states = stops.into_iter().flat_map(|statements| {
        let state = |assigned| State { statements, assigned };
        // Without users for the rows the migration fails at its fourth statement.
        match statements {
            0 => vec![state(false)],
            1..=3 => vec![state(true), state(false)],
            4 => vec![state(false), state(true)],
            _ => vec![state(true)],
        }
    });
    futures_util::stream::iter(states.map(adopt_from))
        .buffer_unordered(3)
        .collect::<Vec<_>>()
        .await;
}

#[tokio::test]
async fn an_empty_database_comes_to_the_same_shape() {
    let database = TestDatabase::empty().await;
    let url = database.superuser_url();
    for arguments in [&[][..], &["--apply"], &["--apply"], &["--enforce"], &[]] {
        let (code, log) = adopt(&url, arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {log}");
    }
    assert_fresh_shape(&url).await;
}

#[tokio::test]
async fn a_migrated_database_needs_no_adoption() {
    let database = TestDatabase::new().await.with_rows().await;
    let url = database.superuser_url();
    let before = shape(&url).await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("Nothing is left to do"), "{log}");
    assert_eq!(shape(&url).await, before);
}

#[tokio::test]
async fn the_plan_names_everything_and_changes_nothing() {
    let (database, owner) = crm_in(State::after(), 80).await;
    let url = database.superuser_url();
    tests::database::batch(
        &owner,
        "create policy homemade on leads for select using (status = 'new')",
    )
    .await;
    let (shape_before, content_before) = (shape(&url).await, content(&owner).await);
    let (code, log) = adopt(&url, &[]).await;
    assert_eq!(code, Some(0), "{log}");
    for said in [
        "public.leads",
        "rows: 80",
        "drop policy \"Users can view own leads\" on public.leads",
        "drop policy \"Service role full access\" on public.users",
        "policy \"homemade\"",
        "not known to Mako",
        "revoke all on public.leads from anon",
        "create index concurrently leads_newest",
        "alter table public.contacts add constraint fk_contacts_user_id",
        "drop constraint webhook_events_status_check",
        "access exclusive on leads",
        "orphans: 4 (1 without a user, 2 with an empty or unknown one, 1 whose user only auth.users knows)",
        "mako adopt --apply --rollback-dir DIR",
    ] {
        assert!(log.contains(said), "{said} is missing in:\n{log}");
    }
    // Each of the CRM's 22 + 4 policies.
    assert_eq!(log.matches("drop policy \"Users can").count(), 22, "{log}");
    assert_eq!(
        log.matches("drop policy \"Service role full access\"").count(),
        4,
        "{log}"
    );
    assert_eq!(shape(&url).await, shape_before);
    assert_eq!(content(&owner).await, content_before);
    assert_eq!(
        number(&owner, "select count(*) from pg_namespace where nspname = 'mako'").await,
        0
    );
}

#[tokio::test]
async fn check_accepts_the_interim_shape_and_the_enforced_one() {
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 80).await;
    let url = database.superuser_url();
    let check = async || {
        let environment = [("ADMIN_DATABASE_URL", url.as_str())];
        let mut command = tests::service::mako(&["migrate", "--check"], &environment).await;
        tests::process::Process::start(&mut command).output().await
    };
    assert_eq!(check().await.0, Some(1));
    adopt(&url, &["--apply"]).await;
    assert_eq!(check().await, (Some(0), String::new()));
    assign_orphans(&url, &owner).await;
    adopt(&url, &["--enforce"]).await;
    assert_eq!(check().await, (Some(0), String::new()));
}

/// A stray policy that nobody knows stays, and opens nothing.
#[tokio::test]
async fn an_unknown_policy_is_reported_and_harmless() {
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 80).await;
    let url = database.superuser_url();
    for table in ["leads", "call_logs"] {
        let stray = format!("create policy \"let me in\" on {table} using (true) with check (true)");
        tests::database::batch(&owner, &stray).await;
    }
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("\"let me in\" is not Mako's"), "{log}");
    assert_tenancy(&owner, &database.superuser_url(), &database.authenticator_url()).await;
}

/// The service and PostgREST serve the database as it is between adoption and enforcement.
#[tokio::test]
async fn the_service_and_postgrest_serve_an_adopted_database() {
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 240).await;
    let (code, log) = adopt(&database.superuser_url(), &["--apply"]).await;
    assert_eq!(code, Some(0), "{log}");
    let service = tests::Service::on(&database).await;
    let postgrest = tests::postgrest::Postgrest::on(&database).await;
    let own = number(
        &owner,
        &format!("select count(*) from leads where user_id = '{}'", Bob.id()),
    )
    .await;
    let ours = service.get(Bob, "/v1/leads?limit=200").await;
    let theirs = postgrest
        .get(Bob, "/leads?select=id&order=created_at.desc,id.desc")
        .await;
    let ids = |rows: &serde_json::Value| -> Vec<String> {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&ours.body["data"]), ids(&theirs.body));
    assert_eq!(i64::try_from(ids(&theirs.body).len()).unwrap(), own);
    let lead = serde_json::json!({"name": "n", "phone": "1", "status": "new", "source": "s"});
    let made = service
        .post(tests::people::Person::Mallory, "/v1/leads", &lead)
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
}
