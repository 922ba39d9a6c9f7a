-- Roles, the schema mako and its ledgers: run by `mako migrate`, or pasted into the SQL editor before policies/.
-- Idempotent. Supabase has anon, authenticated, service_role and authenticator already; plain Postgres gets them.
-- Who may become whom:  mako (login) -> authenticated, mako_router, mako_sealer;  nobody -> mako_definer.
begin;
set local lock_timeout = '5s';

-- Roles belong to the whole cluster: a migration of another database may make them at this very moment.
do $$
declare
  wanted constant text[][] := array[
    ['anon', 'nologin', 'PostgREST: requests without a token'],
    ['authenticated', 'nologin', 'PostgREST and Mako: requests with a user''s token'],
    ['service_role', 'nologin bypassrls', 'PostgREST: requests with the project''s secret key'],
    ['authenticator', 'login noinherit', 'Login of PostgREST'],
    ['mako', 'login noinherit', 'Login of the Mako service: owns nothing, reads nothing; may become authenticated, mako_router, mako_sealer'],
    ['mako_router', 'nologin', 'Mako: finds whose a webhook is; may execute the routing functions and nothing else'],
    ['mako_sealer', 'nologin', 'Mako: reads and writes sealed values, under the same tenant floor'],
    ['mako_definer', 'nologin', 'Mako: owner of SECURITY DEFINER functions; bound by row-level security']
  ];
  role text[];
begin
  foreach role slice 1 in array wanted loop
    if to_regrole(role[1]) is null then
      begin
        execute format('create role %I %s', role[1], role[2]);
        execute format('comment on role %I is %L', role[1], role[3]);
      exception when duplicate_object or unique_violation then
        null; -- someone else was faster
      end;
    end if;
  end loop;
end $$;

-- Memberships. Before PostgreSQL 16 inheritance is the member's property, from then on the grant's.
do $$
declare
  pairs text[][] := array[
    ['authenticated', 'mako'], ['mako_router', 'mako'], ['mako_sealer', 'mako'],
    ['anon', 'authenticator'], ['authenticated', 'authenticator'], ['service_role', 'authenticator']
  ];
  pair text[];
begin
  foreach pair slice 1 in array pairs loop
    if not exists (
      select from pg_auth_members m
      where m.roleid = to_regrole(pair[1]) and m.member = to_regrole(pair[2])
        and coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
    ) then
      execute format('grant %I to %I', pair[1], pair[2])
        || case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else '' end;
    end if;
  end loop;
  -- What the login could do by inheritance it could do without the door. A grant is changed by who made it.
  if current_setting('server_version_num')::int >= 160000 then
    for pair in
      select array[m.roleid::regrole::text, m.grantor::regrole::text]
      from pg_auth_members m
      where m.member = 'mako'::regrole and (to_jsonb(m) ->> 'inherit_option')::boolean
    loop
      execute format('grant %s to mako with inherit false granted by %s', pair[1], pair[2]);
    end loop;
  end if;
  -- Functions are handed to mako_definer, which only its members can do. A superuser needs no membership.
  if not (select rolsuper from pg_roles where rolname = current_user) and not exists (
    select from pg_auth_members m
    where m.roleid = to_regrole('mako_definer') and m.member = (select oid from pg_roles where rolname = current_user)
      and coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
      and coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
  ) then
    execute format('grant mako_definer to %I', current_user)
      || case when current_setting('server_version_num')::int >= 160000 then ' with inherit true, set true' else '' end;
  end if;
end $$;

-- Settings of the role, not of the connection: PgBouncer refuses start-up options.
-- Generic plans save a third of a short statement, and are made for the tenant of average size: where a few tenants hold
-- most rows, reading everybody's would look cheap, and one with few rows would wait for it. For the same reason such plans
-- look worth parallel workers and compiling, which cost more than the rows of a request do.
do $$
declare
  setting text[];
begin
  foreach setting slice 1 in array array[['plan_cache_mode', 'force_generic_plan'], ['enable_seqscan', 'off'],
    ['max_parallel_workers_per_gather', '0'], ['jit', 'off']] loop
    if not exists (
      select from pg_db_role_setting
      where setrole = 'mako'::regrole and setdatabase = 0 and setting[1] || '=' || setting[2] = any (setconfig)
    ) then
      execute format('alter role mako set %I = %L', setting[1], setting[2]);
    end if;
  end loop;
end $$;

-- PostgREST does not expose this schema. Naming its functions takes USAGE; using them takes EXECUTE.
create schema if not exists mako;
comment on schema mako is 'Mako: functions that policies call, and the service''s own tables. Not to be exposed by PostgREST';
revoke all on schema mako from public, anon, authenticated, service_role, mako, mako_router, mako_sealer, mako_definer;
grant usage on schema mako to anon, authenticated, service_role, mako, mako_router, mako_sealer, mako_definer;
grant usage on schema public to anon, authenticated, service_role, mako, mako_router, mako_sealer, mako_definer;

-- Which policy files are in force, and a digest of the catalog that each left behind (`mako migrate` skips unchanged ones).
create table if not exists mako.policy_files (
  file text primary key,
  digest text not null,
  catalog text not null,
  applied_at timestamptz not null default now()
);
comment on table mako.policy_files is 'Ledger of policies/*.sql as `mako migrate` applied them';
comment on column mako.policy_files.file is 'Name of the file';
comment on column mako.policy_files.digest is 'SHA-256 of its text';
comment on column mako.policy_files.catalog is 'Digest of what it decides, as the catalog held it right after (sql/catalog.sql)';
comment on column mako.policy_files.applied_at is 'When it was applied last';
revoke all on mako.policy_files from public, anon, authenticated, service_role;

commit;
