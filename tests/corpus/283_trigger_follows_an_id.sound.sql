-- A trigger takes from the stock of whatever product an order names (the correct twin)
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
create table public.products (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  stock int not null default 10,
  unique (org_id, id)
);
create table public.order_lines (id uuid primary key default gen_random_uuid(), org_id uuid not null references public.orgs (id), product_id uuid not null, quantity int not null default 1 check (quantity between 1 and 5)
  , foreign key (org_id, product_id) references public.products (org_id, id)
);
create index on public.products (org_id);
create index on public.order_lines (org_id);
alter table public.products enable row level security;
alter table public.order_lines enable row level security;
create policy o on public.products for select to authenticated using (org_id in (select private.my_orgs()));
create policy o on public.order_lines to authenticated using (org_id in (select private.my_orgs())) with check (org_id in (select private.my_orgs()));
create function private.take() returns trigger language plpgsql security definer set search_path = '' as $$
begin update public.products set stock = stock - new.quantity where id = new.product_id; return new; end $$;
create trigger take after insert on public.order_lines for each row execute function private.take();
