-- A view over a materialized view that no client reaches by itself shows everybody's totals (the correct twin: one's own)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.my_totals cross_tenant_read leak

create table public.sales (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, cents int not null);
create index on public.sales (user_id);
alter table public.sales enable row level security;
create policy own on public.sales to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create schema private;
create materialized view private.totals as select user_id, sum(cents) as cents from public.sales group by user_id;
create view public.my_totals as select user_id, cents from private.totals;
revoke insert, update, delete on public.my_totals from anon, authenticated;
