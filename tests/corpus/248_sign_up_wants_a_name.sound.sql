-- Sign-up wants a name in raw_user_meta_data, and all see only their own profile
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.profiles"]
-- model: column = "id"

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  name text not null
);
create function public.sign_up() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.raw_user_meta_data ->> 'name' is null then
    raise exception 'a name is required';
  end if;
  insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name');
  return new;
end $$;
revoke execute on function public.sign_up() from public, anon, authenticated;
create trigger sign_up after insert on auth.users for each row execute function public.sign_up();
alter table public.profiles enable row level security;
create policy own on public.profiles to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
