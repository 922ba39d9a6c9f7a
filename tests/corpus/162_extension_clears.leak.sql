-- A SECURITY DEFINER function that belongs to an extension deletes whatever row it is told
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.clear(uuid) function_changes_others leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.clear(which uuid) returns void language sql volatile security definer set search_path = '' as $$ delete from public.notes where id = which $$;
alter extension plpgsql add function public.clear(uuid);
