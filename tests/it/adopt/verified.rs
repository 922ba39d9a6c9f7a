//! `policies/verify.sql` is empty on a migrated database, and names each hole that is made in it.

use tests::TestDatabase;
use tests::database::batch;

use super::holes;

/// SQL that opens a hole, and what must be said about it.
const HOLES: &[(&str, &str)] = &[
    ("alter table leads disable row level security", "public.leads: row-level security is off"),
    ("alter table leads no force row level security", "public.leads: row-level security does not bind the owner"),
    ("drop policy tenant_floor on leads", "public.leads: no restrictive floor"),
    (
        "drop policy tenant_floor on leads; create policy tenant_floor on leads as restrictive using (true)",
        "public.leads: no restrictive floor",
    ),
    (
        "drop policy tenant_floor on leads; create policy tenant_floor on leads as restrictive for select
           using (user_id = (select mako.current_user_id()))",
        "public.leads: no restrictive floor",
    ),
    (
        "drop policy tenant_floor on leads; create policy tenant_floor on leads as restrictive to anon
           using (user_id = (select mako.current_user_id()))",
        "public.leads: no restrictive floor",
    ),
    (
        "alter policy tenant_floor on leads using (user_id is null or user_id = (select mako.current_user_id()))",
        "public.leads: no restrictive floor",
    ),
    ("alter policy tenant_floor on leads with check (true)", "public.leads: no restrictive floor"),
    ("grant select on contacts to anon", "public.contacts: anon has the right to select"),
    ("grant select (phone) on contacts to anon", "public.contacts: anon has the right to select"),
    ("grant insert on contacts to public", "public.contacts: public has the right to insert"),
    ("grant truncate on leads to authenticated", "public.leads: authenticated has the right to truncate"),
    ("grant trigger on leads to authenticated", "public.leads: authenticated has the right to trigger"),
    ("grant references on leads to authenticated", "public.leads: authenticated has the right to references"),
    ("create table loose (id int)", "public.loose: row-level security is off"),
    (
        "create table half (id int); alter table half enable row level security, force row level security;
         create policy p on half using (true); grant select on half to authenticated",
        "public.half: no restrictive floor",
    ),
    (
        "create view all_leads as select * from leads; grant select on all_leads to authenticated",
        "public.all_leads: the view reads as its owner",
    ),
    (
        "create view all_leads with (security_invoker = false) as select * from leads; grant select on all_leads to anon",
        "public.all_leads: the view reads as its owner",
    ),
    (
        "create materialized view counted as select user_id, count(*) from leads group by 1; grant select on counted to authenticated",
        "public.counted: a materialized view has no row-level security",
    ),
    ("grant select on users to authenticated", "public.users.password: authenticated can read it"),
    ("grant select (encrypted_key) on api_keys to authenticated", "public.api_keys.encrypted_key: authenticated can read it"),
    (
        "create function peek() returns bigint language sql security definer as 'select count(*) from public.leads'",
        "peek(): runs as postgres with a search_path of the caller's choice",
    ),
    (
        "create function peek() returns bigint language sql security definer set search_path = '' as 'select count(*) from public.leads'",
        "peek(): runs as postgres, whom row-level security does not bind",
    ),
    ("alter function mako.current_user_id() immutable", "mako.current_user_id(): is not STABLE"),
    (
        "create or replace function mako.current_user_id() returns text language sql stable
         as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' $$",
        "mako.current_user_id(): is not STABLE or depends on the search_path",
    ),
    ("alter table leads owner to authenticated", "public.leads: belongs to authenticated"),
    (
        "create table parts (id text, user_id text) partition by list (id); create table part partition of parts default;
         grant select on part to authenticated",
        "public.part: row-level security is off",
    ),
];

/// What is no hole, and must not be said to be one.
const SOUND: &[&str] = &[
    "create view own_leads with (security_invoker = true) as select * from leads; grant select on own_leads to authenticated",
    "create view internal as select * from leads",
    "create policy stray on leads using (true) with check (true)",
    "create materialized view internal as select count(*) from leads",
    "create function harmless() returns int language sql as 'select 1'",
    "create function internal() returns int language sql security definer as 'select 1'; revoke execute on function internal() from public",
    "create table internal (id int); alter table internal enable row level security, force row level security",
];

#[tokio::test]
async fn a_migrated_database_has_no_hole_and_each_planted_one_is_named() {
    let database = TestDatabase::new().await.with_rows().await;
    let superuser = database.superuser().await;
    assert_eq!(holes(&superuser).await, Vec::<String>::new());
    for (sql, said) in HOLES {
        batch(&superuser, &format!("begin; {sql}")).await;
        let found = holes(&superuser).await;
        batch(&superuser, "rollback").await;
        assert!(
            found.iter().any(|hole| hole.starts_with(said)),
            "{sql}\n{found:#?}"
        );
    }
    for sql in SOUND {
        batch(&superuser, &format!("begin; {sql}")).await;
        let found = holes(&superuser).await;
        batch(&superuser, "rollback").await;
        assert_eq!(found, Vec::<String>::new(), "{sql}");
    }
}

/// The statement beside a hole closes it.
#[tokio::test]
async fn what_verify_proposes_closes_the_hole() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    for (sql, _) in HOLES {
        batch(&superuser, &format!("begin; {sql}")).await;
        for _ in 0..3 {
            let rows = superuser
                .query(include_str!("../../../policies/verify.sql"), &[])
                .await
                .unwrap();
            for fix in rows.iter().map(|row| row.get::<_, &str>(2)) {
                // Words beside a statement are for people; what names a file means that file.
                let fix = fix
                    .split("; or ")
                    .next()
                    .unwrap()
                    .split("; then ")
                    .next()
                    .unwrap();
                if fix == "policies/00_claims.sql" {
                    let claims = include_str!("../../../policies/00_claims.sql");
                    batch(
                        &superuser,
                        &claims.replace("begin;\nset", "set").replace("\ncommit;", ""),
                    )
                    .await;
                } else {
                    batch(&superuser, fix).await;
                }
            }
        }
        let left = holes(&superuser).await;
        batch(&superuser, "rollback").await;
        assert_eq!(left, Vec::<String>::new(), "{sql}");
    }
}
