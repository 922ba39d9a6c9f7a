-- A view that shows no key, with its reader's rights
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  words text not null,
  created_at timestamptz not null default now()
);
create index on public.orders (user_id);
alter table public.orders enable row level security;
create policy own on public.orders to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create view public.recent_orders with (security_invoker = true) as select user_id, words, created_at from public.orders;
