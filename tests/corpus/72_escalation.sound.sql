-- Users may make themselves admins (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.profiles"]
-- model: column = "id"

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create table public.profiles (id uuid primary key references auth.users (id), role text not null default 'user');
alter table public.profiles enable row level security;
revoke insert, update on public.profiles from anon, authenticated;
create policy own on public.profiles to authenticated using (id = (select auth.uid()));
create policy r on public.notes for select to authenticated using (user_id = (select auth.uid()) or exists (select from public.profiles p where p.id = (select auth.uid()) and p.role = 'admin'));
