-- A view shows more than the profiles that are public (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "id"
-- model: [relations."public.profiles"]
-- model: column = "id"
-- model: names = "user"
-- model: [relations."public.public_profiles"]
-- model: column = "id"
-- model: names = "user"
-- model: public_where = "is_public"

create table public.profiles (id uuid primary key references auth.users (id) on delete cascade, handle text not null, phone text, is_public boolean not null default false);
alter table public.profiles enable row level security;
create policy p on public.profiles to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
create view public.public_profiles as select id, handle, is_public from public.profiles
  where is_public;
revoke insert, update, delete on public.public_profiles from anon, authenticated;
