-- What PostgREST calls before each request believes a header that names a tenant
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.memberships"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"
-- expect: public.tickets cross_tenant_delete leak
-- expect: public.tickets cross_tenant_insert leak
-- expect: public.tickets cross_tenant_read leak
-- expect: public.tickets cross_tenant_update leak

create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.memberships (
  org_id uuid not null references public.orgs (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null default 'member' check (role in ('owner', 'admin', 'member')),
  primary key (org_id, user_id)
);
create index on public.memberships (user_id);
create schema private;
grant usage on schema private to anon, authenticated;
create function private.my_orgs() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select org_id from public.memberships where user_id = (select auth.uid()) $$;
alter table public.orgs enable row level security;
alter table public.memberships enable row level security;
create policy "members see their org" on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy "members see members" on public.memberships for select to authenticated using (org_id in (select private.my_orgs()));
create function public.pre_request() returns void language plpgsql security definer set search_path = '' as $$
declare org text := current_setting('request.headers', true)::json ->> 'x-org-id';
begin
  if org is not null then
    perform set_config('app.org_id', org, true);
  else
    perform set_config('app.org_id', '', true);
  end if;
end $$;
do $$ begin execute format('alter role authenticator in database %I set pgrst.db_pre_request = %L', current_database(), 'public.pre_request'); end $$;
create table public.tickets (id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), subject text not null);
create index on public.tickets (org_id);
alter table public.tickets enable row level security;
create policy t on public.tickets to authenticated using (org_id = nullif(current_setting('app.org_id', true), '')::uuid) with check (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
