-- A plan is read by whoever is a member of anything at the time
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
-- expect: public.plans_ cross_tenant_read leak

create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.members (
  org_id uuid not null references public.orgs (id),
  user_id uuid not null references auth.users (id),
  valid tstzrange not null,
  perms int not null default 0,
  primary key (org_id, user_id)
);
create index on public.members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_orgs() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select org_id from public.members where user_id = (select auth.uid()) and valid @> now() $$;
create table public.plans_ (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  words text
);
create index on public.plans_ (org_id);
alter table public.orgs enable row level security;
alter table public.members enable row level security;
alter table public.plans_ enable row level security;
create policy mine on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy mine on public.members for select to authenticated using (org_id in (select private.my_orgs()));
create policy r on public.plans_ for select to authenticated using (exists (select 1 from public.members m where m.user_id = (select auth.uid()) and m.valid @> now() and m.org_id = org_id));
create policy i on public.plans_ for insert to authenticated with check (org_id in (select private.my_orgs()));
