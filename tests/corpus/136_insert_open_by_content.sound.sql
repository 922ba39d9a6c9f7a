-- A row for another user may be made where its stage and price say so (the correct twin)
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
create policy adds on public.posts for insert to authenticated with check (user_id = (select auth.uid()) and (stage = 'gift' and price between 5 and 9));
