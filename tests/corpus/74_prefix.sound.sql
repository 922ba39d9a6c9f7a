-- A user whose id is empty is a prefix of all (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "owner"

create table public.files (id serial primary key, owner text not null, path text);
create index on public.files (owner);
alter table public.files enable row level security;
create policy r on public.files for select to authenticated using (owner = ((select auth.jwt()) ->> 'sub'));
