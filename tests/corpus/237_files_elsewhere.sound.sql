-- Files that no client reaches: no policy opens them
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, words text not null);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
