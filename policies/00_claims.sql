-- policies/00_claims.sql: who is speaking? The functions that every policy and every user_id column asks.
-- Run sql/roles.sql before it, and this before any other file of policies/. Idempotent: paste it as often as you like.
-- Nothing here takes a user id as a parameter: the only source is the verified token in request.jwt.claims.
begin;
set local lock_timeout = '5s';
set local search_path = ''; -- nobody's operator or function is meant below but Postgres's own

do $$
begin
  if to_regrole('mako_definer') is null or to_regnamespace('mako') is null then
    raise exception 'the roles of Mako are missing' using hint = 'Run sql/roles.sql first';
  end if;
end $$;

-- The user of this transaction, or null: no claims, empty claims, no sub, an empty sub, a sub that is no string.
-- STABLE, never IMMUTABLE: a plan that was made for one user must not remember that user for the next.
-- One expression, parsed here and now: no search_path changes its meaning, and Postgres writes it into the plan of
-- the policy instead of calling it, which takes a tenth off a short query. `strict`: an array's element is no sub.
create or replace function mako.current_user_id() returns text
language sql stable parallel safe
return nullif(jsonb_path_query_first(
  nullif(current_setting('request.jwt.claims', true), '')::jsonb, 'strict $.sub ? (@.type() == "string")', '{}', true
) #>> '{}', '');
comment on function mako.current_user_id() is 'The user that the verified token names (claim sub), or null';
revoke all on function mako.current_user_id() from public, anon, authenticated, service_role;
grant execute on function mako.current_user_id() to anon, authenticated, service_role, mako_router, mako_sealer, mako_definer;

-- What each table's file asks first, before it touches the table. As whoever runs the file: nobody else may call it.
create or replace function mako.prepare_table(relation regclass) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
  policy name;
begin
  -- On another role's table REVOKE would only warn, and leave everything open.
  if not pg_has_role((select relowner from pg_class where oid = relation), 'usage') then
    raise exception '% belongs to another role', (select format('%s.%s', n.nspname, c.relname)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation)
      using hint = 'Run this as its owner';
  end if;
  -- The CRM's own policies, which let everybody in. Unknown ones stay: the file's floor makes them harmless.
  for policy in
    select polname from pg_policy
    where polrelid = relation and polpermissive
      and polname ~ '^(Service role full access|Users can (view|insert|update|delete) own .+)$'
      and coalesce(pg_get_expr(polqual, polrelid), 'true') = 'true'
      and coalesce(pg_get_expr(polwithcheck, polrelid), 'true') = 'true'
  loop
    execute format('drop policy %I on %s', policy, relation);
  end loop;
end $$;
comment on function mako.prepare_table(regclass) is 'Refuses another role''s table, and drops the policies of the CRM that let everybody in';
revoke all on function mako.prepare_table(regclass) from public, anon, authenticated, service_role;

create table if not exists mako.deleted_users (
  id text primary key,
  deleted_at timestamptz not null default now()
);
comment on table mako.deleted_users is 'Tombstones: a token outlives its user and must not bring them back';
comment on column mako.deleted_users.id is 'The user''s id';
comment on column mako.deleted_users.deleted_at is 'When the user was deleted';
revoke all on mako.deleted_users from public, anon, authenticated, service_role;
grant select (id), insert (id) on mako.deleted_users to mako_definer; -- policies/mako.sql says which rows

-- Makes the caller's row in public.users from the claims alone. Runs as mako_definer, whom the policies of
-- public.users bind to the same user: it can make or see this one row and no other.
grant create on schema mako to mako_definer; -- for the moment that an owner needs it
create or replace function mako.ensure_user() returns text
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  caller constant text := mako.current_user_id();
  claimed jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'email';
  nobodys constant text := caller || '@no-email.invalid';
  -- An address of no-email.invalid is somebody's stand-in: whoever claimed it would keep its owner out.
  address text := case
    when jsonb_typeof(claimed) = 'string' and length(claimed #>> '{}') between 1 and 320
      and claimed #>> '{}' not ilike '%@no-email.invalid' then claimed #>> '{}'
    else nobodys
  end;
begin
  if caller is null then
    raise exception 'No user is named by the claims' using errcode = 'insufficient_privilege';
  end if;
  if exists (select from public.users u where u.id = caller) then
    return caller;
  end if;
  -- A token outlives its user; it must not bring them back.
  if exists (select from mako.deleted_users d where d.id = caller) then
    raise exception 'The account of this token has been deleted' using errcode = 'insufficient_privilege';
  end if;
  -- Never linked by e-mail: whoever has the address already keeps it. '!' is no bcrypt hash, so no password fits.
  insert into public.users (id, email, password) values (caller, address, '!') on conflict do nothing;
  if not exists (select from public.users u where u.id = caller) then
    insert into public.users (id, email, password) values (caller, nobodys, '!') on conflict do nothing;
  end if;
  if not exists (select from public.users u where u.id = caller) then
    raise exception 'The stand-in address of this user belongs to another' using errcode = 'unique_violation';
  end if;
  return caller;
end $$;
comment on function mako.ensure_user() is 'Makes the row of the token''s user in public.users if it is missing; returns the user id';
alter function mako.ensure_user() owner to mako_definer;
revoke all on function mako.ensure_user() from public, anon, authenticated, service_role;
grant execute on function mako.ensure_user() to authenticated, service_role, mako_sealer;

-- Default of every user_id column, so that a user's first write works through PostgREST too.
create or replace function mako.provisioned_user_id() returns text
language plpgsql volatile
set search_path = ''
as $$
begin
  return case when mako.current_user_id() is null then null else mako.ensure_user() end;
end $$;
comment on function mako.provisioned_user_id() is 'The token''s user, whose row in public.users is made if it is missing; null without a user';
revoke all on function mako.provisioned_user_id() from public, anon, authenticated, service_role;
grant execute on function mako.provisioned_user_id() to authenticated, service_role, mako_sealer;

-- Trigger on public.users: remembers who was deleted, whoever deletes.
create or replace function mako.remember_deleted_user() returns trigger
language plpgsql volatile security definer
set search_path = ''
as $$
begin
  insert into mako.deleted_users (id) values (old.id) on conflict do nothing;
  return null;
end $$;
comment on function mako.remember_deleted_user() is 'Keeps the id of a deleted user, whose tokens are still valid for a while';
alter function mako.remember_deleted_user() owner to mako_definer;
revoke all on function mako.remember_deleted_user() from public, anon, authenticated, service_role;

-- An app that a user let in through Supabase's OAuth server has the user's claims, and client_id beside them. It may read
-- and write what the user may, but not hold keys or addresses that outlive its own token, unless an admin trusts it.
create or replace function mako.client_is_trusted() returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
  client constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'client_id';
begin
  return client is null or client = 'null'
    or exists (select from mako.third_party_clients c where c.client_id = client #>> '{}');
end $$;
comment on function mako.client_is_trusted() is 'Whether the token is the user''s own session, or an app''s that may use the user''s keys';
alter function mako.client_is_trusted() owner to mako_definer;
revoke all on function mako.client_is_trusted() from public, anon, authenticated, service_role;
grant execute on function mako.client_is_trusted() to authenticated, mako_sealer;

-- The service writes its setting THIRD_PARTY_CLIENTS here at every start, so that PostgREST refuses whom it refuses.
-- Its login may: it can put any claims into a transaction anyway.
create or replace function mako.trust_clients(p_clients text[]) returns void
language plpgsql volatile security definer
set search_path = ''
as $$
begin
  if (select coalesce(array_agg(c.client_id), '{}') from mako.third_party_clients c) @> p_clients
    and not exists (select from mako.third_party_clients c where c.client_id <> all (p_clients)) then
    return; -- nothing to write, so a standby will do
  end if;
  delete from mako.third_party_clients c where c.client_id <> all (p_clients);
  insert into mako.third_party_clients (client_id) select unnest(p_clients) on conflict do nothing;
end $$;
comment on function mako.trust_clients(text[]) is 'Trusts these apps with users'' keys, and no others';
alter function mako.trust_clients(text[]) owner to mako_definer;
revoke all on function mako.trust_clients(text[]) from public, anon, authenticated, service_role;
grant execute on function mako.trust_clients(text[]) to mako;

-- For the service's /ready, which may know how new the schema is and nothing else.
create or replace function mako.schema_version() returns int
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return (select max(version) from mako.schema_history);
end $$;
comment on function mako.schema_version() is 'The newest migration of this database';
alter function mako.schema_version() owner to mako_definer;
revoke all on function mako.schema_version() from public, anon, authenticated, service_role;
grant execute on function mako.schema_version() to mako;

-- For the service's /ready: which master keys it must have to open what is stored. Jumps from one id to the next
-- in the index, however many rows there are; ids of keys are no secret.
create or replace function mako.sealing_keys_in_use() returns setof text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  relation text;
  key text;
begin
  foreach relation in array array['public.api_keys', 'public.webhook_endpoints', 'mako.event_subscriptions'] loop
    -- This file is applied before the migrations, and before the policies that let this function read.
    continue when to_regclass(relation) is null;
    continue when not has_column_privilege(to_regclass(relation), 'sealed_by', 'select');
    key := '';
    loop
      execute format('select min(sealed_by) from %s where sealed_by > $1', relation) into key using key;
      exit when key is null;
      return next key;
    end loop;
  end loop;
end $$;
comment on function mako.sealing_keys_in_use() is 'Ids of the master keys that sealed the stored values';
alter function mako.sealing_keys_in_use() owner to mako_definer;
revoke all on function mako.sealing_keys_in_use() from public, anon, authenticated, service_role;
grant execute on function mako.sealing_keys_in_use() to mako;

revoke create on schema mako from mako_definer;
commit;
