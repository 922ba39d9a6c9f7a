-- A function in a policy writes (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create schema private;
grant usage on schema private to authenticated;
create function private.seen() returns boolean language plpgsql stable security definer set search_path = '' as $$ begin return true; end $$;
create policy r on public.notes for select to authenticated using (user_id = (select auth.uid()) and (select private.seen()));
