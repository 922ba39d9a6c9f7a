-- Invitations are shown to whoever claims the address in user_metadata
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
-- expect: public.invitations cross_tenant_read leak

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
create table public.invitations (id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), email text not null, role text not null default 'member');
create index on public.invitations (org_id);
alter table public.invitations enable row level security;
create policy m on public.invitations to authenticated using (org_id in (select private.my_orgs())) with check (org_id in (select private.my_orgs()));
create policy mine on public.invitations for select to authenticated using (lower(email) = lower(auth.jwt() -> 'user_metadata' ->> 'email'));
