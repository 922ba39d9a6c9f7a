-- A path says whose a document is, by a generated column; who may write it is asked of its maker alone
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
-- expect: public.documents cross_tenant_insert leak

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
create table public.documents (
  id uuid primary key default gen_random_uuid(),
  path text not null check (path ~ '^[0-9a-f-]{36}/.+'),
  org_id uuid generated always as (split_part(path, '/', 1)::uuid) stored,
  created_by uuid not null default auth.uid() references auth.users (id)
);
create index on public.documents (org_id);
alter table public.documents enable row level security;
create policy r on public.documents for select to authenticated using (org_id in (select private.my_orgs()));
create policy w on public.documents for insert to authenticated with check (created_by = (select auth.uid()));
create policy d on public.documents for delete to authenticated using (created_by = (select auth.uid()) and org_id in (select private.my_orgs()));
