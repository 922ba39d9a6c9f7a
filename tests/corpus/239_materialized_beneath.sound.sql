-- Views over a materialized view: one shows one's own totals, through the other nobody may look
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.sales (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, cents int not null);
create index on public.sales (user_id);
alter table public.sales enable row level security;
create policy own on public.sales to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create schema private;
create materialized view private.totals as select user_id, sum(cents) as cents from public.sales group by user_id;
create view public.my_totals as select user_id, cents from private.totals where user_id = (select auth.uid());
revoke insert, update, delete on public.my_totals from anon, authenticated;
create view public.totals_by_right with (security_invoker = true) as select user_id, cents from private.totals where user_id = (select auth.uid());
