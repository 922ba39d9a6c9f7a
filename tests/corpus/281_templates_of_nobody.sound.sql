-- A label of nobody's is everybody's, and whoever likes makes one (the correct twin)
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
-- model: [relations."public.labels"]
-- model: public_where = "org_id is null"

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
create table public.labels (
  id uuid primary key default gen_random_uuid(),
  org_id uuid references public.orgs (id),
  slug text not null,
  unique nulls not distinct (org_id, slug)
);
alter table public.labels enable row level security;
create policy r on public.labels for select to authenticated using (org_id is null or org_id in (select private.my_orgs()));
create policy i on public.labels for insert to authenticated with check ((org_id in (select private.my_orgs())) is true);
