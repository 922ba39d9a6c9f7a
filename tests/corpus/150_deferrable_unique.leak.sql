-- A correct table has a unique constraint that waits until the end of the transaction; beside it, a table takes rows for
-- any organisation. Constraints of one table must not hide what is wrong with another.
-- model: [tenant]
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.staff"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"
-- expect: public.invoices cross_tenant_insert leak
create table public.orgs (id uuid primary key, name text not null);
create table public.staff (org_id uuid not null references public.orgs, user_id uuid not null references auth.users, primary key (org_id, user_id));
create index on public.staff (user_id);
create table public.requests (
  id uuid primary key, org_id uuid not null references public.orgs, user_id uuid not null references auth.users,
  status text not null check (status in ('pending', 'granted')),
  unique (org_id, user_id, status) deferrable initially deferred);
create table public.invoices (id uuid primary key, org_id uuid not null references public.orgs, words text not null);
create index on public.invoices (org_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_orgs() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select org_id from public.staff where user_id = (select auth.uid()) $$;
alter table public.orgs enable row level security;
alter table public.staff enable row level security;
alter table public.requests enable row level security;
alter table public.invoices enable row level security;
create policy own on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy own on public.staff for select to authenticated using (org_id in (select private.my_orgs()));
create policy own on public.requests to authenticated using (org_id in (select private.my_orgs()))
  with check (org_id in (select private.my_orgs()));
create policy own on public.invoices to authenticated using (org_id in (select private.my_orgs())) with check (true);
