-- Steps of tasks of projects of a tenant: each policy follows the joins to the tenant
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
-- model: [relations."public.tasks"]
-- model: column = "project_id"
-- model: [relations."public.steps"]
-- model: column = "task_id"

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
create table public.projects (id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), name text not null);
create table public.tasks (id uuid primary key default gen_random_uuid(), project_id uuid not null references public.projects (id), name text not null);
create table public.steps (id uuid primary key default gen_random_uuid(), task_id uuid not null references public.tasks (id), words text not null);
create index on public.projects (org_id);
create index on public.tasks (project_id);
create index on public.steps (task_id);
alter table public.projects enable row level security;
alter table public.tasks enable row level security;
alter table public.steps enable row level security;
create policy own on public.projects to authenticated using (org_id in (select private.my_orgs())) with check (org_id in (select private.my_orgs()));
create policy own on public.tasks to authenticated using (exists (select from public.projects p where p.id = project_id and p.org_id in (select private.my_orgs())))
  with check (exists (select from public.projects p where p.id = project_id and p.org_id in (select private.my_orgs())));
create policy see on public.steps for select to authenticated using (exists (select from public.tasks t join public.projects p on p.id = t.project_id where t.id = task_id and p.org_id in (select private.my_orgs())));
create policy add on public.steps for insert to authenticated
  with check (exists (select from public.tasks t join public.projects p on p.id = t.project_id where t.id = task_id and p.org_id in (select private.my_orgs())));
