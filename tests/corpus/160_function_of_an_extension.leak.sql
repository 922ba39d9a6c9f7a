-- A SECURITY DEFINER function that belongs to an extension answers from all rows: PostgREST offers it like any other
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.highest() function_reads_others leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.highest() returns int language sql stable security definer set search_path = '' as $$ select max(n) from public.notes $$;
alter extension plpgsql add function public.highest();
