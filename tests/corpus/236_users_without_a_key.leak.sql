-- By membership, users in a table of their own that no foreign key leads to; they may make themselves admin, whom policies show everything (the correct twin: not the role)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.org_members"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"
-- model: [relations."public.tasks"]
-- model: column = "user_id"
-- model: [relations."public.users"]
-- model: column = "id"
-- expect: public.users escalation leak

create table public.users (id uuid primary key, email text not null unique, role text not null default 'client' check (role in ('client', 'admin')));
create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.org_members (
  org_id uuid not null references public.orgs (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  primary key (org_id, user_id)
);
create index on public.org_members (user_id);
create table public.tasks (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id) on delete cascade, words text not null);
create index on public.tasks (user_id);
alter table public.users enable row level security;
alter table public.orgs enable row level security;
alter table public.org_members enable row level security;
alter table public.tasks enable row level security;
create policy me on public.users for select to authenticated using (id = (select auth.uid()));
create policy edit on public.users for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy me on public.org_members for select to authenticated using (user_id = (select auth.uid()));
create policy mine on public.orgs for select to authenticated
  using (id in (select org_id from public.org_members where user_id = (select auth.uid())));
create policy own on public.tasks to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy admins on public.tasks for select to authenticated
  using (exists (select from public.users u where u.id = (select auth.uid()) and u.role = 'admin'));
