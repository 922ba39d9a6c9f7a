-- A profile may name any tenant as the one that its user works in
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.members"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"
-- model: [relations."public.profiles"]
-- model: column = "id"
-- model: names = "user"
-- expect: public.profiles escalation leak

create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.members (
  org_id uuid not null references public.orgs (id),
  user_id uuid not null references auth.users (id),
  primary key (org_id, user_id)
);
create index on public.members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_orgs() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select org_id from public.members where user_id = (select auth.uid()) $$;
alter table public.orgs enable row level security;
alter table public.members enable row level security;
create policy mine on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy mine on public.members for select to authenticated using (org_id in (select private.my_orgs()));
create table public.profiles (
  id uuid primary key references auth.users (id),
  active_org uuid references public.orgs (id),
  display_name text
);
create index on public.profiles (active_org);
create function private.active() returns uuid language sql stable security definer set search_path = '' as $$ select active_org from public.profiles where id = (select auth.uid()) $$;
create table public.contracts (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  terms text
);
create index on public.contracts (org_id);
alter table public.profiles enable row level security;
alter table public.contracts enable row level security;
create policy r on public.profiles for select to authenticated using (id = (select auth.uid()));
create policy u on public.profiles for update to authenticated using (id = (select auth.uid()))
  with check (id = (select auth.uid()));
create policy o on public.contracts to authenticated using (org_id = (select private.active())) with check (org_id = (select private.active()));
