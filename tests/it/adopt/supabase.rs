//! On a database made by Supabase's roles and rights all of it works as its `postgres`, who is no superuser: here
//! `editor`, since the bootstrap superuser of the cluster has the name already.

use std::sync::Arc;

use devdb::Search;
use tests::cluster::{AUTHENTICATOR_PASSWORD, Cluster};
use tests::crm::{self, State, Writers};
use tests::database::{batch, connect};
use tests::service::binary;

use super::{adopt, assert_fresh_shape, assert_tenancy, assign_orphans, content};

async fn as_supabases_postgres(search: Search, state: State) {
    binary().await;
    let cluster = Arc::new(Cluster::bare(search).await);
    let superuser = connect(&cluster.superuser_url("postgres")).await;
    batch(&superuser, include_str!("../../sql/supabase.sql")).await;
    let password = format!("alter role authenticator password '{AUTHENTICATOR_PASSWORD}'");
    batch(&superuser, &password).await;
    let database = cluster.owned_database("editor").await;
    let superuser = connect(&cluster.superuser_url(&database)).await;
    batch(&superuser, include_str!("../../sql/auth_users.sql")).await;
    batch(
        &superuser,
        "alter schema public owner to pg_database_owner;
         create role supabase_auth_admin noinherit createrole nologin;
         alter schema auth owner to supabase_auth_admin; alter table auth.users owner to supabase_auth_admin;
         grant usage on schema auth to editor, anon, authenticated, service_role; grant select on auth.users to editor;
         create role supabase_admin superuser nologin",
    )
    .await;
    for kind in ["tables", "functions", "sequences"] {
        for creator in ["editor", "supabase_admin"] {
            let grant = format!(
                "alter default privileges for role {creator} in schema public grant all on {kind} to anon, authenticated, service_role"
            );
            batch(&superuser, &grant).await;
        }
    }
    let url = cluster.url_of("editor", "editor", &database);
    let editor = connect(&url).await;
    crm::build(&editor, state, 400).await;
    let before = content(&editor).await;

    // A table that the dashboard made as supabase_admin.
    batch(&superuser, "alter table call_logs owner to supabase_admin").await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(1), "{log}");
    let (_, line) = log
        .split_once("public.call_logs belongs to supabase_admin, who must run: ")
        .expect(&log);
    batch(
        &superuser,
        &format!(
            "set role supabase_admin; {}; reset role",
            line.lines().next().unwrap()
        ),
    )
    .await;

    let authenticator_url = cluster.authenticator_url(&database);
    let (code, log) = adopt(&url, &[]).await;
    assert_eq!(code, Some(0), "{log}");
    let writers = Writers::start(&authenticator_url, &editor, 2, true).await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    let written = writers.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(written.failures.is_empty(), "{:#?}", written.failures);
    assert_tenancy(&editor, &url, &authenticator_url).await;
    for (table, rows, _) in &before {
        let deleted = i64::try_from(written.deleted.len()).unwrap();
        let (_, now, _) = content(&editor)
            .await
            .into_iter()
            .find(|after| after.0 == *table)
            .unwrap();
        assert!(now + deleted >= *rows, "{table}: {rows} before, {now} now");
    }
    assign_orphans(&url, &editor).await;
    let (code, log) = adopt(&url, &["--enforce"]).await;
    assert_eq!(code, Some(0), "{log}");
    assert_fresh_shape(&url).await;
    assert_tenancy(&editor, &url, &authenticator_url).await;
}

#[tokio::test]
async fn on_this_postgres() {
    as_supabases_postgres(Search::from_env(), State::IN_THE_MIDDLE).await;
}

#[tokio::test]
async fn on_postgres_17() {
    as_supabases_postgres(Search::npm("17.10.0-beta.17"), State::after()).await;
}

#[tokio::test]
async fn on_postgres_18() {
    as_supabases_postgres(Search::npm("18.4.0-beta.17"), State::BEFORE).await;
}
