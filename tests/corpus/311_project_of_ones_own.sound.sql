-- A row that names one's own project may name another tenant (the correct twin)
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
create table public.projects (id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), name text not null default '', unique (org_id, id));
create table public.deployments (id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), project_id uuid not null, state text not null default 'queued',
  foreign key (org_id, project_id) references public.projects (org_id, id));
create index on public.projects (org_id);
create index on public.deployments (org_id);
alter table public.projects enable row level security;
alter table public.deployments enable row level security;
create policy p on public.projects to authenticated using (org_id in (select private.my_orgs())) with check (org_id in (select private.my_orgs()));
create policy r on public.deployments for select to authenticated using (org_id in (select private.my_orgs()));
create policy i on public.deployments for insert to authenticated with check (exists (select 1 from public.projects p where p.id = project_id and p.org_id in (select private.my_orgs())));
