-- A blind DELETE takes rows whose price is above 100 (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  price int not null default 0,
  stage text not null default 'new'
);
create index on public.posts (user_id);
alter table public.posts enable row level security;
create policy reads on public.posts for select to authenticated using (user_id = (select auth.uid()));
create policy removes on public.posts for delete to authenticated using (user_id = (select auth.uid()) and price > 100);
