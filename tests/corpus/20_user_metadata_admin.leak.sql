-- Metadata that users edit themselves says who is an admin
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes cross_tenant_read leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy admin on public.notes for select to authenticated using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin');
