-- The same of one's own rows only
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  code text not null,
  stage text not null default 'new'
);
create index on public.orders (user_id);
alter table public.orders enable row level security;
create policy reads on public.orders for select to authenticated using (user_id = (select auth.uid()));
-- What the checksum of a code is nobody finds out from the expression.
create policy removes on public.orders for delete to authenticated
  using (user_id = (select auth.uid()) and md5(code || stage) = '900a34ceb40c8354ba3c1976fe2ccee2');
create policy changes on public.orders for update to authenticated
  using (user_id = (select auth.uid()) and stage = 'draft') with check (user_id = (select auth.uid()));
insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001');
insert into public.orders (user_id, code, stage)
  select '00000000-0000-4000-8000-000000000001', n::text, case when n = 7 then 'odd' else 'new' end from generate_series(1, 40) n;
