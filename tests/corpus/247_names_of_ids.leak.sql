-- A sign-up trigger makes unique names of the first characters of ids, and everybody reads all profiles (the correct twin: only their own)
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
  handle text not null
);
create unique index profiles_handle on public.profiles (lower(handle));
create function public.sign_up() returns trigger language plpgsql security definer set search_path = '' as
  $$ begin insert into public.profiles (id, handle) values (new.id, 'user_' || left(new.id::text, 8)); return new; end $$;
revoke execute on function public.sign_up() from public, anon, authenticated;
create trigger sign_up after insert on auth.users for each row execute function public.sign_up();
alter table public.profiles enable row level security;
create policy own on public.profiles to authenticated using (true) with check (id = (select auth.uid()));
