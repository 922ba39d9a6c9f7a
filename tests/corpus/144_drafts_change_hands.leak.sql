-- Only drafts may be changed, and then given to anybody
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.orders move_away leak

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  code text not null,
  stage text not null default 'new'
);
create index on public.orders (user_id);
alter table public.orders enable row level security;
create policy reads on public.orders for select to authenticated using (user_id = (select auth.uid()));
create policy changes on public.orders for update to authenticated
  using (user_id = (select auth.uid()) and stage = 'draft') with check (true);
