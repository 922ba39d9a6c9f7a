-- Boards without viewers are within every list of viewers
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.boards"]
-- model: readers = ["viewers"]
-- expect: public.boards cross_tenant_read leak

create table public.boards (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  viewers uuid[] not null default '{}',
  title text not null
);
create index on public.boards (user_id);
alter table public.boards enable row level security;
create policy r on public.boards for select to authenticated using (user_id = (select auth.uid()) or viewers <@ array[(select auth.uid())]);
create policy w on public.boards for insert to authenticated with check (user_id = (select auth.uid()));
create policy u on public.boards for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy d on public.boards for delete to authenticated using (user_id = (select auth.uid()));
