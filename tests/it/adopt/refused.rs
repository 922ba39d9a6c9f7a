//! What can't be done is refused before anything is changed, with the line that settles it.

use tests::crm::State;
use tests::database::batch;

use super::{adopt, assign_orphans, content, crm_in, number, start};
use crate::migrations::shape;

#[tokio::test]
async fn enforcing_is_refused_while_orphans_remain() {
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 80).await;
    let url = database.superuser_url();
    let (code, log) = adopt(&url, &["--enforce"]).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("mako adopt --apply"), "{log}");
    adopt(&url, &["--apply"]).await;
    let before = (shape(&url).await, content(&owner).await);
    let (code, log) = adopt(&url, &["--enforce"]).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("public.leads: 4 (") && log.contains("--assign-orphans USER_ID"),
        "{log}"
    );
    assert_eq!((shape(&url).await, content(&owner).await), before);
}

/// A row without a user that was written, but not yet committed, when the orphans were counted.
#[tokio::test]
async fn enforcing_is_withdrawn_when_an_old_writer_comes_in_between() {
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 80).await;
    let url = database.superuser_url();
    adopt(&url, &["--apply"]).await;
    assign_orphans(&url, &owner).await;
    let before = shape(&url).await;
    let old = "insert into leads (name, phone, status, source) values ('late', '1', 'new', 'Voice')";
    batch(&owner, &format!("begin; {old}")).await;
    let mut enforcing = start(&url, &["--enforce"]).await;
    enforcing
        .wait_for(|log| log.contains("waiting for process").then_some(()))
        .await;
    batch(&owner, "commit").await;
    let (code, log) = enforcing.output().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("public.leads has got rows without a user meanwhile"),
        "{log}"
    );
    assert_eq!(shape(&url).await, before);
    batch(&owner, old).await;
}

#[tokio::test]
async fn orphans_go_to_nobody_who_is_not_there() {
    let (database, _) = crm_in(State::IN_THE_MIDDLE, 80).await;
    let url = database.superuser_url();
    adopt(&url, &["--apply"]).await;
    let (code, log) = adopt(
        &url,
        &["--assign-orphans", "9057a000-0000-4000-8000-000000000009"],
    )
    .await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("public.users has no user"), "{log}");
}

#[tokio::test]
async fn another_roles_table_is_named_with_the_line_for_its_owner() {
    let (database, owner) = crm_in(State::IN_THE_MIDDLE, 80).await;
    batch(
        &owner,
        "create role other_owner nologin; create role small_admin login password 'small' bypassrls createrole;
         alter database current_database_placeholder owner to small_admin"
            .replace("current_database_placeholder", database.name())
            .as_str(),
    )
    .await;
    batch(
        &owner,
        "alter table leads owner to other_owner; alter schema public owner to small_admin;
         alter table users owner to small_admin; alter table call_logs owner to small_admin;
         alter table automation_logs owner to small_admin",
    )
    .await;
    let before = shape(&database.superuser_url()).await;
    let url = database.cluster().url_of("small_admin", "small", database.name());
    for arguments in [&[][..], &["--apply"]] {
        let (code, log) = adopt(&url, arguments).await;
        assert_eq!(code, Some(i32::from(!arguments.is_empty())), "{log}");
        let line = "public.leads belongs to other_owner, who must run: alter table public.leads owner to \"small_admin\";";
        assert!(log.contains(line), "{log}");
        assert!(!log.contains("public.users belongs"), "{log}");
    }
    assert_eq!(shape(&database.superuser_url()).await, before);
}

#[tokio::test]
async fn an_admin_whom_policies_bind_is_refused() {
    let (database, owner) = crm_in(State::BEFORE, 80).await;
    batch(&owner, "create role bound_admin login superuser password 'bound'").await;
    batch(
        &owner,
        "alter role bound_admin nosuperuser; grant postgres to bound_admin",
    )
    .await;
    let url = database.cluster().url_of("bound_admin", "bound", database.name());
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("alter role \"bound_admin\" bypassrls"), "{log}");
}

#[tokio::test]
async fn ids_of_another_type_are_refused() {
    let (database, owner) = crm_in(State::BEFORE, 80).await;
    batch(&owner, "alter table leads add column user_id uuid").await;
    let (code, log) = adopt(&database.superuser_url(), &["--apply"]).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("alter table public.leads alter column user_id type text"),
        "{log}"
    );
    assert_eq!(
        number(&owner, "select count(*) from pg_namespace where nspname = 'mako'").await,
        0
    );
}
