-- One row a user, which nobody else sees, whatever it says
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.profiles"]
-- model: column = "id"

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  name text not null default '',
  is_public boolean not null default false
);
create table public.preferences (
  user_id uuid not null unique references auth.users (id) on delete cascade,
  theme text not null default 'light',
  shared_since date
);
alter table public.profiles enable row level security;
alter table public.preferences enable row level security;
create policy own on public.profiles to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy own on public.preferences to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy shown on public.profiles for select to authenticated using (is_public and id = (select auth.uid()));
create policy shown on public.preferences for select to authenticated using (shared_since < current_date and user_id = (select auth.uid()));
create schema private;
create function private.sign_up() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id) values (new.id);
  return new;
end $$;
create trigger sign_up after insert on auth.users for each row execute function private.sign_up();
