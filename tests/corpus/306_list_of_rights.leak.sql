-- Who is in a document's list of rights is asked, and else whether it has one
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.files"]
-- model: column = "owner_id"
-- expect: public.files cross_tenant_read leak

create table public.files (id uuid primary key default gen_random_uuid(), owner_id uuid not null references auth.users (id), name text not null, acl jsonb not null default '{}');
create index on public.files (owner_id);
alter table public.files enable row level security;
create policy r on public.files for select to authenticated using (owner_id = (select auth.uid()) or coalesce((acl -> (select auth.uid())::text ->> 'read')::boolean, acl <> '{}'));
create policy i on public.files for insert to authenticated with check (owner_id = (select auth.uid()));
create policy u on public.files for update to authenticated using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
