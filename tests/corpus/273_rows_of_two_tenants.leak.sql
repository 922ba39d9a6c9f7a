-- An order is its buyer's, and its seller reads it: the seller may change who the buyer is
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.members"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"
-- model: [relations."public.orders"]
-- model: column = "org_id"
-- model: readers = ["seller_org_id"]
-- expect: public.orders takeover leak

create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.members (
  org_id uuid not null references public.orgs (id),
  user_id uuid not null references auth.users (id),
  primary key (org_id, user_id)
);
create index on public.members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_orgs() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select org_id from public.members where user_id = (select auth.uid()) $$;
alter table public.orgs enable row level security;
alter table public.members enable row level security;
create policy mine on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy mine on public.members for select to authenticated using (org_id in (select private.my_orgs()));
create table public.orders (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  seller_org_id uuid not null references public.orgs (id),
  words text not null
);
create index on public.orders (org_id);
create index on public.orders (seller_org_id);
alter table public.orders enable row level security;
create policy buy on public.orders for insert to authenticated with check (org_id in (select private.my_orgs()));
create policy see on public.orders for select to authenticated using (org_id in (select private.my_orgs()) or seller_org_id in (select private.my_orgs()));
create policy change on public.orders for update to authenticated using (org_id in (select private.my_orgs()) or seller_org_id is not null)
  with check (org_id in (select private.my_orgs()));
