-- A file may be put wherever its name holds the tenant's id (the correct twin)
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
-- model: [buckets]
-- model: docs = { names = "{tenant}/*" }

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
insert into storage.buckets (id, name, public) values ('docs', 'docs', false);
create policy r on storage.objects for select to authenticated using (bucket_id = 'docs' and (storage.foldername(name))[1] in (select o::text from private.my_orgs() o));
create policy a on storage.objects for insert to authenticated with check (bucket_id = 'docs' and exists (select 1 from private.my_orgs() o where name like o::text || '/%'));
