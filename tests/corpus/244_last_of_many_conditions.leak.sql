-- Profiles, one for each user: admins see all, and everybody those that are public, the last of many conditions (the correct twin: nobody does)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.profiles"]
-- model: column = "id"
-- expect: public.profiles cross_tenant_read leak

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  role text not null default 'member' check (role in ('member', 'moderator', 'admin', 'owner')),
  suspended_at timestamptz,
  is_public boolean not null default false
);
create function public.sign_up() returns trigger language plpgsql security definer set search_path = '' as
  $$ begin insert into public.profiles (id) values (new.id); return new; end $$;
revoke execute on function public.sign_up() from public, anon, authenticated;
create trigger sign_up after insert on auth.users for each row execute function public.sign_up();
create schema private;
grant usage on schema private to authenticated;
create function private.is_admin() returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select from public.profiles where id = (select auth.uid()) and role in ('admin', 'owner', 'moderator') and suspended_at is null) $$;
alter table public.profiles enable row level security;
create policy admins on public.profiles for select to authenticated using (private.is_admin());
create policy see on public.profiles for select to authenticated using (id = (select auth.uid()) or is_public);
