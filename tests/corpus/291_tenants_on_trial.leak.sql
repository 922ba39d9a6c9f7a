-- Reports of tenants that only look around are read by everybody
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
-- expect: public.reports cross_tenant_read leak

create table public.orgs (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  plan text not null default 'pro',
  trial_ends date
);
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
create function private.is_demo(org uuid) returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select 1 from public.orgs where id = org and plan = 'demo' and trial_ends is null) $$;
create table public.reports (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  words text
);
create index on public.reports (org_id);
alter table public.orgs enable row level security;
alter table public.members enable row level security;
alter table public.reports enable row level security;
create policy mine on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy mine on public.members for select to authenticated using (org_id in (select private.my_orgs()));
create policy r on public.reports for select to authenticated using (org_id in (select private.my_orgs()) or private.is_demo(org_id));
