-- Profiles that a sign-up trigger makes under a key of its own drawing, read by whose they are
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.profiles (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id) on delete cascade,
  name text
);
create function public.sign_up() returns trigger language plpgsql security definer set search_path = '' as
  $$ begin insert into public.profiles (user_id, name) values (new.id, 'new'); return new; end $$;
revoke execute on function public.sign_up() from public, anon, authenticated;
create trigger sign_up after insert on auth.users for each row execute function public.sign_up();
alter table public.profiles enable row level security;
create policy read on public.profiles for select to authenticated using (user_id = (select auth.uid()));
create policy own on public.profiles for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

create table public.settings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id) on delete cascade,
  theme text
);
alter table public.settings enable row level security;
create policy own on public.settings to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
