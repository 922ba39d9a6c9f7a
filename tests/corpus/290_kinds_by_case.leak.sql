-- Attachments of one kind are read by everybody
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
-- expect: public.attachments cross_tenant_read leak

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
create table public.attachments (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  subject text not null,
  subject_id uuid,
  url text
);
create index on public.attachments (org_id);
alter table public.attachments enable row level security;
create policy r on public.attachments for select to authenticated using (case subject when 'task' then org_id in (select private.my_orgs()) when 'invoice' then org_id in (select private.my_orgs()) when 'help' then true else false end);
