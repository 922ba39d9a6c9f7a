-- By membership: users found tenants and become their members; in the leak also of others (the correct twin)
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
create policy own on public.projects to authenticated using (tenant_id = any (array(select private.my_tenants())))
  with check (tenant_id = any (array(select private.my_tenants())));
create policy founds on public.tenants for insert to authenticated with check (true);
create function public.found(p_name text) returns uuid language plpgsql security definer set search_path = '' as $$ declare made uuid; begin insert into public.tenants (name) values (p_name) returning id into made; insert into public.members (tenant_id, user_id, role) values (made, auth.uid(), 'admin'); return made; end $$;
