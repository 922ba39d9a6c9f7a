-- A comment may answer one of a tenant that it names beside its own
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
-- expect: public.comments foreign_key_to_other leak

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
create table public.comments (id uuid not null default gen_random_uuid(), org_id uuid not null references public.orgs (id), parent_org uuid, parent_id uuid, words text not null, primary key (org_id, id),
  foreign key (parent_org, parent_id) references public.comments (org_id, id));
alter table public.comments enable row level security;
create policy o on public.comments to authenticated using (org_id in (select private.my_orgs())) with check (org_id in (select private.my_orgs()));
