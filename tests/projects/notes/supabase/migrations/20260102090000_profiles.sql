-- A profile for everybody who signs up, as Supabase's guide for user management has it.
create table public.profiles (
  id uuid primary key references auth.users on delete cascade,
  full_name text,
  updated_at timestamptz
);
alter table public.profiles enable row level security;
create policy "Users see their own profile" on public.profiles for select to authenticated
  using ((select auth.uid()) = id);
create policy "Users change their own profile" on public.profiles for update to authenticated
  using ((select auth.uid()) = id) with check ((select auth.uid()) = id);

create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, full_name) values (new.id, new.raw_user_meta_data ->> 'full_name');
  return new;
end;
$$;
create trigger on_auth_user_created after insert on auth.users
  for each row execute function public.handle_new_user();
