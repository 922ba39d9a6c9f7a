-- By membership: an unqualified column names the inner table, so every project passes
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "tenant_id"
-- model: [tenant.membership]
-- model: table = "public.members"
-- model: user = "user_id"
-- model: tenant = "tenant_id"
-- model: [relations."public.tenants"]
-- model: column = "id"
-- expect: public.projects cross_tenant_read leak

create table public.tenants (id uuid primary key default gen_random_uuid(), name text not null);
create table public.members (
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null default 'member' check (role in ('member', 'admin')),
  primary key (tenant_id, user_id)
);
create index on public.members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_tenants() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select tenant_id from public.members where user_id = (select auth.uid()) $$;
revoke execute on function private.my_tenants() from public;
grant execute on function private.my_tenants() to authenticated;
alter table public.tenants enable row level security;
alter table public.members enable row level security;
create policy mine on public.tenants for select to authenticated using (id = any (array(select private.my_tenants())));
create policy mine on public.members for select to authenticated using (tenant_id = any (array(select private.my_tenants())));
create table public.projects (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  name text not null,
  unique (tenant_id, id)
);
create index on public.projects (tenant_id);
alter table public.projects enable row level security;
create policy r on public.projects for select to authenticated using (exists (select from public.members m where m.user_id = (select auth.uid()) and m.tenant_id = tenant_id));
