-- Messages on topics of organisations: a member of any organisation sends to every topic
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: topics = ["org:{tenant}:news"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.members"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"
-- expect: realtime.messages cross_tenant_insert leak

create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.members (org_id uuid not null references public.orgs (id), user_id uuid not null references auth.users (id), primary key (org_id, user_id));
create index on public.members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_orgs() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select org_id from public.members where user_id = (select auth.uid()) $$;
alter table public.orgs enable row level security;
alter table public.members enable row level security;
create policy mine on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy mine on public.members for select to authenticated using (org_id in (select private.my_orgs()));
create policy listen on realtime.messages for select to authenticated
  using (exists (select from private.my_orgs() o where 'org:' || o || ':news' = realtime.topic()));
create policy send on realtime.messages for insert to authenticated
  with check (exists (select from public.members where user_id = (select auth.uid())));
