-- A view that shows no key passes changes of everybody's orders on (the correct twin: with its reader's rights)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.recent_orders cross_tenant_update leak

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  words text not null,
  created_at timestamptz not null default now()
);
create index on public.orders (user_id);
alter table public.orders enable row level security;
create policy own on public.orders to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create view public.recent_orders as select user_id, words, created_at from public.orders;
