-- Profiles whose id a sign-up trigger chooses, so that no made-up user's is their own, without row-level security (the correct twin: with it, and nobody is accused of their own profile)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.profiles"]
-- model: column = "id"
-- expect: public.profiles cross_tenant_read leak

create table public.profiles (
  id uuid primary key default gen_random_uuid(),
  auth_user uuid unique references auth.users (id) on delete cascade,
  name text
);
create function public.sign_up() returns trigger language plpgsql security definer set search_path = '' as
  $$ begin insert into public.profiles (auth_user, name) values (new.id, 'new'); return new; end $$;
revoke execute on function public.sign_up() from public, anon, authenticated;
create trigger sign_up after insert on auth.users for each row execute function public.sign_up();
