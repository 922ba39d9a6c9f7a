-- A user whose id is empty is a prefix of all
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "owner"
-- expect: public.files cross_tenant_read leak

create table public.files (id serial primary key, owner text not null, path text);
create index on public.files (owner);
alter table public.files enable row level security;
create policy r on public.files for select to authenticated using (owner like ((select auth.jwt()) ->> 'sub') || '%');
