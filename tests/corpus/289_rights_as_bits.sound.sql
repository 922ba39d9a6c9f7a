-- Whoever may remove rooms anywhere may remove them everywhere (the correct twin)
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

create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.members (
  org_id uuid not null references public.orgs (id),
  user_id uuid not null references auth.users (id),
  perms int not null default 1,
  primary key (org_id, user_id)
);
create index on public.members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.perms(org uuid) returns int language sql stable security definer set search_path = '' as
  $$ select perms from public.members where user_id = (select auth.uid()) and org_id = org $$;
create function private.best() returns int language sql stable security definer set search_path = '' as
  $$ select max(perms) from public.members where user_id = (select auth.uid()) $$;
create table public.rooms (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  name text
);
create index on public.rooms (org_id);
alter table public.orgs enable row level security;
alter table public.members enable row level security;
alter table public.rooms enable row level security;
create policy mine on public.orgs for select to authenticated using (private.perms(id) & 1 = 1);
create policy mine on public.members for select to authenticated using (private.perms(org_id) & 1 = 1);
create policy r on public.rooms for select to authenticated using (private.perms(org_id) & 1 = 1);
create policy i on public.rooms for insert to authenticated with check (private.perms(org_id) & 2 = 2);
create policy d on public.rooms for delete to authenticated using (private.perms(org_id) & 4 = 4);
