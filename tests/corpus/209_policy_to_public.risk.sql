-- A policy that names no role
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes policy_to_public risk

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy reads on public.notes for select using (user_id = (select auth.uid()));
create policy adds on public.notes for insert with check (user_id = (select auth.uid()));
create policy changes on public.notes for update using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete using (user_id = (select auth.uid()));
