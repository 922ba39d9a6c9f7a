-- An upsert with another's key takes the row over
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes upsert_takeover leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null unique,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy a on public.notes for insert to authenticated with check (user_id = (select auth.uid()));
create policy r on public.notes for select to authenticated using (true);
create policy w on public.notes for update to authenticated using (true) with check (user_id = (select auth.uid()));
