-- A function moves one's own row to another tenant's project
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
-- model: [relations."public.tasks"]
-- model: column = "project_id"
-- expect: public.move_task(uuid,uuid) function_reads_others leak

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
create table public.projects (id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), name text not null default '');
create table public.tasks (id uuid primary key default gen_random_uuid(), project_id uuid not null references public.projects (id), title text not null default '');
create index on public.projects (org_id);
create index on public.tasks (project_id);
create function private.has_project(p uuid) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select 1 from public.projects where id = p and org_id in (select private.my_orgs())) $$;
alter table public.projects enable row level security;
alter table public.tasks enable row level security;
create policy p on public.projects to authenticated using (org_id in (select private.my_orgs())) with check (org_id in (select private.my_orgs()));
create policy t on public.tasks to authenticated using (private.has_project(project_id)) with check (private.has_project(project_id));
create function public.move_task(task uuid, target uuid) returns void language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select 1 from public.tasks t where t.id = task and private.has_project(t.project_id)) then raise exception 'not yours'; end if;
  update public.tasks set project_id = target where id = task;
end $$;
