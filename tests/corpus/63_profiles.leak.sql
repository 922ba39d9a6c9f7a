-- The user's own row, made by a trigger on auth.users; others can be read
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.profiles"]
-- model: column = "id"
-- expect: public.profiles cross_tenant_read leak

create table public.profiles (id uuid primary key references auth.users (id) on delete cascade, full_name text, updated_at timestamptz);
alter table public.profiles enable row level security;
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$ begin insert into public.profiles (id, full_name) values (new.id, new.raw_user_meta_data ->> 'full_name'); return new; end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
create policy r on public.profiles for select using (true);
create policy w on public.profiles for update using (id = (select auth.uid()));
